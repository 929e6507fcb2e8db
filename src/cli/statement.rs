//! The statement as a person reads it before they decide: what Exeat knows first, what the agent says last.

use serde_json::Value;

use super::failure::Failure;
use super::output::{Page, listed, moment};
use crate::base::crypto::hash::Digest;
use crate::base::id::ApprovalId;
use crate::domain::approval::Statement;
use crate::edges::client::Client;
use crate::edges::wire::ApprovalReview;

/// A statement that was read in full, and the digest of exactly what was read.
pub(crate) struct Shown {
    /// Every field of it; one this version does not know would have been refused.
    pub(crate) statement: Statement,
    /// The digest that a decision names.
    pub(crate) digest: Digest,
    /// How far the approval has come.
    pub(crate) state: String,
}

impl Shown {
    /// Fetches an approval and reads its statement.
    ///
    /// # Errors
    /// Also when the digest that came with it is not the statement's own: then what is shown is not what would be decided.
    pub(crate) async fn fetch(client: &Client, id: ApprovalId) -> Result<Self, Failure> {
        let review: ApprovalReview = client.read(&format!("/v1/approvals/{id}"), &[]).await?;
        Self::read(review.statement, review.approval.statement_digest, review.approval.state)
    }

    pub(super) fn read(statement: Value, claimed: Digest, state: String) -> Result<Self, Failure> {
        let statement: Statement = serde_json::from_value(statement).map_err(|error| {
            Failure::because("the statement cannot be shown in full", &error).with_remedy(
                "use the version of `exeat` that serves; nothing is decided over what cannot be shown",
            )
        })?;
        let digest = statement.digest();
        if digest != claimed {
            return Err(Failure::refused("the digest is not that of the statement; nothing was decided")
                .with_remedy(
                    "use the version of `exeat` that serves, and check who answers at EXEAT_REVIEW_URL",
                ));
        }
        Ok(Self { statement, digest, state })
    }

    /// Writes it down for a person.
    pub(crate) fn tell(&self, page: &mut Page) {
        let statement = &self.statement;
        page.field("approval", format!("{} ({})", statement.approval, self.state));
        page.field("agent", format!("{} ({})", statement.agent.name, statement.agent.id));
        page.field_if("on behalf of", statement.on_behalf_of);
        page.field_if("run", statement.run);
        page.field("acts as", &statement.identity);
        for (index, item) in statement.items.iter().enumerate() {
            page.field(&format!("item {index}"), item);
        }
        let limits = statement.limits;
        page.field(
            "limits",
            format!(
                "{} uses, {} tokens, {} s from the request",
                limits.max_uses, limits.max_tokens, limits.expires_in
            ),
        );
        page.field("ends", moment(statement.expires_at));
        for bound in &statement.bound {
            let versions = (bound.upstream_version, bound.credential_version);
            page.field(
                "about",
                format!("{}, definition {}, credential {}", bound.upstream_name, versions.0, versions.1),
            );
        }
        page.field("approvers", format!("{} needed", statement.required_approvers));
        page.field_if("after refusal", statement.step.refusal);
        page.gap();
        page.line("In the agent's own words, which nobody has checked:");
        if let Some(claimed) = &statement.step.claimed {
            page.field("  tool", &claimed.tool);
            page.field_if("  call", claimed.call.as_ref());
        }
        page.field("  reason", format!("\u{201c}{}\u{201d}", statement.reason));
        page.gap();
        page.field("digest", self.digest);
    }

    /// The number of items, and a usage failure for an index beyond them.
    ///
    /// # Errors
    /// When there is no item `index`.
    pub(crate) fn check_index(&self, index: usize) -> Result<(), Failure> {
        let count = self.statement.items.len();
        if index < count {
            return Ok(());
        }
        let all = listed(0..count);
        Err(Failure::usage(format!("there is no item {index}")).with_remedy(format!("choose from {all}")))
    }
}
