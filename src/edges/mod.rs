//! The edges: translate, call the broker, translate back; nothing else.

pub mod cli;
pub mod client;
pub mod wire;
