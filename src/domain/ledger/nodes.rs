//! Which node hashes are kept, and how the others follow from them.
//!
//! Of the tree, a store keeps every eighth level (the leaves, then subtrees of 256 leaves, of 65536, …): what C2SP
//! tlog-tiles keeps at the lower edge of each tile. Any other node is a fold over at most 128 of these.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use super::merkle::{Node, NodeId, node_hash};
use super::proof::Nodes;
use crate::base::crypto::hash::Digest;

/// Adjacent stored nodes of one level.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StoredRange {
    /// Their level, a multiple of 8.
    pub level: u8,
    /// Their indexes, 1 to 128 of them.
    pub indexes: Range<u64>,
}

impl NodeId {
    /// Whether a store keeps this node.
    #[must_use]
    pub const fn is_stored(self) -> bool {
        self.level.is_multiple_of(8)
    }

    /// The stored nodes that this node's hash follows from; itself, if it is one.
    #[must_use]
    pub const fn stored(self) -> StoredRange {
        let folds = self.level % 8;
        let first = self.index << folds;
        StoredRange { level: self.level - folds, indexes: first..first + (1 << folds) }
    }
}

/// The stored nodes to fetch so that [`StoredNodes`] can answer for all of `wanted`: each once, in order.
#[must_use]
pub fn stored_nodes(wanted: &[NodeId]) -> Vec<NodeId> {
    let all = wanted.iter().flat_map(|id| {
        let StoredRange { level, indexes } = id.stored();
        indexes.map(move |index| NodeId { level, index })
    });
    all.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Nodes that were read from a store. Answers for the nodes between the stored levels by folding.
#[derive(Debug, Clone, Default)]
pub struct StoredNodes(HashMap<NodeId, Digest>);

impl FromIterator<Node> for StoredNodes {
    fn from_iter<I: IntoIterator<Item = Node>>(nodes: I) -> Self {
        Self(nodes.into_iter().map(|node| (node.id, node.hash)).collect())
    }
}

impl Extend<Node> for StoredNodes {
    fn extend<I: IntoIterator<Item = Node>>(&mut self, nodes: I) {
        self.0.extend(nodes.into_iter().map(|node| (node.id, node.hash)));
    }
}

impl Nodes for StoredNodes {
    fn node(&self, id: NodeId) -> Option<Digest> {
        let StoredRange { level, indexes } = id.stored();
        let hashes: Option<Vec<Digest>> =
            indexes.map(|index| self.0.get(&NodeId { level, index }).copied()).collect();
        fold_complete(hashes?)
    }
}

/// The root over a power of two of adjacent subtrees of equal size.
fn fold_complete(mut hashes: Vec<Digest>) -> Option<Digest> {
    while hashes.len() > 1 {
        let (pairs, _) = hashes.as_chunks::<2>();
        hashes = pairs.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    hashes.pop()
}
