//! Judges an export by public keys alone: whole, unchanged, in order, signed, and a continuation of what was known.
//!
//! Reads line by line in bounded memory and never trusts what the export says of itself: keys and the checkpoint known
//! from before are the caller's. `exeat log verify` prints the [`Verdict`].

use std::io::{self, BufRead};
use std::ops::RangeInclusive;

use super::checkpoint::{Checkpoint, SignedCheckpoint};
use super::export::{Header, Line, next_line};
use super::merkle::{Frontier, leaf_hash};
use super::note::{NoteError, Origin, VerifierKey};
use crate::base::crypto::hash::Digest;

/// An export that holds: made by [`verify`] alone.
#[derive(Debug)]
pub struct Verified(SignedCheckpoint);

impl Verified {
    /// The log's name.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.0.claim().origin
    }

    /// How many entries there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.0.claim().size
    }

    /// The root of the tree over them.
    #[must_use]
    pub const fn root(&self) -> &Digest {
        &self.0.claim().root
    }

    /// The checkpoint over all of it. Whoever keeps it has something to hold the next export to.
    #[must_use]
    pub const fn checkpoint(&self) -> &SignedCheckpoint {
        &self.0
    }
}

/// Why an export does not hold, and from which entry on.
#[derive(Debug, thiserror::Error)]
pub enum Verdict {
    /// A line has no place in an export, or not there; where entry `index` or the checkpoint before it should be.
    #[error("line {line}, at entry {index}, is not what an export has there")]
    Malformed {
        /// From 1.
        line: u64,
        /// The entry that was to come.
        index: u64,
    },
    /// The entry is not what was hashed, or not the canonical JSON (RFC 8785) of an object.
    #[error("entry {index} was altered")]
    EntryAltered {
        /// The entry.
        index: u64,
    },
    /// The entry does not stand where it belongs: deleted, moved or put in twice.
    #[error("entry {index} is missing or out of place")]
    OutOfPlace {
        /// The entry.
        index: u64,
    },
    /// The entries since the last good checkpoint are not those that were signed.
    #[error("entries {first} to {last} are not those the checkpoint was signed for")]
    CheckpointMismatch {
        /// The first after the last good checkpoint.
        first: u64,
        /// The last before the checkpoint.
        last: u64,
    },
    /// A checkpoint bears the name of a trusted key, which did not sign it.
    #[error("the checkpoint over entries {first} to {last} is forged or altered")]
    BadSignature {
        /// The first after the last good checkpoint.
        first: u64,
        /// The last before the checkpoint.
        last: u64,
    },
    /// No trusted key signed a checkpoint.
    #[error("no trusted key signed the checkpoint over entries {first} to {last}")]
    UnknownKey {
        /// The first after the last good checkpoint.
        first: u64,
        /// The last before the checkpoint.
        last: u64,
    },
    /// The export ends before it is complete and signed.
    #[error("the export is cut off: entry {index} is missing, or no checkpoint covers it")]
    Truncated {
        /// The first entry that is missing or not covered.
        index: u64,
    },
    /// The export holds in itself, and is older than what was known.
    #[error("the log was rolled back: it had {known} entries and now has {size}")]
    RolledBack {
        /// How many entries the export has.
        size: u64,
        /// How many the known checkpoint covers.
        known: u64,
    },
    /// The export holds in itself, and does not continue what was known: the log has signed two histories.
    #[error("the log was forked: entries 0 to {last} are not those of the known checkpoint")]
    Forked {
        /// The last entry that the known checkpoint covers.
        last: u64,
    },
    /// The known checkpoint is itself not to be relied on for this log.
    #[error("the checkpoint to compare with cannot be used")]
    Known(#[source] NoteError),
    /// The export cannot be read.
    #[error("the export cannot be read")]
    Unreadable(#[source] io::Error),
}

impl Verdict {
    /// The entries among which the first bad one stands, as closely as signatures tell. None if no entry is at fault.
    #[must_use]
    pub const fn suspects(&self) -> Option<RangeInclusive<u64>> {
        match *self {
            Self::Malformed { index, .. }
            | Self::EntryAltered { index }
            | Self::OutOfPlace { index }
            | Self::Truncated { index }
            | Self::RolledBack { size: index, .. } => Some(index..=index),
            Self::CheckpointMismatch { first, last }
            | Self::BadSignature { first, last }
            | Self::UnknownKey { first, last } => Some(first..=last),
            Self::Forked { last } => Some(0..=last),
            Self::Known(_) | Self::Unreadable(_) => None,
        }
    }
}

/// Checks the whole of an export. A `known` checkpoint, kept from an earlier one, shows a log that was rolled back or
/// rewritten by whoever holds its key; without it, an older copy of the log verifies as what it was.
///
/// # Errors
/// The first thing found wrong.
pub fn verify(
    mut reader: impl BufRead,
    trusted: &[VerifierKey],
    known: Option<&SignedCheckpoint>,
) -> Result<Verified, Verdict> {
    let mut line = Vec::new();
    let mut replay = Replay::start(&read_header(&mut reader, &mut line)?, trusted, known)?;
    while read_line(&mut reader, &mut line, replay.line + 1, replay.tree.size())? {
        replay.next(&line)?;
    }
    replay.finish()
}

/// The log as far as it was read.
struct Replay<'a> {
    keys: Vec<VerifierKey>,
    known: Option<&'a Checkpoint>,
    /// The root at the size of `known`.
    known_root: Option<Digest>,
    /// How many entries the header promises.
    promised: u64,
    tree: Frontier,
    last: Option<SignedCheckpoint>,
    line: u64,
}

impl<'a> Replay<'a> {
    fn start(
        header: &Header,
        trusted: &[VerifierKey],
        known: Option<&'a SignedCheckpoint>,
    ) -> Result<Self, Verdict> {
        // Keys of other logs are no use here, whoever trusts them.
        let keys: Vec<_> = trusted.iter().filter(|key| *key.origin() == header.origin).cloned().collect();
        let known = known.map(|known| known.verify(&keys)).transpose().map_err(Verdict::Known)?;
        let tree = Frontier::default();
        let known_root = known.filter(|known| known.size == 0).map(|_| tree.root());
        Ok(Self { keys, known, known_root, promised: header.size, tree, last: None, line: 1 })
    }

    fn next(&mut self, line: &[u8]) -> Result<(), Verdict> {
        self.line += 1;
        match Line::parse(line) {
            Some(Line::Entry { index, leaf, entry }) => self.entry(index, leaf, entry),
            Some(Line::Checkpoint(note)) => self.checkpoint(&note),
            None if Line::is_entry(line) => Err(Verdict::EntryAltered { index: self.tree.size() }),
            None => Err(self.malformed()),
        }
    }

    fn entry(&mut self, index: u64, leaf: Digest, entry: &[u8]) -> Result<(), Verdict> {
        let expected = self.tree.size();
        if index != expected {
            return Err(Verdict::OutOfPlace { index: expected });
        }
        if index >= self.promised {
            return Err(self.malformed());
        }
        if leaf_hash(entry) != leaf || !is_canonical_object(entry) {
            return Err(Verdict::EntryAltered { index });
        }
        self.tree.append(leaf);
        if self.known.is_some_and(|known| known.size == self.tree.size()) {
            self.known_root = Some(self.tree.root());
        }
        Ok(())
    }

    fn checkpoint(&mut self, note: &str) -> Result<(), Verdict> {
        let signed = SignedCheckpoint::parse(note).map_err(|_| self.malformed())?;
        let size = self.tree.size();
        let last = size.saturating_sub(1);
        let first = self.covered().min(last);
        let checkpoint = signed.verify(&self.keys).map_err(|error| match error {
            NoteError::UnknownKey => Verdict::UnknownKey { first, last },
            _ => Verdict::BadSignature { first, last },
        })?;
        if checkpoint.size > size {
            return Err(Verdict::OutOfPlace { index: size });
        }
        if checkpoint.size < size || checkpoint.root != self.tree.root() {
            return Err(Verdict::CheckpointMismatch { first, last });
        }
        self.last = Some(signed);
        Ok(())
    }

    fn finish(self) -> Result<Verified, Verdict> {
        let size = self.tree.size();
        if size < self.promised {
            return Err(Verdict::Truncated { index: size });
        }
        let covered = self.covered();
        let Some(last) = self.last.filter(|_| covered == size) else {
            return Err(Verdict::Truncated { index: covered });
        };
        match (self.known, self.known_root) {
            (Some(known), None) => Err(Verdict::RolledBack { size, known: known.size }),
            (Some(known), Some(root)) if root != known.root => {
                Err(Verdict::Forked { last: known.size.saturating_sub(1) })
            }
            _ => Ok(Verified(last)),
        }
    }

    /// How many entries the last good checkpoint covers.
    fn covered(&self) -> u64 {
        self.last.as_ref().map_or(0, |signed| signed.claim().size)
    }

    const fn malformed(&self) -> Verdict {
        Verdict::Malformed { line: self.line, index: self.tree.size() }
    }
}

fn read_header(reader: &mut impl BufRead, line: &mut Vec<u8>) -> Result<Header, Verdict> {
    let malformed = Verdict::Malformed { line: 1, index: 0 };
    if !read_line(reader, line, 1, 0)? {
        return Err(malformed);
    }
    serde_json::from_slice(line).map_err(|_| malformed)
}

fn read_line(
    reader: &mut impl BufRead,
    buffer: &mut Vec<u8>,
    line: u64,
    index: u64,
) -> Result<bool, Verdict> {
    next_line(reader, buffer).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => Verdict::Malformed { line, index },
        io::ErrorKind::UnexpectedEof => Verdict::Truncated { index },
        _ => Verdict::Unreadable(error),
    })
}

/// Whether these are the bytes that RFC 8785 gives for the object they mean. A name given twice is not: the object
/// read back has it once.
fn is_canonical_object(entry: &[u8]) -> bool {
    let Ok(value @ serde_json::Value::Object(_)) = serde_json::from_slice(entry) else { return false };
    serde_json_canonicalizer::to_vec(&value).is_ok_and(|canonical| canonical == entry)
}
