//! The append-only log: what is written, how it is proven.

mod recorded;

pub use recorded::Recorded;
