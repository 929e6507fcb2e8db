//! The append-only log: what is written, how it is proven.

pub mod checkpoint;
mod event;
pub mod export;
pub mod forms;
mod links;
mod made;
pub mod merkle;
pub mod nodes;
pub mod note;
pub mod proof;
mod recorded;
mod signatures;
pub mod verify;

pub use event::{Entry, Event, KeyPurpose, Revoker};
pub use links::Links;
pub use recorded::Recorded;
