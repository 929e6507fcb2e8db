//! The demo, step by step.

use std::path::Path;

use super::climb::{self, Cast, Reached};
use super::decide::Person;
use super::forge::Forge;
use super::house::{House, at, text};
use super::leak::Needles;
use super::process::Talker;
use super::stage::Stage;
use crate::cli::failure::{Exit, Failure};
use crate::cli::{lanes, report};
use crate::domain::files::{Access, UsedPath};
use crate::domain::run::Rung;
use crate::domain::scope::{Plane, ScopeItem};
use crate::edges::wire::{Report, UsedView};

/// Whom the agent asks to act as.
pub(super) const IDENTITY: &str = "service:ci-bot";
/// A host that is granted by name may be on this machine, because that is where the demo is.
const SETTINGS: &str = "[proxy]\nallow_addresses = [\"127.0.0.0/8\", \"::1/128\"]\n";

/// Plays all of it.
///
/// # Errors
/// With the first expectation that does not hold.
pub(super) async fn all(house: &mut House, stage: &mut Stage, person: Person) -> Result<Exit, Failure> {
    start(house, stage).await?;
    let forge = Forge::open().await?;
    let needles = Needles::of(forge.key());
    let key = install(house, stage, &forge).await?;
    stage
        .step("The agent starts inside walls, on the first rung: it reads the workspace, and nothing else")?;
    let mut agent = climb::begin(house, stage, &forge, &key)?;
    let mut cast = Cast { house, agent: &mut agent, person, agent_key: &key };
    let played = climb::play(&mut cast, stage, &needles).await;
    house.agent = Some(agent);
    let reached = played?;
    account(house, stage, &forge, &reached).await?;
    verify(house, stage).await?;
    secrecy(house, stage, &forge, &needles, reached.rung)?;
    forge.close();
    Ok(if reached.rung == Rung::Credentialed { Exit::Done } else { Exit::Refused })
}

async fn start(house: &mut House, stage: &mut Stage) -> Result<(), Failure> {
    stage.step("Exeat starts, in a fresh directory")?;
    stage.say("$ exeat init --data-dir data --person you")?;
    house.init("you").await?;
    stage.say(format!("$ printf '{}' > data/config.toml", SETTINGS.replace('\n', "\\n")))?;
    house.write("data/config.toml", SETTINGS)?;
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

async fn account(
    house: &mut House,
    stage: &mut Stage,
    forge: &Forge,
    reached: &Reached,
) -> Result<(), Failure> {
    stage.step("The four questions and the three lanes, answered from the log")?;
    let ended = match &mut house.agent {
        Some(agent) => agent.ended().await?,
        None => None,
    };
    stage.expect("the run has ended with its agent", ended == Some(0))?;
    stage.say(format!("$ exeat report {}", reached.run))?;
    let report: Report = house.client()?.read(&format!("/v1/reports/{}", reached.run), &[]).await?;
    stage.show(|page| report::told(page, &report))?;
    let lanes = lanes::of(&report).unwrap_or_default();
    let run = lanes.runs.first();
    let files = run.and_then(|run| run.files.clone()).unwrap_or_default();
    let is = |access, end| move |line: &UsedPath| line.access == access && line.path.as_str().ends_with(end);
    let seen = files.used.iter().any(is(Access::Read, "/work/README.md"))
        && files.refused.iter().any(is(Access::Write, "/work/notes.md"));
    stage.expect("files: what it read is there, and what it was refused to write", seen)?;
    let host = lanes.network.used.iter().find(|used| used.host == forge.page_host());
    let connections = host.map_or(0, |host| host.connections);
    let networked = u64::from(reached.rung >= Rung::Networked);
    stage.expect(
        &format!("network: connections to the host that was granted: {connections}"),
        (connections, forge.page_read()) == (networked, networked),
    )?;
    let secret =
        |used: &&UsedView| ScopeItem::parse(&used.item).is_ok_and(|item| item.plane() == Plane::Secrets);
    let uses: u64 = report.used.iter().filter(secret).map(|used| used.count).sum();
    let credentialed = u64::from(reached.rung == Rung::Credentialed);
    stage.expect(&format!("secrets: uses of the credential: {uses}"), uses == credentialed)
}

async fn verify(house: &House, stage: &mut Stage) -> Result<(), Failure> {
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
    rung: Rung,
) -> Result<(), Failure> {
    stage.step("Who saw the key")?;
    let (right, wrong) = forge.seen();
    let expected = u64::from(rung == Rung::Credentialed);
    let what = format!("requests that reached the upstream: {right} with the right key, {wrong} without");
    stage.expect(&what, (right, wrong) == (expected, 0))?;
    let heard = house.agent.as_ref().map(Talker::heard).unwrap_or_default();
    let complaints = std::fs::read(house.path("agent.log"))?;
    let agent = needles.in_bytes(heard.as_bytes()) || needles.in_bytes(&complaints);
    stage.expect("the agent never saw it: it is in nothing that the agent said", !agent)?;
    let kept = needles.in_folder(Path::new(&house.path("")))?;
    stage.expect("it is in no file of the installation in the clear: database, log, export", !kept)
}
