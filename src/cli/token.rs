//! `exeat token`: an approval id becomes an access token.

use clap::Args;
use serde_json::Value;

use super::failure::{Exit, Failure};
use super::output::{DONE, Output};
use super::request::parse_item;
use super::settings::AgentSide;
use crate::base::id::ApprovalId;
use crate::edges::wire::{GRANT_TYPE, SUBJECT_TOKEN_TYPE, TokenAnswer, TokenForm};

/// Exchange an approval for an access token (RFC 8693).
///
/// Prints the token and nothing else. It goes where the upstream's own key would go; the proxy puts the key in its place.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  TOKEN=$(exeat token apr_018f…)
  curl --proxy \"$PROXY\" --cacert ca.pem -H \"Authorization: Bearer $TOKEN\" https://api.github.com/repos/acme/app
  exeat token apr_018f… --json --narrow '{\"type\":\"http\",\"upstream\":\"github\",\"methods\":[\"GET\"],\"paths\":[\"/repos/acme/app\"]}'")]
pub(crate) struct Token {
    /// The approval.
    #[arg(value_name = "apr_…")]
    approval: ApprovalId,
    /// A scope item within what was approved, to have a token for less; repeat for more.
    #[arg(long, value_name = "JSON")]
    narrow: Vec<String>,
    #[command(flatten)]
    side: AgentSide,
}

impl Token {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        let narrow = self.narrow.iter().map(|text| parse_item(text)).collect::<Result<Vec<_>, _>>()?;
        let details = (!narrow.is_empty()).then(|| Value::Array(narrow).to_string());
        let form = TokenForm {
            grant_type: GRANT_TYPE.to_owned(),
            subject_token: self.approval.to_string(),
            subject_token_type: SUBJECT_TOKEN_TYPE.to_owned(),
            requested_token_type: None,
            authorization_details: details,
            expires_in: None,
        };
        let answer: TokenAnswer = self.side.client()?.send_form("/oauth/token", &form).await?;
        output.answer(&answer, |page| page.line(answer.access_token.reveal()))?;
        DONE
    }
}
