//! The demo, step by step.

use std::path::Path;

use serde_json::Value;

use super::decide::decision;
use super::forge::Forge;
use super::house::{House, at, text};
use super::leak::Needles;
use super::process::Talker;
use super::stage::Stage;
use crate::base::id::ApprovalId;
use crate::cli::failure::{Exit, Failure};
use crate::cli::report;
use crate::edges::wire::Report;

const IDENTITY: &str = "service:ci-bot";

/// Plays all of it.
///
/// # Errors
/// With the first expectation that does not hold.
pub(super) async fn all(house: &mut House, stage: &mut Stage, yes: bool) -> Result<Exit, Failure> {
    start(house, stage).await?;
    let forge = Forge::open().await?;
    let needles = Needles::of(forge.key());
    let agent_key = install(house, stage, &forge).await?;
    let mut agent = begin(house, &forge, &agent_key)?;
    let played = play(house, stage, &mut agent, &forge, &needles, yes).await;
    house.agent = Some(agent);
    let (approval, exit) = played?;
    account(house, stage, approval).await?;
    secrecy(house, stage, &forge, &needles, exit)?;
    forge.close();
    Ok(exit)
}

async fn start(house: &mut House, stage: &mut Stage) -> Result<(), Failure> {
    stage.step("Exeat starts, in a fresh directory")?;
    stage.say("$ exeat init --data-dir data --person you")?;
    house.init("you").await?;
    stage.say("$ exeat serve --data-dir data")?;
    house.serve().await?;
    let at = house.addresses();
    stage.say(format!(
        "agents ask at {}, people decide at {}, requests go out through {}",
        at.agent, at.review, at.proxy
    ))
}

async fn install(house: &House, stage: &mut Stage, forge: &Forge) -> Result<String, Failure> {
    stage.step(
        "An upstream that answers only with the right key is installed, and an agent that may ask for it",
    )?;
    let (origin, ca) = (forge.origin(), house.path("forge-ca.pem"));
    house.write("forge-ca.pem", forge.ca_pem())?;
    stage.say(format!("$ exeat upstream add forge --origin {origin} --slot bearer --ca forge-ca.pem --allow-address 127.0.0.0/8 …"))?;
    let upstream = ["upstream", "add", "forge", "--origin", &origin, "--slot", "bearer", "--ca", &ca];
    // The name `localhost` may stand for either loopback.
    let loopback = ["--allow-address", "127.0.0.0/8", "--allow-address", "::1/128"];
    house.call(&[&upstream[..], &loopback].concat(), None).await?;
    stage.say(format!("$ exeat identity add {IDENTITY}"))?;
    house.call(&["identity", "add", IDENTITY], None).await?;
    stage.say(format!("$ exeat credential add --upstream forge --identity {IDENTITY} < key"))?;
    let credential = ["credential", "add", "--upstream", "forge", "--identity", IDENTITY];
    house.call(&credential, Some(forge.key())).await?;
    stage.say(format!("$ exeat agent add demo --identity {IDENTITY} --upstream forge"))?;
    let added =
        house.call(&["agent", "add", "demo", "--identity", IDENTITY, "--upstream", "forge"], None).await?;
    text(&added, "key")
}

/// The agent is a process of its own. It is told where Exeat is and who it is; it is not told any secret.
fn begin(house: &House, forge: &Forge, key: &str) -> Result<Talker, Failure> {
    let (at, origin) = (house.addresses(), forge.origin());
    let arguments =
        ["demo-agent", "--proxy", &at.proxy, "--ca", &at.ca, "--upstream", &origin, "--identity", IDENTITY];
    let environment = [("EXEAT_URL", at.agent.as_str()), ("EXEAT_AGENT_KEY", key)];
    Talker::start(&arguments, &environment, Path::new(&house.path("agent.log")))
}

async fn play(
    house: &House,
    stage: &mut Stage,
    agent: &mut Talker,
    forge: &Forge,
    needles: &Needles,
    yes: bool,
) -> Result<(ApprovalId, Exit), Failure> {
    stage.step("The agent goes out without permission, and is refused")?;
    let refused = agent.next().await?;
    refusal(stage, &refused)?;
    stage.step("The agent asks for what was missing, with the refusal as its step, and waits")?;
    let asked = text(&agent.next().await?, "approval")?;
    let approval: ApprovalId = asked.parse().map_err(|error| Failure::because("no approval", &error))?;
    let id = agent.id().ok_or_else(|| Failure::new("the agent has ended"))?;
    stage.expect(
        "the key is neither in the agent's environment nor in its arguments",
        !needles.in_process(id)?,
    )?;
    stage.step("You decide")?;
    let decided = decision(house, stage, agent, approval, yes).await?;
    if text(&decided, "state")? != "approved" {
        stage.expect("without your yes, nothing reached the upstream", forge.seen() == (0, 0))?;
        return Ok((approval, Exit::Refused));
    }
    stage.step("The agent exchanges the approval for a token, and works inside its scope")?;
    inside(stage, agent).await?;
    stage.step("Outside its scope, and a second time, it is refused")?;
    outside(stage, agent).await?;
    Ok((approval, Exit::Done))
}

fn refusal(stage: &mut Stage, refused: &Value) -> Result<(), Failure> {
    let body = at(refused, "/body");
    stage.say(format!("GET /repos/acme/app/issues \u{2192} {}", at(refused, "/status")))?;
    for (name, pointer) in
        [("type", "/type"), ("detail", "/detail"), ("use", "/use"), ("ask", "/ask/command")]
    {
        if let Some(value) = body.pointer(pointer).and_then(Value::as_str) {
            stage.say(format!("  {name:<7} {value}"))?;
        }
    }
    let taught = at(refused, "/status").as_u64() == Some(403)
        && body.pointer("/ask/body").is_some()
        && body.get("use").is_some();
    stage.expect("the refusal says what was missing and how to ask for it", taught)
}

async fn inside(stage: &mut Stage, agent: &mut Talker) -> Result<(), Failure> {
    let token = agent.next().await?;
    stage.say(format!("token for {} s", at(&token, "/expires_in")))?;
    let got = agent.next().await?;
    stage.say(format!("GET /repos/acme/app/issues \u{2192} {}", at(&got, "/status")))?;
    for issue in at(&got, "/body").as_array().into_iter().flatten() {
        stage.say(format!("  #{} {}", at(issue, "/number"), at(issue, "/title")))?;
    }
    stage.expect(
        "the upstream took the real key, which the agent never had",
        at(&got, "/status").as_u64() == Some(200),
    )
}

async fn outside(stage: &mut Stage, agent: &mut Talker) -> Result<(), Failure> {
    for what in ["POST was not granted", "another repository was not granted"] {
        let answer = agent.next().await?;
        let (method, path) = (text(&answer, "method")?, text(&answer, "path")?);
        stage.say(format!("{method} {path} \u{2192} {}", at(&answer, "/status")))?;
        stage.expect(what, at(&answer, "/status").as_u64() == Some(403))?;
    }
    let again = agent.next().await?;
    stage.say(format!("exchange again \u{2192} {}", at(&again, "/error")))?;
    stage.expect(
        "an approval that was spent gives no second token",
        at(&again, "/error").as_str() == Some("invalid_grant"),
    )
}

async fn account(house: &House, stage: &mut Stage, approval: ApprovalId) -> Result<(), Failure> {
    stage.step("The four questions, answered from the log")?;
    stage.say(format!("$ exeat report {approval}"))?;
    let report: Report = house.client()?.read(&format!("/v1/reports/{approval}"), &[]).await?;
    stage.show(|page| report::told(page, &report))?;
    stage.step("The log, verified without trusting whoever keeps it")?;
    let (log, keys) = (house.path("log.jsonl"), house.call(&["log", "key"], None).await?);
    stage.say("$ exeat log export log.jsonl")?;
    house.call(&["log", "export", &log], None).await?;
    let key = at(&keys, "/keys/0").as_str().unwrap_or_default();
    stage.say(format!("$ exeat log verify log.jsonl --key '{key}'"))?;
    let verified = house.call(&["log", "verify", &log, "--key", key], None).await?;
    stage.expect(
        &format!("{} entries: whole, unchanged, in order, signed", at(&verified, "/entries")),
        at(&verified, "/verified").as_bool() == Some(true),
    )
}

fn secrecy(
    house: &House,
    stage: &mut Stage,
    forge: &Forge,
    needles: &Needles,
    exit: Exit,
) -> Result<(), Failure> {
    stage.step("Who saw the key")?;
    let (right, wrong) = forge.seen();
    let expected = u64::from(exit == Exit::Done);
    let what = format!("requests that reached the upstream: {right} with the right key, {wrong} without");
    stage.expect(&what, (right, wrong) == (expected, 0))?;
    let heard = house.agent.as_ref().map(Talker::heard).unwrap_or_default();
    let complaints = std::fs::read(house.path("agent.log"))?;
    let agent = needles.in_bytes(heard.as_bytes()) || needles.in_bytes(&complaints);
    stage.expect("the agent never saw it: it is in nothing that the agent said", !agent)?;
    let kept = needles.in_folder(Path::new(&house.path("")))?;
    stage.expect("it is in no file of the installation in the clear: database, log, export", !kept)
}
