//! What every room stands on: time, randomness, ids, secret memory, cryptography, settings.
//!
//! One file wraps one library. Nothing here knows what an approval or a token is.

pub mod clock;
pub mod crypto;
pub mod harden;
pub mod id;
pub mod random;
mod run_id;
pub mod secret;
pub mod tasks;
