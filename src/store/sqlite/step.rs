//! A step that writes, on its way to the writer.

use super::single::Single;
use super::tokens::Issue;
use super::uses::{Finish, Start};

/// A step and where its answer goes.
pub(super) enum Step {
    /// Steps applied one by one.
    Single(Single),
    /// Tokens, put on record all at once.
    Issue(Issue),
    /// Uses that begin, likewise.
    Start(Start),
    /// Uses that end, likewise.
    Finish(Finish),
}

impl Step {
    /// Whether the caller has given up waiting.
    pub(super) fn is_abandoned(&self) -> bool {
        match self {
            Self::Single(single) => single.is_abandoned(),
            Self::Issue(issue) => issue.reply.is_closed(),
            Self::Start(start) => start.reply.is_closed(),
            Self::Finish(finish) => finish.reply.is_closed(),
        }
    }
}
