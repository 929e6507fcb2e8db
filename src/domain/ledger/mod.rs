//! The append-only log: what is written, how it is proven.

mod event;
mod links;
pub mod merkle;
pub mod nodes;
pub mod proof;
mod recorded;

pub use event::{Entry, Event, KeyPurpose, Links, Revoker, UseRefusal};
pub use recorded::Recorded;
