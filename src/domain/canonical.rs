//! Canonical JSON (RFC 8785): one spelling for each value, for what is hashed and signed.

use serde::Serialize;

use crate::base::crypto::hash::{Digest, sha256};

/// The canonical bytes. What is hashed here holds only strings, integers, lists and objects with text keys: nothing that can fail.
#[must_use]
pub fn canonical(value: &impl Serialize) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).unwrap_or_default()
}

/// SHA-256 of the canonical bytes.
#[must_use]
pub fn canonical_digest(value: &impl Serialize) -> Digest {
    sha256(&[&canonical(value)])
}
