//! Exeat from outside: one binary, one module per subject.
mod ledger_export;
mod ledger_proofs;
mod scope;
mod tokens;
