//! The agent's part of the demo: inside walls from its first moment, and up the ladder by what it is granted.

use serde_json::Value;

use super::act::IDENTITY;
use super::decide::Person;
use super::forge::{Forge, HANDBOOK};
use super::house::{House, at, text};
use super::leak::Needles;
use super::process::{Talker, below};
use super::stage::Stage;
use crate::base::id::{ApprovalId, UseId};
use crate::cli::failure::Failure;
use crate::cli::lanes;
use crate::domain::report::Climb;
use crate::domain::run::{ClimbCause, Rung};
use crate::edges::client::ClientError;
use crate::edges::wire::{GRANT_TYPE, Report, SUBJECT_TOKEN_TYPE, TokenAnswer, TokenForm};

/// Everybody who is in it.
pub(super) struct Cast<'a> {
    pub(super) house: &'a House,
    pub(super) agent: &'a mut Talker,
    pub(super) person: Person,
    /// The agent's own key, which stays outside.
    pub(super) agent_key: &'a str,
}

/// How far it came.
pub(super) struct Reached {
    pub(super) run: String,
    pub(super) rung: Rung,
}

/// The run, with the agent in it. Its command is told where things are and whom to act as; it is not told any secret.
pub(super) fn begin(house: &House, stage: &Stage, forge: &Forge, key: &str) -> Result<Talker, Failure> {
    house.furnish()?;
    let (work, data, credential) = (house.path("work"), house.path("data"), format!("forge={IDENTITY}"));
    let run = ["run", "--profile", "read-only", "--workspace", &work, "--data-dir", &data];
    let (page, origin) = (format!("http://{}/handbook", forge.page_host()), forge.origin());
    // By its path inside: another `exeat` of this machine is not meant.
    let command = ["--credential", &credential, "--", "/run/exeat/exeat", "demo-agent"];
    let told = ["--page", &page, "--upstream", &origin, "--identity", IDENTITY];
    stage.say(format!(
        "$ exeat run --profile read-only --workspace work --credential {credential} -- exeat demo-agent …"
    ))?;
    let (home, path) = (house.path("home"), std::env::var_os("PATH").unwrap_or_default());
    let environment = [
        ("EXEAT_URL", house.addresses().agent.as_ref()),
        ("EXEAT_AGENT_KEY", key.as_ref()),
        ("HOME", home.as_ref()),
        ("PATH", path.as_os_str()),
    ];
    Talker::start(&[&run[..], &command, &told].concat(), &environment, house.path("agent.log").into())
}

/// Plays it, as far as the person lets it come.
///
/// # Errors
/// With the first expectation that does not hold.
pub(super) async fn play(
    cast: &mut Cast<'_>,
    stage: &mut Stage,
    needles: &Needles,
) -> Result<Reached, Failure> {
    let run = ground(cast, stage, needles).await?;
    stage.step(
        "It wants a page from a host that is not open, is refused, and asks with the refusal as its step",
    )?;
    let (first, granted) = asks(cast, stage).await?;
    if granted.is_none() {
        return Ok(Reached { run, rung: Rung::ReadOnly });
    }
    stage.step("The host is open to the run at once, without a restart")?;
    let got = answer(cast, stage).await?;
    let page = at(&got, "/body").as_str().unwrap_or_default();
    stage.say(format!("  {page}"))?;
    stage.expect("the page arrives", (status(&got), page) == (200, HANDBOOK))?;
    climbed(cast, stage, &run, (Rung::ReadOnly, Rung::Networked), first).await?;
    stage.step("It wants the upstream, with a placeholder for a key, is refused, and asks for one use")?;
    let (second, granted) = asks(cast, stage).await?;
    let Some(approval) = granted else { return Ok(Reached { run, rung: Rung::Networked }) };
    stage.step(
        "Exeat exchanges the approval for a token, and the upstream gets the key: it works inside its scope",
    )?;
    inside(cast, stage).await?;
    climbed(cast, stage, &run, (Rung::Networked, Rung::Credentialed), second).await?;
    stage.step("Outside its scope, and a second time, it is refused")?;
    outside(cast, stage, approval).await?;
    Ok(Reached { run, rung: Rung::Credentialed })
}

/// On the ground: what the walls show, and what they do not.
async fn ground(cast: &mut Cast<'_>, stage: &mut Stage, needles: &Needles) -> Result<String, Failure> {
    let began = cast.agent.next().await?;
    let run = text(&began, "run")?;
    stage.say(format!("run {run}, on the rung read-only"))?;
    let read = text(&began, "read")?;
    stage.expect(
        &format!("it reads the workspace: README.md says \u{201c}{read}\u{201d}"),
        !read.is_empty(),
    )?;
    let mut refused = |name: &str, what: &str| {
        let why = at(&began, &format!("/{name}")).as_str();
        stage.expect(&format!("{what}: {}", why.unwrap_or("it did")), why.is_some())
    };
    refused("write", "it cannot write there")?;
    refused("home", "it does not see ~/.ssh/id_ed25519")?;
    refused("direct", "it cannot connect past Exeat")?;
    let inside = below(cast.agent.id().ok_or_else(|| Failure::new("the run has ended"))?)?;
    let own = Needles::of(cast.agent_key);
    let mut looked = Vec::new();
    for process in inside {
        looked.push(needles.in_process(process)?.zip(own.in_process(process)?));
    }
    // Into some processes of bubblewrap only root may look; the last is the agent, and into that everybody may whose it is.
    let clean = looked.last() == Some(&Some((false, false)));
    let count = looked.iter().flatten().count();
    stage.expect(
        &format!("neither key is in the environment or the arguments of its processes: {count} looked into"),
        clean && looked.iter().flatten().all(|held| *held == (false, false)),
    )?;
    Ok(run)
}

/// It is refused, asks, and a person decides: the refusal, and the approval if it was granted.
async fn asks(cast: &mut Cast<'_>, stage: &mut Stage) -> Result<(UseId, Option<ApprovalId>), Failure> {
    let refused = answer(cast, stage).await?;
    let body = at(&refused, "/body");
    for (name, pointer) in
        [("type", "/type"), ("detail", "/detail"), ("use", "/use"), ("ask", "/ask/command")]
    {
        if let Some(value) = body.pointer(pointer).and_then(Value::as_str) {
            stage.say(format!("  {name:<7} {value}"))?;
        }
    }
    let taught = status(&refused) == 403 && body.pointer("/ask/body").is_some();
    stage.expect("the refusal says what was missing and how to ask for it", taught)?;
    let refusal = parsed(&text(body, "use")?)?;
    let approval = parsed(&text(&cast.agent.next().await?, "approval")?)?;
    stage.step("You decide")?;
    let granted = cast.person.decides(cast.house, stage, cast.agent, approval).await?;
    Ok((refusal, granted.then_some(approval)))
}

async fn inside(cast: &mut Cast<'_>, stage: &mut Stage) -> Result<(), Failure> {
    let got = answer(cast, stage).await?;
    for issue in at(&got, "/body").as_array().into_iter().flatten() {
        stage.say(format!("  #{} {}", at(issue, "/number"), at(issue, "/title")))?;
    }
    stage.expect("the upstream took the real key, which the agent never had", status(&got) == 200)
}

async fn outside(cast: &mut Cast<'_>, stage: &mut Stage, approval: ApprovalId) -> Result<(), Failure> {
    for what in ["POST was not granted", "another repository was not granted", "its one use is used up"] {
        let answer = answer(cast, stage).await?;
        stage.expect(what, status(&answer) == 403)?;
    }
    let form = TokenForm {
        grant_type: GRANT_TYPE.to_owned(),
        subject_token: approval.to_string(),
        subject_token_type: SUBJECT_TOKEN_TYPE.to_owned(),
        requested_token_type: None,
        authorization_details: None,
        expires_in: None,
    };
    // Outside the walls, where the agent's key is: inside there is nothing to exchange with.
    let exeat = cast.house.agent_client(cast.agent_key)?;
    let error = match exeat.send_form::<TokenAnswer>("/oauth/token", &form).await {
        Ok(_) => None,
        Err(ClientError::Refused { document, .. }) => Some(text(&document, "error")?),
        Err(error) => return Err(error.into()),
    };
    let said = error.as_deref().unwrap_or("a token");
    stage.say(format!("$ exeat token {approval} \u{2192} {said}"))?;
    stage.expect("an approval that was spent gives no second token", said == "invalid_grant")
}

/// The newest climb of the run, as it is on record.
async fn climbed(
    cast: &Cast<'_>,
    stage: &mut Stage,
    run: &str,
    (from, to): (Rung, Rung),
    refusal: UseId,
) -> Result<(), Failure> {
    let report: Report = cast.house.client()?.read(&format!("/v1/reports/{run}"), &[]).await?;
    let newest = lanes::of(&report).and_then(|lanes| lanes.runs.into_iter().next()?.climbs.pop());
    let so =
        |climb: &Climb| (climb.from, climb.to) == (from, to) && climb.cause == ClimbCause::Refusal(refusal);
    let what =
        format!("the run climbed from {} to {}, on record after {refusal}", from.as_str(), to.as_str());
    stage.expect(&what, newest.as_ref().is_some_and(so))
}

/// The next answer that the agent had.
async fn answer(cast: &mut Cast<'_>, stage: &Stage) -> Result<Value, Failure> {
    let got = cast.agent.next().await?;
    let url = at(&got, "/url").as_str().unwrap_or_default();
    let method = at(&got, "/method").as_str().unwrap_or_default();
    stage.say(format!("{method} {url} \u{2192} {}", status(&got)))?;
    Ok(got)
}

fn status(answer: &Value) -> u64 {
    at(answer, "/status").as_u64().unwrap_or_default()
}

fn parsed<T>(text: &str) -> Result<T, Failure>
where
    T: std::str::FromStr<Err: std::error::Error>,
{
    text.parse().map_err(|error| Failure::because("no id", &error))
}
