//! The log and its proofs.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::base::crypto::hash::Digest;

/// `GET /v1/ledger/entries`, by index.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EntryList {
    /// The entries.
    pub entries: Vec<EntryView>,
    /// What to say as `after` for those that follow; none when there are no more now.
    pub next: Option<u64>,
}

/// An entry as it stands in the log.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EntryView {
    /// Its place.
    pub index: u64,
    /// Its leaf hash (RFC 6962 §2.1).
    #[schema(value_type = String)]
    pub leaf: Digest,
    /// What it says; its canonical form (RFC 8785) is what was hashed.
    #[schema(value_type = Object)]
    pub entry: Value,
}

/// `GET /v1/ledger/proof`: entry `index` is in the tree of `size` entries (RFC 9162 §2.1.3).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct InclusionProof {
    /// The entry.
    pub index: u64,
    /// The size of the tree.
    pub size: u64,
    /// The entry's leaf hash.
    #[schema(value_type = String)]
    pub leaf: Digest,
    /// From the leaf upward.
    #[schema(value_type = Vec<String>)]
    pub hashes: Vec<Digest>,
    /// The signed head of that tree (C2SP signed note).
    pub checkpoint: String,
}

/// `GET /v1/ledger/consistency`: the tree of `size` entries begins with the tree of `from` (RFC 9162 §2.1.4).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ConsistencyProof {
    /// The size of the older tree.
    pub from: u64,
    /// The size of the newer tree.
    pub size: u64,
    /// The hashes, in the order of RFC 9162 §2.1.4.1.
    #[schema(value_type = Vec<String>)]
    pub hashes: Vec<Digest>,
    /// The signed head of the newer tree (C2SP signed note).
    pub checkpoint: String,
}
