//! The network plane: what an agent can reach, and how a credentialed request gets there.

pub mod addresses;
pub mod authority;
pub mod client_certificate;
pub mod decider;
pub mod forward_auth;
pub mod proxy;
pub mod scrub;
