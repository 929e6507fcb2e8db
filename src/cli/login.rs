//! `exeat login`: a link to sign in with on the pages.

use clap::Args;
use serde_json::json;

use super::failure::{Exit, Failure};
use super::output::{DONE, Output};
use super::settings::ReviewSide;
use crate::edges::wire::LoginLink;

/// Print a link to sign in with on the pages, as the person whose review key is set.
///
/// It is good once, within ten minutes. Whoever opens it is you: send it to nobody.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  exeat login")]
pub(crate) struct Login {
    #[command(flatten)]
    side: ReviewSide,
}

impl Login {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        let link: LoginLink = self.side.client()?.send("/v1/login-links", &json!({})).await?;
        output.answer(&link, |page| page.line(link.url.reveal()))?;
        DONE
    }
}
