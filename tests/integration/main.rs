//! Exeat from outside: one binary, one module per subject.

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod bodies;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod client_certificates;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod crypto;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod edges;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod harden;
#[cfg(test)]
mod house;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod ledger_export;
#[cfg(test)]
mod ledger_forms;
#[cfg(test)]
mod ledger_proofs;
#[cfg(test)]
mod main_job;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod revocation;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod scope;
#[cfg(test)]
mod start;
#[cfg(test)]
mod store;
#[cfg(test)]
mod terminal;
#[cfg(test)]
mod tighter;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod vault;
#[cfg(test)]
mod walls;
