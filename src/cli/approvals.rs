//! `exeat approvals`: what was asked and what became of it.

use clap::{Args, Subcommand};

use super::failure::{Exit, Failure};
use super::output::{DONE, Output, listed, moment};
use super::settings::{AgentSide, ReviewSide};
use super::statement::Shown;
use super::wait::told;
use crate::base::id::ApprovalId;
use crate::edges::wire::{ApprovalList, ApprovalReview, ApprovalView};

/// See what was asked and what became of it.
#[derive(Debug, Subcommand)]
pub(crate) enum Approvals {
    List(List),
    Show(Show),
    Cancel(Cancel),
}

/// List requests, newest first.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  exeat approvals list
  exeat approvals list --state approved --json")]
pub(crate) struct List {
    /// Only in this state: pending, approved, spent, denied, cancelled, expired, revoked, or all.
    #[arg(long, value_name = "STATE", default_value = "pending")]
    state: String,
    #[command(flatten)]
    side: ReviewSide,
}

/// Show one request with its full statement, as a reviewer.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  exeat approvals show apr_018f…")]
pub(crate) struct Show {
    /// The approval.
    #[arg(value_name = "apr_…")]
    approval: ApprovalId,
    #[command(flatten)]
    side: ReviewSide,
}

/// Take a request back, as the agent that asked.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  exeat approvals cancel apr_018f…")]
pub(crate) struct Cancel {
    /// The approval.
    #[arg(value_name = "apr_…")]
    approval: ApprovalId,
    #[command(flatten)]
    side: AgentSide,
}

impl Approvals {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        match self {
            Self::List(list) => list.run(output).await,
            Self::Show(show) => show.run(output).await,
            Self::Cancel(cancel) => cancel.run(output).await,
        }
    }
}

impl List {
    async fn run(self, output: Output) -> Result<Exit, Failure> {
        let query = if self.state == "all" { vec![] } else { vec![("state", self.state)] };
        let list: ApprovalList = self.side.client()?.read("/v1/approvals", &query).await?;
        output.answer(&list, |page| {
            let rows = list.approvals.iter().map(row).collect();
            page.table(
                &["approval", "state", "agent", "acts as", "for", "asked", "ends"],
                rows,
                "nothing was asked",
            );
        })?;
        DONE
    }
}

fn row(review: &ApprovalReview) -> Vec<String> {
    let approval = &review.approval;
    let agent = review.statement.pointer("/agent/name").and_then(serde_json::Value::as_str).unwrap_or("-");
    vec![
        approval.id.to_string(),
        approval.state.clone(),
        agent.to_owned(),
        approval.identity.to_string(),
        listed(approval.items.iter().map(super::output::item_line)),
        moment(approval.created_at),
        moment(approval.expires_at),
    ]
}

impl Show {
    async fn run(self, output: Output) -> Result<Exit, Failure> {
        let client = self.side.client()?;
        let review: ApprovalReview = client.read(&format!("/v1/approvals/{}", self.approval), &[]).await?;
        let approval = &review.approval;
        let shown = Shown::read(review.statement.clone(), approval.statement_digest, approval.state.clone())?;
        output.answer(&review, |page| {
            shown.tell(page);
            page.gap();
            told(page, approval);
        })?;
        DONE
    }
}

impl Cancel {
    async fn run(self, output: Output) -> Result<Exit, Failure> {
        let path = format!("/v1/approvals/{}/cancel", self.approval);
        let cancelled: ApprovalView = self.side.client()?.send(&path, &serde_json::json!({})).await?;
        output.answer(&cancelled, |page| told(page, &cancelled))?;
        DONE
    }
}
