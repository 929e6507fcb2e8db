//! `exeat log export`: the whole log as a file that anybody can verify.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{DONE, Output};
use crate::cli::settings::ReviewSide;
use crate::domain::ledger::export::{Header, MAX_LINE};
use crate::domain::ledger::forms::Format;
use crate::edges::client::Client;

const PATH: &str = "/v1/ledger/export";
/// The form that `exeat log verify` reads; it is what comes when no other is named.
const VERIFIABLE: &str = "jsonl";

/// Take the whole log away, to standard output or into a file that must not be there yet.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  exeat log export log.jsonl
  exeat log export | gzip > log.jsonl.gz
  exeat log export --format ocsf | jq -c 'select(.status_id == 2)'")]
pub(crate) struct Export {
    /// Where to write it.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// `jsonl` can be verified; `ocsf` and `cloudevents` are for other tools to read, one event a line.
    #[arg(long, value_name = "FORMAT", default_value = "jsonl", value_parser = PossibleValuesParser::new(Format::NAMES))]
    format: String,
    #[command(flatten)]
    side: ReviewSide,
}

impl Export {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        let client = self.side.client()?;
        let Some(file) = self.file else {
            let _bytes = copy(&client, &path(&self.format), &mut io::stdout(), Output::new(true)).await?;
            return DONE;
        };
        let bytes = to_file(&client, &path(&self.format), &file, output).await?;
        let verifiable = self.format == VERIFIABLE;
        let shown = file.display();
        output.answer(&json!({ "file": file, "bytes": bytes }), |page| {
            page.line(format!("written: {shown}, {bytes} bytes"));
            if verifiable {
                page.field("next", format!("exeat log verify {shown} --key \"$(exeat log key)\""));
            }
        })?;
        DONE
    }
}

/// Writes the export into a new file and makes it durable; a broken export leaves no file behind.
///
/// # Errors
/// When the file is there already, or reading or writing fails.
async fn to_file(client: &Client, path: &str, file: &Path, output: Output) -> Result<u64, Failure> {
    let open = std::fs::OpenOptions::new().write(true).create_new(true).open(file);
    let cannot = |error: io::Error| Failure::because(&format!("cannot write {}", file.display()), &error);
    let mut opened = io::BufWriter::new(open.map_err(cannot)?);
    let written = copy(client, path, &mut opened, output).await;
    let synced = opened.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
    match (written, synced) {
        (Ok(bytes), Ok(())) => Ok(bytes),
        (written, synced) => {
            let _ = std::fs::remove_file(file);
            let failure = written.err().or(synced.err().map(cannot));
            Err(failure.unwrap_or_else(|| Failure::new("the export broke off")))
        }
    }
}

/// The header of the export alone: the log's name and keys, by its own account.
///
/// # Errors
/// When Exeat cannot be reached, or does not begin an export with a header.
pub(crate) async fn header(client: &Client) -> Result<Header, Failure> {
    let mut response = client.stream(PATH).await?;
    let mut line = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| client.unreachable(error))? {
        line.extend_from_slice(&chunk);
        if line.contains(&b'\n') || line.len() > MAX_LINE {
            break;
        }
    }
    let first = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    serde_json::from_slice(first).map_err(|error| Failure::because("the export has no header", &error))
}

/// Where the log is to be had in this form.
fn path(format: &str) -> String {
    if format == VERIFIABLE { PATH.to_owned() } else { format!("{PATH}?format={format}") }
}

async fn copy(client: &Client, path: &str, sink: &mut impl Write, output: Output) -> Result<u64, Failure> {
    let target = if output.is_json() { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{spinner} {bytes} ({binary_bytes_per_sec})");
    let progress = ProgressBar::with_draw_target(None, target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    progress.enable_steady_tick(Duration::from_millis(200));
    let mut response = client.stream(path).await?;
    let mut bytes = 0;
    while let Some(chunk) = response.chunk().await.map_err(|error| client.unreachable(error))? {
        sink.write_all(&chunk)?;
        bytes += chunk.len() as u64;
        progress.set_position(bytes);
    }
    sink.flush()?;
    progress.finish_and_clear();
    Ok(bytes)
}
