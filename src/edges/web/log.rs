//! The log: searched by what an entry is about, newest first, and one entry with what proves it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use serde::Deserialize;

use super::page::{Page, Shell, Trouble};
use super::visitor::Visitor;
use super::words::Moment;
use crate::base::clock::Timestamp;
use crate::domain::ledger::Links;
use crate::domain::problem::Problem;
use crate::edges::extract::StrictQuery;
use crate::edges::problem::{invalid, not_found};
use crate::edges::state::Edge;
use crate::store::EntryQuery;

/// Entries on one page.
const LISTED: u32 = 100;

/// What is searched for. An empty field asks for nothing.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Search {
    /// The name of an event.
    r#type: String,
    /// The id of an approval, token, agent, run or use.
    about: String,
    since: String,
    until: String,
    before: Option<u64>,
}

/// One entry.
struct Row {
    index: u64,
    at: Moment,
    event: &'static str,
    about: Vec<String>,
}

#[derive(Template)]
#[template(path = "log.html")]
struct LogPage {
    shell: Shell,
    search: Search,
    rows: Vec<Row>,
    older: Option<String>,
    size: u64,
}

#[derive(Template)]
#[template(path = "entry.html")]
struct EntryPage {
    shell: Shell,
    index: u64,
    at: Moment,
    event: &'static str,
    json: String,
    leaf: String,
    proof: Option<Proof>,
}

/// What proves an entry.
struct Proof {
    size: u64,
    hashes: Vec<String>,
    checkpoint: String,
}

pub(super) async fn list(
    Visitor(known): Visitor,
    State(edge): State<Edge>,
    search: Result<StrictQuery<Search>, Problem>,
) -> Result<impl IntoResponse, Trouble> {
    let search = search?.0;
    let found = edge.broker().read_log(&known, "pages of the log", search.query()?).await?;
    let now = edge.broker().now();
    let rows: Vec<Row> = found
        .iter()
        .rev()
        .map(|entry| Row {
            index: entry.index,
            at: Moment::of(entry.entry.at, now),
            event: entry.entry.event.name(),
            about: about(&entry.entry.event.links()),
        })
        .collect();
    let older = rows.last().filter(|_| rows.len() == LISTED as usize).map(|row| search.older(row.index));
    let size = edge.broker().head().await?.size;
    Ok(Page(LogPage { search, rows, older, size, shell: Shell::of(&known, "log") }))
}

pub(super) async fn entry(
    Visitor(known): Visitor,
    State(edge): State<Edge>,
    Path(index): Path<String>,
) -> Result<impl IntoResponse, Trouble> {
    let index: u64 = index.parse().map_err(|_| not_found())?;
    let query = EntryQuery { after: index.checked_sub(1), limit: 1, ..EntryQuery::default() };
    let found = edge.broker().read_log(&known, format!("entry {index}"), query).await?;
    let found = found.into_iter().find(|entry| entry.index == index).ok_or_else(not_found)?;
    // An entry of this very moment may not be under a signed head yet; it is shown without a proof then.
    let proof = edge.broker().prove_inclusion(index, None).await.ok().map(|proof| Proof {
        size: proof.size,
        hashes: proof.hashes.iter().map(ToString::to_string).collect(),
        checkpoint: proof.checkpoint,
    });
    let value: serde_json::Value = serde_json::from_slice(&found.bytes).unwrap_or_default();
    Ok(Page(EntryPage {
        shell: Shell::of(&known, "log"),
        index,
        at: Moment::of(found.entry.at, edge.broker().now()),
        event: found.entry.event.name(),
        json: serde_json::to_string_pretty(&value).unwrap_or_default(),
        leaf: found.leaf.to_string(),
        proof,
    }))
}

impl Search {
    fn query(&self) -> Result<EntryQuery, Problem> {
        let word = |text: &str| text.len() <= 40 && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if !word(&self.r#type) {
            return Err(invalid("type", "expected the name of an event, such as use_started"));
        }
        let mut query = EntryQuery {
            before: Some(self.before.unwrap_or(u64::MAX)),
            limit: LISTED,
            event: Some(self.r#type.clone()).filter(|text| !text.is_empty()),
            since: moment("since", &self.since)?,
            until: moment("until", &self.until)?,
            ..EntryQuery::default()
        };
        let about = self.about.trim();
        query.approval = about.parse().ok();
        query.token = about.parse().ok();
        query.agent = about.parse().ok();
        query.run = about.parse().ok();
        query.usage = about.parse().ok();
        let is_none = query.approval.is_none() && query.token.is_none() && query.agent.is_none();
        if !about.is_empty() && is_none && query.run.is_none() && query.usage.is_none() {
            return Err(invalid("about", "expected the id of an approval, token, agent, run or use"));
        }
        Ok(query)
    }

    /// The same search, further back.
    fn older(&self, before: u64) -> String {
        let fields =
            [("type", &self.r#type), ("about", &self.about), ("since", &self.since), ("until", &self.until)];
        let said = fields.into_iter().filter(|(_, value)| !value.is_empty());
        // Each was parsed: it holds nothing that means something in a query.
        let said = said.map(|(name, value)| format!("{name}={}&", value.trim().replace('+', "%2B")));
        format!("/log?{}before={before}", said.collect::<String>())
    }
}

fn moment(field: &str, text: &str) -> Result<Option<Timestamp>, Problem> {
    match text.trim() {
        "" => Ok(None),
        text => text
            .to_owned()
            .try_into()
            .map(Some)
            .map_err(|_| invalid(field, "expected a moment, such as 2026-11-29T20:00:00Z")),
    }
}

fn about(links: &Links) -> Vec<String> {
    let ids = [
        links.approval.map(|id| id.to_string()),
        links.token.map(|id| id.to_string()),
        links.agent.map(|id| id.to_string()),
        links.run.map(|id| id.to_string()),
        links.usage.map(|id| id.to_string()),
    ];
    ids.into_iter().flatten().collect()
}
