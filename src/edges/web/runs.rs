//! Runs: all of them, and one on a time axis with a lane for each control plane.

mod axis;

use askama::Template;
use axum::extract::State;
use axum::response::IntoResponse;

use self::axis::{Axis, Window};
use super::page::{Page, Shell, Trouble};
use super::visitor::Visitor;
use super::words::{self, Moment};
use crate::base::clock::Timestamp;
use crate::base::id::RunId;
use crate::domain::ledger::Event;
use crate::domain::problem::Problem;
use crate::domain::run::RunState;
use crate::edges::extract::{Id, StrictQuery};
use crate::edges::state::Edge;
use crate::store::EntryQuery;

/// Runs on one page.
const LISTED: u32 = 100;
/// Entries of a run that are drawn.
const DRAWN: u32 = 1000;

/// One run.
struct Row {
    id: String,
    agent: String,
    agent_id: String,
    profile: String,
    workspace: String,
    began_on: &'static str,
    rung: &'static str,
    walled: bool,
    end: Option<String>,
    began: Moment,
    ended: Option<Moment>,
}

#[derive(Template)]
#[template(path = "runs.html")]
struct RunsPage {
    shell: Shell,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    shell: Shell,
    run: Row,
    axis: Axis,
    cut: bool,
}

pub(super) async fn list(
    Visitor(known): Visitor,
    State(edge): State<Edge>,
) -> Result<impl IntoResponse, Trouble> {
    let event = Some("run_started".to_owned());
    let query = EntryQuery { before: Some(u64::MAX), event, limit: LISTED, ..EntryQuery::default() };
    let started = edge.broker().read_log(&known, "runs", query).await?;
    let mut rows = Vec::with_capacity(started.len());
    for entry in started.iter().rev() {
        if let Event::RunStarted(run) = &entry.entry.event {
            rows.push(row(&edge, run.id).await?);
        }
    }
    Ok(Page(RunsPage { rows, shell: Shell::of(&known, "runs") }))
}

pub(super) async fn show(
    Visitor(known): Visitor,
    State(edge): State<Edge>,
    id: Result<Id<RunId>, Problem>,
    window: Result<StrictQuery<Window>, Problem>,
) -> Result<impl IntoResponse, Trouble> {
    let id = id?.0;
    let run = row(&edge, id).await?;
    let query = EntryQuery { run: Some(id), limit: DRAWN, ..EntryQuery::default() };
    let entries = edge.broker().read_log(&known, format!("run {id}"), query).await?;
    let axis = Axis::of(&entries, window?.0);
    let cut = entries.len() == DRAWN as usize;
    Ok(Page(RunPage { run, axis, cut, shell: Shell::of(&known, "runs") }))
}

async fn row(edge: &Edge, id: RunId) -> Result<Row, Problem> {
    let (record, now) = (edge.broker().run_record(id).await?, edge.broker().now());
    let catalog = edge.broker().catalog();
    let run = &record.run;
    let agent =
        catalog.agent(run.agent).map_or_else(|| run.agent.to_string(), |agent| agent.name.to_string());
    let moment = |at: Timestamp| Moment::of(at, now);
    let (rung, end, ended) = match record.state {
        RunState::Running { rung } => (rung, None, None),
        RunState::Ended { rung, end, at } => (rung, Some(words::end(end)), Some(moment(at))),
    };
    Ok(Row {
        id: id.to_string(),
        agent,
        agent_id: run.agent.to_string(),
        profile: run.profile.to_string(),
        workspace: run.workspace.as_ref().map(ToString::to_string).unwrap_or_default(),
        began_on: run.rung.as_str(),
        rung: rung.as_str(),
        walled: !id.is_unwalled(),
        end,
        began: moment(run.began_at),
        ended,
    })
}
