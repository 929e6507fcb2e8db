//! The report: granted against used, folded from the entries of the ledger and from nothing else.
//!
//! The same entries always give the same report, here and in the hands of somebody who has only an export: there is no
//! clock and no store. A subject is an approval, a token, an agent, a run or a range of time. The broker reads the
//! entries and hands them to [`Fold`]; what is shown is an [`Account`] over all of them and one for each approval.

mod account;
mod approval;
mod denied;
mod files_fold;
mod fold;
mod granted;
mod lanes;
mod lanes_fold;
mod reported_fold;
#[cfg(test)]
mod tests;
mod tighter;

use serde::{Deserialize, Serialize};

pub use account::{
    Account, ApprovalAccount, Approver, Ending, RefusedStep, Standing, TokenAccount, Trigger, Unfinished,
    Used,
};
pub use denied::{Attempt, Denied, DeniedKind};
pub use fold::Fold;
pub use lanes::{
    Climb, Disagreement, FilesAccount, HostRefused, HostUsed, Lanes, NetworkLane, ReportedRow, RunAccount,
    Untouched, Widening,
};

pub use tighter::{Tighter, smallest};

use crate::domain::ledger::Entry;

/// At most this many different targets are listed for an item; `further` counts the uses of others.
pub const MAX_TARGETS: usize = 20;
/// At most this many different refusals are listed for an approval, and apart from approvals; `denied_further` counts
/// the others.
pub const MAX_DENIED: usize = 200;

/// The four questions, answered for one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What it is about: an id, or a range of time in words.
    pub subject: String,
    /// Everything together; what is granted by several approvals is listed once.
    #[serde(flatten)]
    pub account: Account,
    /// The same for each approval, in the order of the log.
    #[serde(default)]
    pub approvals: Vec<ApprovalAccount>,
    /// What runs did beside using credentials, and how they went.
    #[serde(default)]
    pub lanes: Lanes,
    /// The signed head of the log it was read from (C2SP signed note).
    pub checkpoint: Option<String>,
}

impl Report {
    /// Folds entries, which must come in the order of the log. See [`Fold`] for which ones to hand in.
    #[must_use]
    pub fn fold<'a>(subject: impl Into<String>, entries: impl IntoIterator<Item = (u64, &'a Entry)>) -> Self {
        let mut fold = Fold::about(subject);
        for (index, entry) in entries {
            fold.add(index, entry);
        }
        fold.finish()
    }

    /// How many uses began.
    #[must_use]
    pub fn uses(&self) -> u64 {
        self.account.used.iter().map(|used| used.count).sum()
    }
}
