//! Judges an export by public keys alone: whole, unchanged, in order, signed, and a continuation of what was known.
//!
//! Reads line by line in bounded memory and never trusts what the export says of itself: keys and the checkpoint known
//! from before are the caller's. `exeat log verify` prints the [`Verdict`].

mod verdict;

use std::io::{self, BufRead};

use super::checkpoint::{Checkpoint, SignedCheckpoint};
use super::export::{Header, Line, next_line};
use super::merkle::{Frontier, leaf_hash};
use super::note::{NoteError, Origin, VerifierKey};
use super::signatures::Signatures;
use crate::base::crypto::hash::Digest;

pub use self::verdict::Verdict;

/// An export that holds: made by [`verify`] alone.
#[derive(Debug)]
pub struct Verified {
    checkpoint: SignedCheckpoint,
    signed: u64,
}

impl Verified {
    /// The log's name.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.checkpoint.claim().origin
    }

    /// How many entries there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.checkpoint.claim().size
    }

    /// The root of the tree over them.
    #[must_use]
    pub const fn root(&self) -> &Digest {
        &self.checkpoint.claim().root
    }

    /// How many decisions bear a good signature of their person's passkey.
    #[must_use]
    pub const fn signed(&self) -> u64 {
        self.signed
    }

    /// The checkpoint over all of it. Whoever keeps it has something to hold the next export to.
    #[must_use]
    pub const fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
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
    signatures: Signatures,
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
        Ok(Self {
            keys,
            known,
            known_root,
            promised: header.size,
            tree,
            last: None,
            signatures: Signatures::default(),
            line: 1,
        })
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
        let said = canonical_object(entry).filter(|_| leaf_hash(entry) == leaf);
        let said = said.ok_or(Verdict::EntryAltered { index })?;
        if !self.signatures.hold(&said) {
            return Err(Verdict::NotSigned { index });
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
            _ => Ok(Verified { checkpoint: last, signed: self.signatures.good() }),
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

/// The object that these bytes mean, if they are what RFC 8785 gives for it. A name given twice is not: the object read back has it once.
fn canonical_object(entry: &[u8]) -> Option<serde_json::Value> {
    let value = serde_json::from_slice(entry).ok().filter(serde_json::Value::is_object)?;
    serde_json_canonicalizer::to_vec(&value).is_ok_and(|canonical| canonical == entry).then_some(value)
}
