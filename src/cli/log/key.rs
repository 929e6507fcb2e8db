//! `exeat log checkpoint` and `exeat log key`: what a verifier keeps.

use clap::Args;
use serde_json::json;

use super::export;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{self, DONE, Output};
use crate::cli::settings::ReviewSide;
use crate::domain::ledger::checkpoint::SignedCheckpoint;

/// Print the signed head of the log (C2SP checkpoint).
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  exeat log checkpoint > last.txt")]
pub(crate) struct Checkpoint {
    #[command(flatten)]
    side: ReviewSide,
}

impl Checkpoint {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        let note = self.side.client()?.read_text("/v1/ledger/checkpoint").await?;
        let signed =
            SignedCheckpoint::parse(&note).map_err(|error| Failure::because("no checkpoint", &error))?;
        if output.is_json() {
            let claim = signed.claim();
            let document =
                json!({ "origin": claim.origin, "size": claim.size, "root": claim.root, "note": note });
            output.answer(&document, |_| {})?;
        } else {
            // The bytes as they are: they are what was signed.
            output::plain(&note)?;
        }
        DONE
    }
}

/// Print the public keys that the log says it signs with, one a line.
///
/// Whoever verifies should have them from elsewhere: `exeat init` printed the first.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  exeat log key")]
pub(crate) struct Key {
    #[command(flatten)]
    side: ReviewSide,
}

impl Key {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        let header = export::header(&self.side.client()?).await?;
        let document = json!({ "origin": header.origin, "keys": header.keys });
        output.answer(&document, |page| header.keys.iter().for_each(|key| page.line(key.to_string())))?;
        DONE
    }
}
