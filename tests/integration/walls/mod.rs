//! The walls of a run, from outside and from inside. What stands in for the broker grants everything; the walls are real.

mod bad_input;
mod lifecycle;
pub(crate) mod stand;
