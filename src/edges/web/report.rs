//! Granted against used, for one approval, token, agent or run.

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::IntoResponse;

use super::page::{Page, Shell, Trouble};
use super::visitor::Visitor;
use super::words::{Moment, span};
use crate::base::clock::Timestamp;
use crate::broker::Subject;
use crate::domain::report::{Report, Tighter, Trigger};
use crate::edges::problem::not_found;
use crate::edges::state::Edge;

/// One granted item and what was made of it.
struct Row {
    item: String,
    count: u64,
    first: Moment,
    last: Moment,
    targets: Vec<String>,
    further: u64,
    first_index: u64,
    last_index: u64,
}

/// What was tried and refused.
struct Refusal {
    what: String,
    why: String,
    count: u64,
}

/// Who stands for it.
struct Stands {
    name: String,
    at: Moment,
    how: &'static str,
    digest: String,
}

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage {
    shell: Shell,
    subject: String,
    granted: Vec<String>,
    used: Vec<Row>,
    denied: Vec<Refusal>,
    never_used: Vec<String>,
    unfinished: usize,
    claimed: Option<String>,
    observed: Option<String>,
    refusal: Option<String>,
    approvers: Vec<Stands>,
    identity: Option<String>,
    agent: Option<String>,
    run: Option<String>,
    checkpoint: Option<String>,
    tighter: Option<Enough>,
}

/// What would have been enough.
struct Enough {
    items: Vec<String>,
    life: String,
    max_uses: u32,
    max_tokens: u32,
    json: String,
}

pub(super) async fn show(
    Visitor(known): Visitor,
    State(edge): State<Edge>,
    Path(subject): Path<String>,
) -> Result<impl IntoResponse, Trouble> {
    let subject = Subject::of_id(&subject).ok_or_else(not_found)?;
    let report = edge.broker().report(&known, subject).await?;
    Ok(Page(page(report, edge.broker().now(), Shell::of(&known, "approvals"))))
}

fn page(report: Report, now: Timestamp, shell: Shell) -> ReportPage {
    let Report { subject, account, checkpoint, .. } = report;
    let used = account.used.into_iter().map(|used| Row {
        item: used
            .item
            .map_or_else(|| "an item that the log no longer says".to_owned(), |item| item.to_string()),
        count: used.count,
        first: Moment::of(used.first, now),
        last: Moment::of(used.last, now),
        targets: used.targets,
        further: used.further,
        first_index: used.first_index,
        last_index: used.last_index,
    });
    let denied = account.denied.into_iter().map(|denied| {
        let attempt = denied.attempt;
        let what = attempt.target.or_else(|| attempt.item.map(|item| item.to_string()));
        Refusal {
            what: what.unwrap_or_default(),
            why: attempt.reason.unwrap_or(attempt.problem),
            count: denied.count,
        }
    });
    let approvers = account.approvers.into_iter().map(|approver| Stands {
        name: approver.name.to_string(),
        at: Moment::of(approver.at, now),
        how: approver.authenticated_by.as_str(),
        digest: approver.statement_digest.to_string(),
    });
    let Trigger { claimed, observed, refusal, .. } = account.trigger;
    ReportPage {
        shell,
        subject,
        granted: account.granted.iter().map(ToString::to_string).collect(),
        used: used.collect(),
        denied: denied.collect(),
        never_used: account.never_used.iter().map(ToString::to_string).collect(),
        unfinished: account.unfinished.len(),
        claimed: claimed.map(|claimed| claimed.tool.to_string()),
        observed: observed.map(|observed| observed.executable.to_string()),
        refusal: refusal.map(|refusal| refusal.to_string()),
        approvers: approvers.collect(),
        identity: account.identity.map(|identity| identity.to_string()),
        agent: account.agent.map(|agent| agent.to_string()),
        run: account.run.map(|run| run.to_string()),
        checkpoint,
        tighter: account.tighter.as_ref().map(enough),
    }
}

fn enough(tighter: &Tighter) -> Enough {
    let limits = tighter.limits;
    Enough {
        items: tighter.items.iter().map(ToString::to_string).collect(),
        life: span(Duration::from_secs(limits.expires_in.into())),
        max_uses: limits.max_uses,
        max_tokens: limits.max_tokens,
        json: serde_json::to_string_pretty(tighter).unwrap_or_default(),
    }
}
