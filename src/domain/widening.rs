//! Files that are granted to a run while it goes on: what is said to whoever keeps the run, and what came of it.

use serde::{Deserialize, Serialize};

use super::inert::Inert;
use super::run::PathText;
use super::scope::ScopeItem;
use crate::base::id::ApprovalId;

/// What came of granted files, in a run that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Widened {
    /// They are open.
    Open {
        /// Where inside: the paths of the item, or where else they show.
        at: Vec<PathText>,
    },
    /// They are not opened while the run goes on.
    NextStart {
        /// Why, and what to do.
        reason: Inert<400>,
    },
    /// They were open, and are no more.
    Closed {
        /// Why.
        cause: Closing,
    },
}

/// Why files are closed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// The approval's time is over.
    Expired,
    /// Somebody ended the approval.
    Revoked,
}

/// One line to what keeps a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum KeeperLine {
    /// These were granted.
    Open {
        /// By which approval.
        approval: ApprovalId,
        /// `filesystem` items; what comes of each is told by its place here.
        items: Vec<ScopeItem>,
        /// For how long.
        seconds: u64,
    },
    /// What the approval opened ends.
    Close {
        /// Which.
        approval: ApprovalId,
        /// Why.
        cause: Closing,
    },
}

/// One granted item of a run, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileGrant {
    /// A `filesystem` item, as granted.
    pub item: ScopeItem,
    /// What came of it; `None` while it is being opened.
    pub widened: Option<Widened>,
}
