//! The rules. Pure and synchronous: `now` is an argument, nothing here waits, reads or writes.

pub mod access;
pub mod approval;
pub mod canonical;
pub mod connection;
pub mod files;
pub mod identity;
pub mod inert;
pub mod key;
pub mod layer;
pub mod ledger;
pub mod name;
pub mod passkeys;
pub mod principal;
pub mod problem;
pub mod report;
pub mod reported;
pub mod run;
pub mod scope;
pub mod session;
pub mod step;
pub mod token;
pub mod upstream;
pub mod usage;
pub mod webauthn;
pub mod widening;
