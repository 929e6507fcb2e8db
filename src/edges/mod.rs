//! The edges: translate, call the broker, translate back; nothing else.

pub mod wire;
