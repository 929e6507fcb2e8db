//! The running Exeat: that it listens, that it can write, that its clock is right, and what is installed loosely.

use std::time::Duration;

use tokio::net::TcpStream;

use super::Finding;
use crate::base::clock::Timestamp;
use crate::cli::failure::Failure;
use crate::cli::output::{listed, moment};
use crate::cli::settings::ReviewSide;
use crate::cli::time::now;
use crate::domain::ledger::checkpoint::SignedCheckpoint;
use crate::domain::upstream::Origin;
use crate::edges::client::{Client, ClientError};
use crate::edges::wire::{AgentList, AgentView, EntryList, UpstreamList};

/// An agent's key is said to end soon when it ends within this time.
const SOON: Duration = Duration::from_hours(72);

/// Whether something listens there.
pub(super) async fn reachable(check: &'static str, origin: &Origin) -> Finding {
    let dial = TcpStream::connect((origin.host.trim_matches(['[', ']']), origin.port));
    match tokio::time::timeout(Duration::from_secs(3), dial).await {
        Ok(Ok(_)) => Finding::ok(check, format!("answers at {origin}")),
        _ => Finding::wrong(
            check,
            format!("nobody answers at {origin}"),
            "start it: exeat serve --data-dir DIR",
        ),
    }
}

/// Whether the store answers, which also means that its schema is the one this version reads.
pub(super) async fn ready(origin: &Origin) -> Finding {
    const CHECK: &str = "store and schema";
    let client = match Client::new(origin.clone(), None) {
        Ok(client) => client,
        Err(error) => return Finding::wrong(CHECK, error.to_string(), "check this machine's TLS roots"),
    };
    match client.read_text("/readyz").await {
        Ok(_) => Finding::ok(CHECK, "ready to write"),
        Err(ClientError::Refused { .. }) => Finding::wrong(
            CHECK,
            "not ready: nothing can be put on record",
            "look at disk space and at the log of `exeat serve`",
        ),
        Err(error) => Finding::wrong(CHECK, error.to_string(), "start it: exeat serve --data-dir DIR"),
    }
}

/// What a person may see of what is installed.
pub(super) async fn installed(side: &ReviewSide) -> Vec<Finding> {
    if side.review_key.is_none() {
        let remedy = "set EXEAT_REVIEW_KEY to look at them too";
        return vec![Finding::weak("installed", "upstreams, agents and clock were not looked at", remedy)];
    }
    match look(side).await {
        Ok(findings) => findings,
        Err(failure) => {
            vec![Finding::wrong("installed", failure.what(), "check EXEAT_REVIEW_KEY and EXEAT_REVIEW_URL")]
        }
    }
}

async fn look(side: &ReviewSide) -> Result<Vec<Finding>, Failure> {
    let client = side.client()?;
    let upstreams: UpstreamList = client.read("/v1/upstreams", &[]).await?;
    let agents: AgentList = client.read("/v1/agents", &[]).await?;
    let newest = newest_entry(&client).await?;
    Ok(vec![private(&upstreams), expiring(&agents, now()), clock(newest, now())])
}

/// B10: an allowance of private addresses is said aloud.
pub(super) fn private(upstreams: &UpstreamList) -> Finding {
    const CHECK: &str = "private addresses";
    let loose: Vec<String> = upstreams
        .upstreams
        .iter()
        .filter(|upstream| !upstream.allow_addresses.is_empty())
        .map(|upstream| format!("{} ({})", upstream.name, listed(&upstream.allow_addresses)))
        .collect();
    if loose.is_empty() {
        return Finding::ok(CHECK, "no upstream may be at one");
    }
    let remedy = "keep the ranges as narrow as they can be; define the upstream anew without --allow-address if it has none";
    Finding::weak(CHECK, format!("allowed for {}", loose.join("; ")), remedy)
}

/// Agents whose keys end soon, or have ended.
pub(super) fn expiring(agents: &AgentList, now: Timestamp) -> Finding {
    const CHECK: &str = "agent keys";
    let soon = |agent: &&AgentView| agent.removed_at.is_none() && agent.expires_at <= now.plus(SOON);
    let soon: Vec<String> = agents
        .agents
        .iter()
        .filter(soon)
        .map(|agent| format!("{} ({})", agent.name, moment(agent.expires_at)))
        .collect();
    if soon.is_empty() {
        return Finding::ok(CHECK, "none ends within three days");
    }
    let remedy = "enrol them anew with `exeat agent add`, and remove the old ones";
    Finding::weak(CHECK, format!("ended or ending soon: {}", soon.join(", ")), remedy)
}

async fn newest_entry(client: &Client) -> Result<Option<Timestamp>, Failure> {
    let note = client.read_text("/v1/ledger/checkpoint").await?;
    let head = SignedCheckpoint::parse(&note).map_err(|error| Failure::because("no checkpoint", &error))?;
    let mut query = vec![("limit", "1".to_owned())];
    query.extend(head.claim().size.checked_sub(2).map(|after| ("after", after.to_string())));
    let list: EntryList = client.read("/v1/ledger/entries", &query).await?;
    let at = list.entries.last().and_then(|view| view.entry.get("at")?.as_str());
    Ok(at.and_then(|at| Timestamp::try_from(at.to_owned()).ok()))
}

/// Exeat's time never goes back, so a wall clock behind the newest entry has been set back.
pub(super) fn clock(newest: Option<Timestamp>, now: Timestamp) -> Finding {
    const CHECK: &str = "clock";
    match newest {
        Some(at) if at > now.plus(Duration::from_secs(2)) => {
            let behind = now.until(at).as_secs();
            let remedy =
                "set this machine's clock (chronyc tracking); until then everything ends as if it were right";
            Finding::wrong(CHECK, format!("{behind} s behind the newest entry of the log"), remedy)
        }
        _ => Finding::ok(CHECK, "not behind the log"),
    }
}
