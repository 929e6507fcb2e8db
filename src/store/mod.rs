//! What Exeat keeps, as a contract by meaning. Engines live beside this file, one folder each.
//!
//! Every method is one atomic step. A step that changes something writes its entry in the same transaction, so the log and
//! the state cannot disagree. When a write returns, it is durable; when it fails, nothing of it happened. No transaction
//! leaves this folder. Reads see every write that returned before they began.

mod contract;
mod installed;
mod open;
mod query;
mod report;
pub mod sqlite;

pub use contract::{
    Change, CreateRefused, Created, Head, IssueRefused, Later, Store, StoreError, TokenRecord, UseDenied,
};
pub use installed::{Installed, SealedCredential, SealedKey, StoredPasskey};
pub use open::{OpenConnection, OpenUse};
pub use query::{ApprovalQuery, EntryQuery, StoredCheckpoint, StoredEntry};
pub use report::{Noted, Report};
