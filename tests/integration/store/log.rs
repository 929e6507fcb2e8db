//! The log, read back and checked from the outside.

use std::collections::HashMap;
use std::time::Duration;

use exeat::base::crypto::hash::Digest;
use exeat::domain::ledger::Event;
use exeat::domain::ledger::checkpoint::SignedCheckpoint;
use exeat::domain::ledger::merkle::{Frontier, leaf_hash};
use exeat::store::{EntryQuery, Store, StoredCheckpoint, StoredEntry};

use super::bed::{Bed, nothing, verifier};

/// Every entry, in order.
pub(super) async fn all(store: &dyn Store) -> Vec<StoredEntry> {
    let mut entries: Vec<StoredEntry> = Vec::new();
    loop {
        let after = entries.last().map(|entry| entry.index);
        let page = store.entries(EntryQuery { after, limit: 700, ..EntryQuery::default() }).await.unwrap();
        if page.is_empty() {
            return entries;
        }
        entries.extend(page);
    }
}

async fn checkpoints(store: &dyn Store) -> Vec<StoredCheckpoint> {
    let mut found: Vec<StoredCheckpoint> = Vec::new();
    loop {
        let page = store.checkpoints(found.last().map_or(0, |last| last.size), 0).await.unwrap();
        if page.is_empty() {
            return found;
        }
        found.extend(page);
    }
}

/// Sees that indexes, leaves, root, head and every signed head agree.
pub(super) async fn verify(store: &dyn Store) -> Vec<StoredEntry> {
    let entries = all(store).await;
    let mut tree = Frontier::default();
    let mut roots: HashMap<u64, Digest> = HashMap::new();
    for (index, entry) in (0_u64..).zip(&entries) {
        assert_eq!(entry.index, index);
        assert_eq!(entry.bytes, entry.entry.canonical());
        assert_eq!(entry.leaf, leaf_hash(&entry.bytes));
        tree.append(entry.leaf);
        roots.insert(tree.size(), tree.root());
    }
    let head = store.head().await.unwrap();
    assert_eq!((head.size, head.root), (tree.size(), tree.root()));
    assert_eq!(head.last_at, entries.iter().map(|entry| entry.entry.at).max());
    let signed = checkpoints(store).await;
    assert_eq!(signed.last().map(|last| last.size), (head.size > 0).then_some(head.size));
    for StoredCheckpoint { size, note } in signed {
        let checkpoint = SignedCheckpoint::parse(&note).unwrap();
        let checkpoint = checkpoint.verify(&[verifier()]).unwrap();
        assert_eq!((checkpoint.size, checkpoint.root), (size, roots[&size]));
    }
    entries
}

pub(super) async fn the_log_verifies_whatever_was_written(bed: Bed) {
    let token = bed.token(5).await;
    let start = bed.begin(&token).await.unwrap();
    assert_eq!(start.index() + 1, bed.store.head().await.unwrap().size);
    let index = bed.store.append(vec![nothing(bed.now()), nothing(bed.now())]).await.unwrap().index();
    let entries = verify(bed.store.as_ref()).await;
    assert_eq!(index + 1, entries.len() as u64);
    assert_eq!(
        entries[usize::try_from(start.index()).unwrap()].entry.event,
        Event::UseStarted(start.into_value())
    );
}

pub(super) async fn stored_subtrees_are_those_of_the_tree(bed: Bed) {
    for _ in 0..3 {
        bed.store.append(vec![nothing(bed.now()); 200]).await.unwrap();
    }
    let entries = verify(bed.store.as_ref()).await;
    let mut tree = Frontier::default();
    let mut expected = Vec::new();
    for entry in &entries {
        expected.extend(tree.append(entry.leaf).into_iter().filter(|node| node.id.is_stored()));
    }
    let wanted: Vec<_> = expected.iter().rev().map(|node| (node.id.level, node.id.index)).collect();
    assert!(wanted.contains(&(8, 1)));
    let hashes: Vec<_> = expected.iter().rev().map(|node| node.hash).collect();
    assert_eq!(bed.store.nodes(wanted).await.unwrap(), hashes);
    bed.store.nodes(vec![(8, 2)]).await.unwrap_err();
}

pub(super) async fn entries_are_found_by_what_they_are_about(bed: Bed) {
    let (one, two) = (bed.token(5).await, bed.token(5).await);
    let start = bed.begin(&one).await.unwrap().into_value();
    bed.begin(&two).await.unwrap();
    let found = |query: EntryQuery| async {
        let entries = bed.store.entries(query).await.unwrap();
        entries.iter().map(|entry| entry.entry.event.name()).collect::<Vec<_>>()
    };
    let none = EntryQuery::default;
    let whole = ["requested", "decided", "token_issued", "use_started"];
    assert_eq!(found(EntryQuery { approval: Some(one.approval()), ..none() }).await, whole);
    assert_eq!(found(EntryQuery { token: Some(one.token()), ..none() }).await, whole[2..]);
    assert_eq!(found(EntryQuery { usage: Some(start.id), ..none() }).await, whole[3..]);
    let of_agent = EntryQuery { agent: Some(bed.agent.id), event: Some("use_started".into()), ..none() };
    assert_eq!(found(of_agent).await, ["use_started"; 2]);
    let later = EntryQuery { token: Some(one.token()), since: Some(bed.now().plus(super::SECOND)), ..none() };
    assert!(found(later).await.is_empty());
    let limited = EntryQuery { approval: Some(one.approval()), limit: 2, ..none() };
    assert_eq!(found(limited).await, whole[..2]);
}

pub(super) async fn entries_are_found_by_their_time(bed: Bed) {
    bed.clock.advance(Duration::from_hours(1));
    let begin = bed.now();
    let mut expected = Vec::new();
    for minute in 0..5 {
        let index = bed.store.append(vec![nothing(bed.now()); 3]).await.unwrap().index();
        if (1..4).contains(&minute) {
            expected.extend(index - 2..=index);
        }
        bed.clock.advance(Duration::from_mins(2));
    }
    let (since, until) = (begin.plus(Duration::from_mins(2)), begin.plus(Duration::from_mins(8)));
    let query = EntryQuery { since: Some(since), until: Some(until), ..EntryQuery::default() };
    let indexes = |entries: Vec<StoredEntry>| entries.iter().map(|entry| entry.index).collect::<Vec<_>>();
    assert_eq!(indexes(bed.store.entries(query.clone()).await.unwrap()), expected);
    let rest = EntryQuery { after: expected.first().copied(), ..query };
    assert_eq!(indexes(bed.store.entries(rest).await.unwrap()), expected[1..]);
}
