//! Exeat from outside: one binary, one module per subject.
mod crypto;
mod harden;
mod ledger_export;
mod ledger_proofs;
#[cfg(test)]
mod proxy;
mod scope;
mod store;
mod tokens;
mod vault;
