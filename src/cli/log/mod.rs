//! `exeat log`: read the ledger, take it away, and check it without trusting whoever keeps it.

pub(crate) mod export;
mod key;
mod list;
mod prove;
mod tail;
pub(crate) mod verify;

use clap::Subcommand;

use super::failure::{Exit, Failure};
use super::output::Output;

/// Read the log, take it away, and verify it offline.
#[derive(Debug, Subcommand)]
pub(crate) enum Log {
    List(list::List),
    Tail(tail::Tail),
    Export(export::Export),
    Verify(verify::Verify),
    Prove(prove::Prove),
    Checkpoint(key::Checkpoint),
    Key(key::Key),
}

impl Log {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        match self {
            Self::List(list) => list.run(output).await,
            Self::Tail(tail) => tail.run(output).await,
            Self::Export(export) => export.run(output).await,
            Self::Verify(verify) => verify.run(output),
            Self::Prove(prove) => prove.run(output).await,
            Self::Checkpoint(checkpoint) => checkpoint.run(output).await,
            Self::Key(key) => key.run(output).await,
        }
    }
}
