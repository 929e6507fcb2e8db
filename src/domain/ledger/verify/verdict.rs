//! Why an export does not hold.

use std::io;
use std::ops::RangeInclusive;

use crate::domain::ledger::note::NoteError;

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
    /// A decision says that its person signed it, or a person's passkeys change, and no passkey that was theirs then signed for it.
    #[error("entry {index} does not bear the signature of a passkey that it claims or needs")]
    NotSigned {
        /// The entry.
        index: u64,
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
            | Self::NotSigned { index }
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
