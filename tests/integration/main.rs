//! Exeat from outside: one binary, one module per subject.
mod crypto;
mod harden;
mod house;
mod ledger_export;
mod ledger_proofs;
mod main_job;

mod proxy;
mod scope;
mod store;
mod tokens;
mod vault;
