//! `exeat log tail`: the newest entries, and those that follow.

use std::time::Duration;

use clap::Args;

use super::list::{HEAD, row};
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{DONE, Output};
use crate::cli::settings::ReviewSide;
use crate::domain::ledger::checkpoint::SignedCheckpoint;
use crate::edges::client::Client;
use crate::edges::wire::{EntryList, EntryView};

/// How long to look away between two looks at the log.
const PAUSE: Duration = Duration::from_secs(1);

/// Show the newest entries, and with --follow those to come.
///
/// With --json and --follow each entry is one line of JSON.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  exeat log tail
  exeat log tail --lines 50 --follow
  exeat log tail --follow --json | jq -r .entry.event.type")]
pub(crate) struct Tail {
    /// How many.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    lines: u32,
    /// Go on with new entries until interrupted.
    #[arg(short, long)]
    follow: bool,
    #[command(flatten)]
    side: ReviewSide,
}

impl Tail {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        let client = self.side.client()?;
        let mut seen = size(&client).await?.saturating_sub(u64::from(self.lines)).checked_sub(1);
        let list = after(&client, seen, self.lines).await?;
        if !self.follow {
            let rows = list.entries.iter().map(row).collect();
            output.answer(&list, |page| page.table(&HEAD, rows, "the log is empty"))?;
            return DONE;
        }
        let mut entries = list.entries;
        loop {
            for view in &entries {
                seen = Some(view.index);
                // Looking at the log is itself an entry; shown here, it would never end.
                if view.entry.pointer("/event/type").and_then(serde_json::Value::as_str)
                    != Some("ledger_read")
                {
                    output.answer(view, |page| page.line(row(view).join("  ")))?;
                }
            }
            entries = news(&client, seen).await?;
        }
    }
}

/// Waits until the log holds more than `seen`. A look is on record before it is answered, so it is among what it has seen.
async fn news(client: &Client, seen: Option<u64>) -> Result<Vec<EntryView>, Failure> {
    let known = seen.map_or(0, |index| index + 1);
    while size(client).await? <= known {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(after(client, seen, 500).await?.entries)
}

async fn size(client: &Client) -> Result<u64, Failure> {
    let note = client.read_text("/v1/ledger/checkpoint").await?;
    let head = SignedCheckpoint::parse(&note).map_err(|error| Failure::because("no checkpoint", &error))?;
    Ok(head.claim().size)
}

async fn after(client: &Client, seen: Option<u64>, limit: u32) -> Result<EntryList, Failure> {
    let mut query = vec![("limit", limit.to_string())];
    query.extend(seen.map(|index| ("after", index.to_string())));
    Ok(client.read("/v1/ledger/entries", &query).await?)
}
