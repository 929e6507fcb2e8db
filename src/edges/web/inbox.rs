//! What waits for people, and everything that was asked.

use std::cmp::Reverse;

use askama::Template;
use axum::extract::State;
use axum::response::IntoResponse;

use super::item::weight;
use super::page::{Page, Shell, Trouble};
use super::visitor::Visitor;
use super::words::Moment;
use crate::base::clock::Timestamp;
use crate::broker::Seen;
use crate::domain::scope::{ScopeItem, Weight};
use crate::edges::state::Edge;

/// Approvals on one page.
const LISTED: u32 = 200;

/// One approval in a list.
struct Row {
    id: String,
    state: &'static str,
    agent: String,
    identity: String,
    items: Vec<String>,
    reason: String,
    weight: &'static str,
    asked: Moment,
    ends: Moment,
}

impl Row {
    fn of(seen: &Seen, now: Timestamp) -> Self {
        let statement = &seen.approval.statement;
        Self {
            id: statement.approval.to_string(),
            state: seen.state,
            agent: statement.agent.name.to_string(),
            identity: statement.identity.to_string(),
            items: statement.items.iter().map(ToString::to_string).collect(),
            reason: statement.reason.to_string(),
            weight: weight(heaviest(seen)),
            asked: Moment::of(statement.created_at, now),
            ends: Moment::of(statement.expires_at, now),
        }
    }
}

fn heaviest(seen: &Seen) -> Weight {
    seen.approval.statement.items.iter().map(ScopeItem::weight).max().unwrap_or(Weight::Changes)
}

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage {
    shell: Shell,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "inbox_rows.html")]
struct InboxRows {
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "approvals.html")]
struct ApprovalsPage {
    shell: Shell,
    rows: Vec<Row>,
}

pub(super) async fn inbox(
    Visitor(known): Visitor,
    State(edge): State<Edge>,
) -> Result<impl IntoResponse, Trouble> {
    Ok(Page(InboxPage { rows: waiting(&edge).await?, shell: Shell::of(&known, "inbox") }))
}

/// The same without what is around it, for a page that has heard of a change.
pub(super) async fn rows(_visitor: Visitor, State(edge): State<Edge>) -> Result<impl IntoResponse, Trouble> {
    Ok(Page(InboxRows { rows: waiting(&edge).await? }))
}

pub(super) async fn all(
    Visitor(known): Visitor,
    State(edge): State<Edge>,
) -> Result<impl IntoResponse, Trouble> {
    let (seen, now) = (edge.broker().approvals(None, LISTED).await?, edge.broker().now());
    let rows = seen.iter().map(|seen| Row::of(seen, now)).collect();
    Ok(Page(ApprovalsPage { rows, shell: Shell::of(&known, "approvals") }))
}

/// What lets an agent do most comes first, and of that what has waited longest.
async fn waiting(edge: &Edge) -> Result<Vec<Row>, Trouble> {
    let mut seen = edge.broker().approvals(Some("pending".to_owned()), LISTED).await?;
    seen.sort_by_key(|seen| (Reverse(heaviest(seen)), seen.approval.statement.created_at));
    let now = edge.broker().now();
    Ok(seen.iter().map(|seen| Row::of(seen, now)).collect())
}
