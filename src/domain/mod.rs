//! The rules. Pure and synchronous: `now` is an argument, nothing here waits, reads or writes.

pub mod identity;
pub mod ledger;
pub mod name;
