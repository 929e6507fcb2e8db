//! The append-only log: what is written, how it is proven.

pub mod merkle;
pub mod nodes;
pub mod proof;
mod recorded;

pub use recorded::Recorded;
