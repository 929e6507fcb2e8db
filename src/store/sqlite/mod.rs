//! SQLite behind the contract: one file, many readers, one writer that groups what waits into one transaction.
//!
//! WAL with `synchronous=FULL`: a commit that returned is on the disk. Nothing here decides what may happen; the domain has,
//! and what it decided is checked again in the transaction that writes it.

mod answers;
mod approvals;
mod assumed;
mod changes;
mod error;
mod file;
mod line;
mod lookup;
mod passkeys;
mod read;
mod reports;
mod row;
mod runs;
mod script;
mod sessions;
mod single;
mod step;
mod store;
mod tokens;
mod uses;
mod writer;

pub use file::{OpenError, Signer, SqliteFile};
pub use store::SqliteStore;
