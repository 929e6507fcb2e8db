//! Inclusion and consistency proofs (RFC 9162 §2.1.3, §2.1.4), made and checked.
//!
//! Making one takes the hashes of some complete subtrees; `…_nodes` say which, so that a store can fetch them first.
//! Nothing here reads or waits. Checking one needs nothing but the two roots (or the leaf and the root).

use std::ops::Range;

use super::merkle::{NodeId, fold_peaks, node_hash};
use crate::base::crypto::hash::{Digest, sha256};

/// Hashes of complete subtrees.
pub trait Nodes {
    /// The hash of the subtree at `id`, if it is known.
    fn node(&self, id: NodeId) -> Option<Digest>;
}

/// The subtrees that the proof of entry `index` in the tree of `size` entries is made of.
///
/// # Errors
/// When the tree has no such entry.
pub fn inclusion_nodes(index: u64, size: u64) -> Result<Vec<NodeId>, ProofError> {
    Ok(inclusion_spans(index, size)?.into_iter().flat_map(subtrees).collect())
}

/// The subtrees that the proof from `old` to `new` entries is made of.
///
/// # Errors
/// When the tree would have shrunk.
pub fn consistency_nodes(old: u64, new: u64) -> Result<Vec<NodeId>, ProofError> {
    Ok(consistency_spans(old, new)?.into_iter().flat_map(subtrees).collect())
}

/// The subtrees that the root of the tree of `size` entries is made of.
#[must_use]
pub fn root_nodes(size: u64) -> Vec<NodeId> {
    subtrees(0..size)
}

/// The proof that entry `index` is in the tree of `size` entries, from the leaf upward.
///
/// # Errors
/// When the tree has no such entry, or `nodes` does not know one of [`inclusion_nodes`].
pub fn inclusion(index: u64, size: u64, nodes: &impl Nodes) -> Result<Vec<Digest>, ProofError> {
    inclusion_spans(index, size)?.into_iter().map(|span| span_hash(span, nodes)).collect()
}

/// The proof that the tree of `new` entries begins with the tree of `old` entries. From nothing it is empty.
///
/// # Errors
/// When the tree would have shrunk, or `nodes` does not know one of [`consistency_nodes`].
pub fn consistency(old: u64, new: u64, nodes: &impl Nodes) -> Result<Vec<Digest>, ProofError> {
    consistency_spans(old, new)?.into_iter().map(|span| span_hash(span, nodes)).collect()
}

/// The root of the tree of `size` entries, at present or long ago.
///
/// # Errors
/// When `nodes` does not know one of [`root_nodes`].
pub fn root(size: u64, nodes: &impl Nodes) -> Result<Digest, ProofError> {
    span_hash(0..size, nodes)
}

/// Checks that `leaf` is entry `index` of the tree of `size` entries with this root (RFC 9162 §2.1.3.2).
///
/// # Errors
/// When the proof does not show it.
pub fn verify_inclusion(
    leaf: &Digest,
    index: u64,
    size: u64,
    proof: &[Digest],
    root: &Digest,
) -> Result<(), InvalidProof> {
    if index >= size {
        return Err(InvalidProof);
    }
    let mut path = Path { node: index, last: size - 1 };
    let mut hash = *leaf;
    for sibling in proof {
        hash = match path.climb()? {
            Side::Left => node_hash(sibling, &hash),
            Side::Right => node_hash(&hash, sibling),
        };
    }
    (path.last == 0 && hash == *root).then_some(()).ok_or(InvalidProof)
}

/// Checks that the tree of `new` entries with `new_root` begins with the tree of `old` entries with `old_root`
/// (RFC 9162 §2.1.4.2). Every tree begins with the empty one.
///
/// # Errors
/// When the proof does not show it.
pub fn verify_consistency(
    old: u64,
    new: u64,
    proof: &[Digest],
    old_root: &Digest,
    new_root: &Digest,
) -> Result<(), InvalidProof> {
    if old == 0 || old >= new {
        let start = if old == 0 { sha256(&[]) } else { *new_root };
        let trivial =
            old <= new && proof.is_empty() && start == *old_root && (new > old || old_root == new_root);
        return trivial.then_some(()).ok_or(InvalidProof);
    }
    let (first, rest) = match proof.split_first() {
        _ if old.is_power_of_two() => (old_root, proof),
        Some(split) => split,
        None => return Err(InvalidProof),
    };
    let complete = (old - 1).trailing_ones();
    let mut path = Path { node: (old - 1) >> complete, last: (new - 1) >> complete };
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        match path.climb()? {
            Side::Left => {
                old_hash = node_hash(sibling, &old_hash);
                new_hash = node_hash(sibling, &new_hash);
            }
            Side::Right => new_hash = node_hash(&new_hash, sibling),
        }
    }
    (path.last == 0 && old_hash == *old_root && new_hash == *new_root).then_some(()).ok_or(InvalidProof)
}

/// A proof cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The entry or the earlier tree is not within the tree.
    #[error("{asked} is not within the tree of {size} entries")]
    OutOfRange {
        /// The index or size asked for.
        asked: u64,
        /// How many entries the tree has.
        size: u64,
    },
    /// A subtree whose hash is needed is not known.
    #[error("the hash of subtree {} at level {} is not known", .0.index, .0.level)]
    MissingNode(NodeId),
}

/// The proof does not show what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not lead to the root")]
pub struct InvalidProof;

/// Where the sibling of a node stands.
enum Side {
    Left,
    Right,
}

/// The way from a node to the root: `fn` and `sn` of RFC 9162 §2.1.3.2.
struct Path {
    node: u64,
    last: u64,
}

impl Path {
    /// One level with a sibling up, past those where the node has none.
    fn climb(&mut self) -> Result<Side, InvalidProof> {
        if self.last == 0 {
            return Err(InvalidProof);
        }
        let side = if self.node % 2 == 1 || self.node == self.last {
            let alone = self.node.trailing_zeros().min(63);
            self.node >>= alone;
            self.last >>= alone;
            Side::Left
        } else {
            Side::Right
        };
        self.node >>= 1;
        self.last >>= 1;
        Ok(side)
    }
}

/// The leaves under each step of the path, from the leaf upward (RFC 9162 §2.1.3.1, PATH).
fn inclusion_spans(index: u64, size: u64) -> Result<Vec<Range<u64>>, ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange { asked: index, size });
    }
    let mut spans = Vec::new();
    let mut tree = 0..size;
    while tree.end - tree.start > 1 {
        let middle = middle(&tree);
        if index < middle {
            spans.push(middle..tree.end);
            tree.end = middle;
        } else {
            spans.push(tree.start..middle);
            tree.start = middle;
        }
    }
    spans.reverse();
    Ok(spans)
}

/// The leaves under each hash of the proof, in its order (RFC 9162 §2.1.4.1, SUBPROOF).
fn consistency_spans(old: u64, new: u64) -> Result<Vec<Range<u64>>, ProofError> {
    if old > new {
        return Err(ProofError::OutOfRange { asked: old, size: new });
    }
    if old == 0 {
        return Ok(Vec::new());
    }
    let mut spans = Vec::new();
    let mut tree = 0..new;
    while tree.end > old {
        let middle = middle(&tree);
        if old <= middle {
            spans.push(middle..tree.end);
            tree.end = middle;
        } else {
            spans.push(tree.start..middle);
            tree.start = middle;
        }
    }
    // The old tree itself needs no hash in the proof: who checks it has its root.
    if tree.start > 0 {
        spans.push(tree);
    }
    spans.reverse();
    Ok(spans)
}

/// Where a tree of two leaves or more divides: after the largest power of two below its size.
fn middle(tree: &Range<u64>) -> u64 {
    tree.start + (1 << (tree.end - tree.start - 1).ilog2())
}

/// The complete subtrees over `span`, left to right. A span begins where a subtree of its first part's size may.
fn subtrees(span: Range<u64>) -> Vec<NodeId> {
    let mut nodes = Vec::with_capacity((span.end - span.start).count_ones() as usize);
    let mut start = span.start;
    while let Some(level) = (span.end - start).checked_ilog2() {
        let Ok(narrow) = u8::try_from(level) else { break };
        nodes.push(NodeId { level: narrow, index: start >> level });
        start += 1 << level;
    }
    nodes
}

fn span_hash(span: Range<u64>, nodes: &impl Nodes) -> Result<Digest, ProofError> {
    let hash = |id| nodes.node(id).ok_or(ProofError::MissingNode(id));
    let peaks = subtrees(span).into_iter().map(hash).collect::<Result<Vec<_>, _>>()?;
    Ok(fold_peaks(&peaks))
}
