//! `exeat log verify`: judges an export with public keys alone. It asks nobody.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{DONE, Output, Page};
use crate::domain::ledger::checkpoint::SignedCheckpoint;
use crate::domain::ledger::note::VerifierKey;
use crate::domain::ledger::verify::{Verdict, Verified, verify};

/// Check an export offline: whole, unchanged, in order, signed.
///
/// Needs only the log's public key, which `exeat init` printed and `exeat log key` shows. Keep the checkpoint that is printed:
/// given to the next check with --checkpoint, it shows a log that was rolled back or rewritten.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit code 1 and the first bad entry when something is wrong.

Examples:
  exeat log verify log.jsonl --key 'exeat.example+c74f20a3+ARpc2Q…'
  exeat log verify log.jsonl --key \"$KEY\" --checkpoint last.txt --json")]
pub(crate) struct Verify {
    /// The export.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A key the log is trusted to sign with; repeat for more.
    #[arg(long, value_name = "VKEY", required = true)]
    key: Vec<VerifierKey>,
    /// A checkpoint kept from an earlier check.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
}

impl Verify {
    pub(super) fn run(self, output: Output) -> Result<Exit, Failure> {
        let known = self.checkpoint.as_deref().map(read_checkpoint).transpose()?;
        let verified = check(&self.file, &self.key, known.as_ref(), output)?;
        let document = json!({
            "verified": true,
            "origin": verified.origin(),
            "entries": verified.size(),
            "root": verified.root(),
            "signed_decisions": verified.signed(),
            "checkpoint": verified.checkpoint().to_note(),
        });
        output.answer(&document, |page| told(page, &verified))?;
        DONE
    }
}

fn told(page: &mut Page, verified: &Verified) {
    page.line(format!("verified: {} entries, whole, unchanged, in order, signed", verified.size()));
    page.field("log", verified.origin());
    page.field("root", verified.root());
    if verified.signed() > 0 {
        page.field("signed", format!("{} decisions, each by a passkey of who decided", verified.signed()));
    }
    page.gap();
    page.line("Keep this checkpoint, to hold the next export to it:");
    page.gap();
    verified.checkpoint().to_note().lines().for_each(|line| page.line(line));
}

/// Checks the export in `file`.
///
/// # Errors
/// With the first bad entry, or when the file cannot be read.
pub(crate) fn check(
    file: &Path,
    keys: &[VerifierKey],
    known: Option<&SignedCheckpoint>,
    output: Output,
) -> Result<Verified, Failure> {
    let cannot = |error| Failure::because(&format!("cannot read {}", file.display()), &error);
    let opened = File::open(file).map_err(cannot)?;
    let progress = progress(opened.metadata().map_err(cannot)?.len(), output);
    let watched = Watched { inner: opened, progress: progress.clone() };
    let verdict = verify(BufReader::with_capacity(256 * 1024, watched), keys, known);
    progress.finish_and_clear();
    verdict.map_err(|verdict| bad(&verdict))
}

fn bad(verdict: &Verdict) -> Failure {
    let suspects = verdict.suspects();
    let document = json!({
        "verified": false,
        "first_bad": suspects.as_ref().map(|range| *range.start()),
        "last_suspect": suspects.as_ref().map(|range| *range.end()),
        "detail": verdict.to_string(),
    });
    let what = match &suspects {
        Some(range) => format!("the export does not hold; first bad entry: {}", range.start()),
        None => "the export could not be judged".to_owned(),
    };
    Failure::because(&what, verdict)
        .with_remedy(
            "keep the file as it is, export again and compare; make sure that --key is this log's key",
        )
        .with_document(document)
}

fn read_checkpoint(file: &Path) -> Result<SignedCheckpoint, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::because(&format!("cannot read {}", file.display()), &error))?;
    SignedCheckpoint::parse(&text)
        .map_err(|error| Failure::because(&format!("{} is not a checkpoint", file.display()), &error))
}

fn progress(length: u64, output: Output) -> ProgressBar {
    // Small files are done before anybody could read a bar.
    let long = length > 16 * 1024 * 1024 && !output.is_json();
    let target = if long { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}");
    ProgressBar::with_draw_target(Some(length), target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// A file that says how far it has been read.
struct Watched {
    inner: File,
    progress: ProgressBar,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.progress.inc(read as u64);
        Ok(read)
    }
}
