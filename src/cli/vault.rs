//! `exeat vault`: the keys under which secrets are sealed.

use clap::{Args, Subcommand};

use super::failure::{Exit, Failure};
use super::output::{DONE, Output};
use super::settings::ReviewSide;
use crate::edges::wire::VaultRotated;

/// Look after the keys under which secrets are sealed.
#[derive(Debug, Subcommand)]
pub(crate) enum Vault {
    Rotate(Rotate),
}

/// Make a new key-encryption key and seal every credential anew under it, while everything goes on.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  exeat vault rotate")]
pub(crate) struct Rotate {
    #[command(flatten)]
    side: ReviewSide,
}

impl Vault {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        let Self::Rotate(Rotate { side }) = self;
        let rotated: VaultRotated =
            side.client()?.send("/v1/keys/vault/rotate", &serde_json::json!({})).await?;
        output.answer(&rotated, |page| {
            page.line(format!("rotated: key version {} seals from now on", rotated.version));
            page.field("sealed anew", format!("{} credentials", rotated.resealed));
        })?;
        DONE
    }
}
