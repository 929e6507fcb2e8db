//! The walls of a run, from outside and from inside. What stands in for the broker grants everything; the walls are real.
//!
//! The escape suite (`escape_*`) runs inside, as root and as an ordinary user, and tries to get out.

mod bad_input;
pub(crate) mod desk;
mod endings;
mod escape_files;
mod escape_limits;
mod escape_network;
mod escape_processes;
mod escape_workspace;
mod ladder;
mod lifecycle;
mod machine;
mod opens;
mod placeholders;
mod protection;
mod remains;
pub(crate) mod stand;
mod terminal;
mod whole;
mod widening;
