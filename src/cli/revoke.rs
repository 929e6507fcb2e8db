//! `exeat revoke`: a person ends an approval or a token, at once.

use clap::Args;

use super::failure::{Exit, Failure};
use super::output::{DONE, Output};
use super::settings::ReviewSide;
use crate::base::id::{ApprovalId, TokenId};

/// End an approval with all its tokens, or one token.
///
/// It is true when the command returns: no new use anywhere.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  exeat revoke apr_018f…
  exeat revoke tok_018f…")]
pub(crate) struct Revoke {
    /// What to end.
    #[arg(value_name = "apr_… | tok_…", value_parser = parse)]
    subject: Revocable,
    #[command(flatten)]
    side: ReviewSide,
}

#[derive(Clone, Copy, Debug)]
enum Revocable {
    Approval(ApprovalId),
    Token(TokenId),
}

fn parse(text: &str) -> Result<Revocable, String> {
    if let Ok(id) = text.parse() {
        return Ok(Revocable::Approval(id));
    }
    text.parse().map(Revocable::Token).map_err(|_| "expected an id like apr_… or tok_…".to_owned())
}

impl Revoke {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        let (path, id) = match self.subject {
            Revocable::Approval(id) => (format!("/v1/approvals/{id}/revoke"), id.to_string()),
            Revocable::Token(id) => (format!("/v1/tokens/{id}/revoke"), id.to_string()),
        };
        self.side.client()?.order(&path).await?;
        output.answer(&serde_json::json!({ "revoked": id }), |page| page.line(format!("revoked: {id}")))?;
        DONE
    }
}
