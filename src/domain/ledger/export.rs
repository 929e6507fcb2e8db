//! The export of a ledger, `exeat-ledger/1`: JSON Lines that a stranger can verify.
//!
//! First a header; then every entry in order, as the exact bytes that its leaf hash covers; and after the last entry
//! of each committed batch the checkpoint that was signed for it. Written here, judged in [`super::verify`].

use std::io::{self, BufRead, Read as _, Write};

use serde::{Deserialize, Serialize};

use super::checkpoint::decimal;
use super::note::{Origin, VerifierKey};
use crate::base::crypto::hash::Digest;

/// The longest line of an export, in bytes, its newline included.
pub const MAX_LINE: usize = 1024 * 1024;

/// The first line: what follows, by its own account. Trust never comes from here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    format: Format,
    /// The log's name.
    pub origin: Origin,
    /// The keys the log says it signs with, for a reader to compare with those they were given.
    pub keys: Vec<VerifierKey>,
    /// How many entries follow.
    pub size: u64,
}

impl Header {
    /// The header of an export in this version's format.
    #[must_use]
    pub const fn new(origin: Origin, keys: Vec<VerifierKey>, size: u64) -> Self {
        Self { format: Format::One, origin, keys, size }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Format {
    #[serde(rename = "exeat-ledger/1")]
    One,
}

/// Writes an export, line by line.
#[derive(Debug)]
pub struct ExportWriter<W> {
    out: W,
}

impl<W: Write> ExportWriter<W> {
    /// Begins an export with its header.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn start(out: W, header: &Header) -> io::Result<Self> {
        let mut writer = Self { out };
        writer.line(&serde_json::to_vec(header)?)?;
        Ok(writer)
    }

    /// Writes the entry at `index`: the hash that was stored for it and its stored canonical bytes, both as they are.
    ///
    /// # Errors
    /// Those of `out`; `InvalidData` when the entry would not be one line of at most [`MAX_LINE`] bytes.
    pub fn entry(&mut self, index: u64, leaf: &Digest, entry: &[u8]) -> io::Result<()> {
        let head = format!("{ENTRY}{index}{LEAF}{leaf}{BODY}");
        self.line(&[head.as_bytes(), entry, b"}"].concat())
    }

    /// Writes the checkpoint over every entry so far: the signed note as it was stored.
    ///
    /// # Errors
    /// Those of `out`; `InvalidData` when the line would be longer than [`MAX_LINE`] bytes.
    pub fn checkpoint(&mut self, note: &str) -> io::Result<()> {
        self.line(&serde_json::to_vec(&CheckpointLine { checkpoint: note.to_owned() })?)
    }

    /// Where the lines go, for taking away what is written so far.
    pub const fn sink(&mut self) -> &mut W {
        &mut self.out
    }

    /// Flushes and gives the sink back.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    fn line(&mut self, line: &[u8]) -> io::Result<()> {
        if line.len() >= MAX_LINE || line.contains(&b'\n') {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "an entry is not one line of bounded length",
            ));
        }
        self.out.write_all(line)?;
        self.out.write_all(b"\n")
    }
}

// An entry line has one spelling, so that the bytes of the entry are found without reading it.
const ENTRY: &str = "{\"index\":";
const LEAF: &str = ",\"leaf\":\"";
const BODY: &str = "\",\"entry\":";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckpointLine {
    checkpoint: String,
}

/// A line after the header.
pub(super) enum Line<'a> {
    Entry {
        index: u64,
        leaf: Digest,
        /// The bytes of the entry, not looked at yet.
        entry: &'a [u8],
    },
    /// A signed note, not looked at yet.
    Checkpoint(String),
}

impl<'a> Line<'a> {
    /// Takes a line apart; nothing when it is neither an entry nor a checkpoint.
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        match line.strip_prefix(ENTRY.as_bytes()) {
            Some(rest) => Self::parse_entry(rest),
            None => Some(Self::Checkpoint(serde_json::from_slice::<CheckpointLine>(line).ok()?.checkpoint)),
        }
    }

    /// Whether the line begins as an entry does.
    pub(super) fn is_entry(line: &[u8]) -> bool {
        line.starts_with(ENTRY.as_bytes())
    }

    fn parse_entry(rest: &'a [u8]) -> Option<Self> {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (index, rest) = rest.split_at_checked(digits)?;
        let (leaf, rest) = rest.strip_prefix(LEAF.as_bytes())?.split_at_checked(64)?;
        let entry = rest.strip_prefix(BODY.as_bytes())?.strip_suffix(b"}")?;
        let index = decimal(str::from_utf8(index).ok()?)?;
        Some(Self::Entry { index, leaf: str::from_utf8(leaf).ok()?.parse().ok()?, entry })
    }
}

/// Reads the next line into `line`, without its newline. False at the end.
///
/// # Errors
/// Those of `reader`; `InvalidData` for a line longer than [`MAX_LINE`]; `UnexpectedEof` for a last line cut short.
pub(super) fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    reader.take(MAX_LINE as u64).read_until(b'\n', line)?;
    match line.pop() {
        None => Ok(false),
        Some(b'\n') => Ok(true),
        Some(_) if line.len() + 1 == MAX_LINE => Err(io::ErrorKind::InvalidData.into()),
        Some(_) => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
