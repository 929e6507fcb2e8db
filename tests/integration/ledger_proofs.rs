//! The Merkle tree, its proofs and the export that carries them, against references made elsewhere.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use exeat::base::crypto::hash::Digest;
use exeat::domain::ledger::merkle::{Frontier, Node, NodeId, leaf_hash, node_hash};
use exeat::domain::ledger::nodes::{StoredNodes, stored_nodes};
use exeat::domain::ledger::proof::{self, InvalidProof, ProofError};
use proptest::prelude::*;
use sha2::Sha256;

/// Certificate Transparency's reference leaves and the root after each of them.
const REFERENCE: [(&str, &str); 8] = [
    ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
    ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
    ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
    ("2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    ("3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
    ("40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
    ("5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
    ("606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
];

#[test]
fn the_tree_has_the_reference_roots() {
    let mut tree = Frontier::default();
    assert_eq!(tree.root().to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (leaf, root) in REFERENCE {
        tree.append(leaf_hash(&hex::decode(leaf).unwrap()));
        assert_eq!(tree.root().to_string(), root);
    }
}

#[test]
fn an_append_names_each_completed_subtree_once() {
    let mut tree = Frontier::default();
    let mut seen: Vec<Node> = Vec::new();
    for index in 0..70_u64 {
        seen.extend(tree.append(leaf(index)));
    }
    for level in 0..7_u8 {
        let hashes: Vec<Digest> =
            seen.iter().filter(|node| node.id.level == level).map(|node| node.hash).collect();
        assert_eq!(hashes.len() as u64, 70 >> level);
        for (index, pair) in hashes.chunks_exact(2).enumerate() {
            let id = NodeId { level: level + 1, index: index as u64 };
            let parents: Vec<&Node> = seen.iter().filter(|node| node.id == id).collect();
            assert_eq!(parents, [&Node { id, hash: node_hash(&pair[0], &pair[1]) }]);
        }
    }
}

#[test]
fn a_frontier_reads_back_and_refuses_what_does_not_fit_its_size() {
    let mut tree = Frontier::default();
    for index in 0..70 {
        let bytes = tree.to_bytes();
        assert_eq!(Frontier::from_bytes(&bytes).unwrap(), tree);
        assert!(Frontier::from_bytes(&bytes[1..]).is_err());
        assert!(Frontier::from_bytes(&[&bytes[..], &[0; 32]].concat()).is_err());
        tree.append(leaf(index));
    }
    let bytes = tree.to_bytes();
    assert!(Frontier::from_bytes(&bytes[..bytes.len() - 32]).is_err());
    assert!(Frontier::from_bytes(&[&[0x80][..], &[0; 39]].concat()).is_err());
}

#[test]
fn every_inclusion_proof_up_to_70_entries_holds_for_its_entry_place_and_root_alone() {
    let (nodes, roots) = tree_of(70);
    for size in 1..=70_u64 {
        for index in 0..size {
            let proof = proof::inclusion(index, size, &nodes).unwrap();
            let check = |leaf: Digest, index, size, proof: &[Digest], root| {
                proof::verify_inclusion(&leaf, index, size, proof, root).is_ok()
            };
            let root = &roots[place(size)];
            assert!(check(leaf(index), index, size, &proof, root));
            assert!(!check(leaf(index + 1), index, size, &proof, root));
            assert!(!check(leaf(index), index, size, &proof, &roots[place(size - 1)]));
            assert!(!check(leaf(index), size, size, &proof, root));
            assert!(!check(leaf(index), index, size, &[&proof[..], &[*root]].concat(), root));
            for other in (0..size).filter(|other| *other != index) {
                assert!(!check(leaf(index), other, size, &proof, root));
            }
            for at in 0..proof.len() {
                let mut spoiled = proof.clone();
                spoiled[at] = leaf(999);
                assert!(!check(leaf(index), index, size, &spoiled, root));
                spoiled.remove(at);
                assert!(!check(leaf(index), index, size, &spoiled, root));
            }
        }
    }
}

#[test]
fn every_consistency_proof_up_to_70_entries_holds_for_its_two_trees_alone() {
    let (nodes, roots) = tree_of(70);
    for new in 0..=70_u64 {
        for old in 0..=new {
            let proof = proof::consistency(old, new, &nodes).unwrap();
            let (old_root, new_root) = (&roots[place(old)], &roots[place(new)]);
            let other = leaf(999);
            let check = |proof: &[Digest], old_root, new_root| {
                proof::verify_consistency(old, new, proof, old_root, new_root).is_ok()
            };
            assert!(check(&proof, old_root, new_root), "{old} {new}");
            assert!(!check(&proof, &other, new_root));
            assert!(old == 0 || !check(&proof, old_root, &other));
            assert!(!check(&[&proof[..], &[*new_root]].concat(), old_root, new_root));
            for at in 0..proof.len() {
                let mut spoiled = proof.clone();
                spoiled[at] = leaf(999);
                assert!(!check(&spoiled, old_root, new_root));
                spoiled.remove(at);
                assert!(!check(&spoiled, old_root, new_root));
            }
            if old < new {
                let shrunk = proof::verify_consistency(new, old, &proof, new_root, old_root);
                assert_eq!(shrunk, Err(InvalidProof));
            }
        }
    }
}

#[test]
fn roots_and_proofs_equal_those_of_an_independent_implementation() {
    let (nodes, roots) = tree_of(60);
    let mut oracle = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in 1..=60_u64 {
        oracle.push((size - 1).to_be_bytes().to_vec());
        assert_eq!(oracle.root().as_bytes()[..], roots[place(size)].as_bytes()[..]);
        assert_eq!(proof::root(size, &nodes), Ok(roots[place(size)]));
        for index in 0..size {
            let ours = proof::inclusion(index, size, &nodes).unwrap();
            assert_eq!(oracle.prove_inclusion(place(index)).as_bytes(), flat(&ours));
        }
        for old in 1..=size {
            let ours = proof::consistency(old, size, &nodes).unwrap();
            assert_eq!(oracle.prove_consistency(place(size - old)).as_bytes(), flat(&ours));
        }
    }
}

#[test]
fn a_proof_in_a_large_log_needs_only_the_stored_nodes_it_names() {
    let mut tree = Frontier::default();
    let mut stored = Vec::new();
    for index in 0..70_000 {
        stored.extend(tree.append(leaf(index)).into_iter().filter(|node| node.id.is_stored()));
    }
    assert_eq!(stored.iter().filter(|node| node.id.level > 0).count(), 273 + 1);
    for index in [0, 255, 256, 65_535, 65_536, 69_632, 69_999] {
        let nodes = fetched(&stored, &proof::inclusion_nodes(index, 70_000).unwrap());
        let path = proof::inclusion(index, 70_000, &nodes).unwrap();
        proof::verify_inclusion(&leaf(index), index, 70_000, &path, &tree.root()).unwrap();
    }
    for old in [1, 255, 256, 257, 65_536, 69_999, 70_000] {
        let roots = fetched(&stored, &proof::root_nodes(old));
        let old_root = proof::root(old, &roots).unwrap();
        let nodes = fetched(&stored, &proof::consistency_nodes(old, 70_000).unwrap());
        let path = proof::consistency(old, 70_000, &nodes).unwrap();
        proof::verify_consistency(old, 70_000, &path, &old_root, &tree.root()).unwrap();
    }
}

#[test]
fn a_proof_that_cannot_be_made_says_what_is_missing() {
    let none = StoredNodes::default();
    let missing = ProofError::MissingNode(NodeId { level: 0, index: 1 });
    assert_eq!(proof::inclusion(0, 2, &none), Err(missing));
    assert_eq!(proof::inclusion(2, 2, &none), Err(ProofError::OutOfRange { asked: 2, size: 2 }));
    assert_eq!(proof::consistency(3, 2, &none), Err(ProofError::OutOfRange { asked: 3, size: 2 }));
}

proptest! {
    #[test]
    fn no_numbers_or_hashes_make_a_proof_check_panic(
        numbers: (u64, u64), hashes in prop::collection::vec(any::<[u8; 32]>(), 2..70),
    ) {
        let hashes: Vec<Digest> = hashes.into_iter().map(Digest::from_bytes).collect();
        for (small, large) in [numbers, (numbers.0, u64::MAX), (numbers.0 % 9, numbers.1 % 9)] {
            let _ = proof::inclusion_nodes(small, large).map(|nodes| nodes.into_iter().map(NodeId::stored).count());
            let _ = proof::consistency_nodes(small, large);
            prop_assert!(proof::verify_inclusion(&hashes[0], small, large, &hashes[2..], &hashes[1]).is_err());
            prop_assert!(
                proof::verify_consistency(small, large, &hashes[2..], &hashes[0], &hashes[1]).is_err()
            );
        }
    }
}

/// What a store would fetch for `wanted`.
fn fetched(stored: &[Node], wanted: &[NodeId]) -> StoredNodes {
    let wanted = stored_nodes(wanted);
    stored.iter().filter(|node| wanted.contains(&node.id)).copied().collect()
}

/// A tree's stored nodes, and its root at every size up to `size`.
fn tree_of(size: u64) -> (StoredNodes, Vec<Digest>) {
    let mut tree = Frontier::default();
    let mut nodes = StoredNodes::default();
    let mut roots = vec![tree.root()];
    for index in 0..size {
        nodes.extend(tree.append(leaf(index)).into_iter().filter(|node| node.id.is_stored()));
        roots.push(tree.root());
    }
    (nodes, roots)
}

fn place(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

fn flat(hashes: &[Digest]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

fn leaf(index: u64) -> Digest {
    leaf_hash(&index.to_be_bytes())
}
