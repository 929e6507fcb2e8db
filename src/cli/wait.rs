//! Waiting for a decision: one long-poll after the other, with a spinner where somebody watches.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use super::failure::{Exit, Failure};
use super::output::{Output, Page, item_line, listed, moment};
use crate::base::id::ApprovalId;
use crate::domain::widening::{Closing, Widened};
use crate::edges::client::Client;
use crate::edges::wire::ApprovalView;

/// How long one long-poll is asked to last.
const ROUND: Duration = Duration::from_secs(25);

/// Waits at most `patience` until the approval `id` is decided, and gives it as it then stands.
///
/// # Errors
/// When Exeat cannot be reached or says no.
pub(crate) async fn for_decision(
    client: &Client,
    id: ApprovalId,
    patience: Duration,
    output: Output,
) -> Result<ApprovalView, Failure> {
    let spinner = spinner(id, output);
    let path = format!("/v1/approvals/{id}");
    let end = Instant::now() + patience;
    loop {
        let begun = Instant::now();
        let left = end.saturating_duration_since(begun);
        let approval: ApprovalView = client.read_waiting(&path, ROUND.min(left)).await?;
        if approval.state != "pending" || Instant::now() >= end {
            spinner.finish_and_clear();
            return Ok(approval);
        }
        // An answer that came at once, though it says nothing new, must not become a busy loop.
        tokio::time::sleep_until(end.min(begun + Duration::from_secs(1))).await;
    }
}

/// The exit code that a state means to somebody who waits.
#[must_use]
pub(crate) fn exit_of(approval: &ApprovalView) -> Exit {
    match approval.state.as_str() {
        "approved" | "spent" => Exit::Done,
        "pending" => Exit::Pending,
        _ => Exit::Refused,
    }
}

/// An approval as its asker may see it.
pub(crate) fn told(page: &mut Page, approval: &ApprovalView) {
    let id = approval.id;
    page.line(format!("{}: {id}", approval.state));
    for item in approval.granted.as_ref().unwrap_or(&approval.items) {
        page.line(format!("  {}", item_line(item)));
    }
    for file in &approval.files {
        page.line(format!("  {}: {}", item_line(&file.item), came_of(file.widened.as_ref())));
    }
    for decision in &approval.decisions {
        let reason = decision.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        page.line(format!("  decided by {} at {}{reason}", decision.name, moment(decision.at)));
    }
    page.field("expires", moment(approval.expires_at));
    match approval.state.as_str() {
        "pending" => page.field("next", format!("a person runs `exeat approve {id}`")),
        "approved" => page.field("next", format!("exeat token {id}")),
        _ => {}
    }
}

/// What came of granted files, for people.
pub(crate) fn came_of(widened: Option<&Widened>) -> String {
    match widened {
        None => "is being opened".to_owned(),
        Some(Widened::Open { at }) => format!("open now, at {}", listed(at)),
        Some(Widened::NextStart { reason }) => format!("not before the next start: {reason}"),
        Some(Widened::Closed { cause: Closing::Revoked }) => {
            "closed again, because it was revoked".to_owned()
        }
        Some(Widened::Closed { cause: Closing::Expired }) => {
            "closed again, because its time is over".to_owned()
        }
    }
}

fn spinner(id: ApprovalId, output: Output) -> ProgressBar {
    let target = if output.is_json() { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{spinner} waiting for a decision on {msg} ({elapsed})");
    let spinner = ProgressBar::with_draw_target(None, target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
        .with_message(id.to_string());
    spinner.enable_steady_tick(Duration::from_millis(120));
    spinner
}
