//! Real tools inside real walls, unchanged: only what `exeat run` sets leads them out (I01–I04). Each asks, a person approves, and a TLS
//! server under an authority of its own gets the credential that the tool never had.

mod cargo;
mod curl;
mod depot;
mod gh;
mod git;
mod java;
pub(crate) mod node;
mod push;
mod python;
mod ruby;
mod scene;
mod trust;
