//! `exeat deny`: a person says no, and why.

use clap::Args;

use super::failure::{Exit, Failure};
use super::output::{DONE, Output};
use super::settings::ReviewSide;
use super::statement::Shown;
use super::wait::told;
use crate::base::id::ApprovalId;
use crate::domain::approval::{Reason, Verdict};
use crate::edges::wire::{Answer, ApprovalReview, DecisionBody};

/// Deny a request. The agent is told the reason.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  exeat deny apr_018f… --reason 'read the mirror instead'")]
pub(crate) struct Deny {
    /// The approval.
    #[arg(value_name = "apr_…")]
    approval: ApprovalId,
    /// What the agent is told.
    #[arg(long, value_name = "TEXT")]
    reason: Reason,
    #[command(flatten)]
    side: ReviewSide,
}

impl Deny {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        let client = self.side.client()?;
        let shown = Shown::fetch(&client, self.approval).await?;
        let no = |index| Answer { index, decision: Verdict::Deny, narrow: None };
        let items = (0..shown.statement.items.len()).map(no).collect();
        let body = DecisionBody {
            statement_digest: shown.digest,
            items,
            reason: Some(self.reason),
            assertion: None,
        };
        let path = format!("/v1/approvals/{}/decision", self.approval);
        let decided: ApprovalReview = client.send(&path, &body).await?;
        output.answer(&decided, |page| told(page, &decided.approval))?;
        DONE
    }
}
