//! What layers report, on its way onto record.

use super::open::OpenUse;
use crate::base::id::LayerId;
use crate::domain::ledger::Entry;

/// One report.
#[derive(Clone, Debug)]
pub struct Report {
    /// Who reports.
    pub layer: LayerId,
    /// Where the event came from, in the layer's own words.
    pub source: String,
    /// What it is called there; with the source it is the event's name.
    pub id: String,
    /// The use that ends with it.
    pub closes: Option<OpenUse>,
    /// What goes on record; `None` where there is nothing that this could be said of, and only asked whether it was said before.
    pub entry: Option<Entry>,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It is on record now.
    Recorded,
    /// It was on record before.
    Repeated,
    /// There is nothing it could be said of: no such use is open, no such run is there. Nothing is on record.
    Unknown,
}
