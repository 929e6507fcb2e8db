//! Enforcement, one folder per control plane. A plane does what the domain decided; it decides nothing.

pub mod filesystem;
pub mod network;
pub mod secrets;
