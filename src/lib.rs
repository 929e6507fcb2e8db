//! Exeat: the secrets broker for coding agents.
//!
//! Direction of imports, enforced by `tests/architecture.rs`:
//! `base ← domain ← store, planes ← broker ← edges ← boot ← cli ← main`.

pub mod base;
pub mod boot;
pub mod broker;
pub mod cli;
pub mod domain;
pub mod edges;
pub mod planes;
pub mod store;
