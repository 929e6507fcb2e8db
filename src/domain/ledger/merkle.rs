//! The Merkle tree over the entries (RFC 6962 §2.1, RFC 9162 §2.1).
//!
//! A [`Frontier`] is all that appending needs: the roots of the complete subtrees that make up the tree so far.
//! It never reads what is stored; the store persists it with each batch and keeps the nodes it completes.

use crate::base::crypto::hash::{Digest, sha256};

/// The hash of an entry, given its canonical bytes (RFC 6962 §2.1: `0x00 ‖ entry`).
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Digest {
    sha256(&[&[0], entry])
}

/// The hash of a node with two children (RFC 6962 §2.1: `0x01 ‖ left ‖ right`).
#[must_use]
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    sha256(&[&[1], left.as_bytes(), right.as_bytes()])
}

/// The place of a complete subtree: number `index`, from the left, of those with 2^`level` leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    /// 0 for leaves.
    pub level: u8,
    /// 0 for the leftmost.
    pub index: u64,
}

/// A complete subtree and its hash, which never changes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Where it stands.
    pub id: NodeId,
    /// Its hash.
    pub hash: Digest,
}

/// The right edge of the tree: its size and the hashes of its largest complete subtrees, left to right.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    /// One per set bit of `size`, the highest bit first.
    peaks: Vec<Digest>,
}

impl Frontier {
    /// The largest tree there can be; no log gets near it, so sizes and indexes never overflow.
    pub const MAX_SIZE: u64 = 1 << 62;

    /// How many leaves the tree has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf at index `size` and returns the subtrees it completes: the leaf itself, then its ancestors upward.
    /// Two hashes an append on average, never more than 62.
    pub fn append(&mut self, leaf: Digest) -> Vec<Node> {
        let mut completed = Vec::with_capacity(self.size.trailing_ones() as usize + 1);
        let mut node = Node { id: NodeId { level: 0, index: self.size }, hash: leaf };
        completed.push(node);
        while node.id.index % 2 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            let id = NodeId { level: node.id.level + 1, index: node.id.index / 2 };
            node = Node { id, hash: node_hash(&left, &node.hash) };
            completed.push(node);
        }
        self.peaks.push(node.hash);
        self.size += 1;
        completed
    }

    /// The Merkle tree hash; for no leaves, the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Digest {
        fold_peaks(&self.peaks)
    }

    /// The size in 8 bytes, big-endian, then the hashes from left to right.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + 32 * self.peaks.len());
        bytes.extend_from_slice(&self.size.to_be_bytes());
        for peak in &self.peaks {
            bytes.extend_from_slice(peak.as_bytes());
        }
        bytes
    }

    /// Reads what [`Frontier::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the number of hashes is not the one the size asks for, or the size is beyond [`Frontier::MAX_SIZE`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidFrontier> {
        let (size, hashes) = bytes.split_first_chunk::<8>().ok_or(InvalidFrontier)?;
        let size = u64::from_be_bytes(*size);
        let (hashes, rest) = hashes.as_chunks::<32>();
        if size > Self::MAX_SIZE || !rest.is_empty() || hashes.len() != size.count_ones() as usize {
            return Err(InvalidFrontier);
        }
        Ok(Self { size, peaks: hashes.iter().copied().map(Digest::from_bytes).collect() })
    }
}

/// The bytes are not those of a frontier.
#[derive(Debug, thiserror::Error)]
#[error("the bytes are not those of a tree's frontier")]
pub struct InvalidFrontier;

/// The hash over adjacent complete subtrees of falling size: the root of the tree they are the whole of.
pub(super) fn fold_peaks(peaks: &[Digest]) -> Digest {
    peaks.iter().rev().copied().reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(|| sha256(&[]))
}
