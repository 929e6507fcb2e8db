//! An entry on its way into the log, and the tree it goes into.

use std::sync::Arc;

use serde::Serialize;
use sqlx::SqliteConnection;

use super::error::{corrupt, rows, signed};
use super::file::Signer;
use super::script::Script;
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::domain::ledger::checkpoint::Checkpoint;
use crate::domain::ledger::merkle::{Frontier, Node, leaf_hash};
use crate::domain::ledger::{Entry, Links};
use crate::store::StoreError;

/// An entry in the form it is kept in. Made by the caller of a step, so that the writer need not hash.
pub(super) struct Line {
    at: Timestamp,
    name: &'static str,
    body: String,
    leaf: Digest,
    links: Links,
}

impl Line {
    pub(super) fn of(entry: &Entry) -> Self {
        let bytes = entry.canonical();
        let leaf = leaf_hash(&bytes);
        // Canonical JSON is UTF-8 (RFC 8785 §3.2.4), so nothing is lost here.
        let body = String::from_utf8(bytes).unwrap_or_default();
        Self { at: entry.at, name: entry.event.name(), body, leaf, links: entry.event.links() }
    }

    fn row(&self, index: u64) -> impl Serialize {
        let Links { approval, token, agent, run, usage } = self.links;
        (index, self.at.as_micros(), self.name, &self.body, self.leaf, approval, token, agent, run, usage)
    }
}

/// Where the log stands, in memory. A copy grows with a batch and takes the original's place when the batch is durable.
#[derive(Clone)]
pub(super) struct Tree {
    pub(super) frontier: Frontier,
    pub(super) last_at: Option<Timestamp>,
}

impl Tree {
    /// Reads the head, and sees that the entries agree with it.
    pub(super) async fn load(db: &mut SqliteConnection) -> Result<Self, StoreError> {
        let (size, frontier, last_at, entries): (i64, Vec<u8>, Option<i64>, i64) = sqlx::query_as(
            "SELECT size, frontier, last_at, (SELECT coalesce(max(idx) + 1, 0) FROM entries) FROM ledger_head",
        )
        .fetch_one(db)
        .await?;
        let frontier = Frontier::from_bytes(&frontier).map_err(|_| corrupt("ledger_head", "frontier"))?;
        if signed(frontier.size()) != size || size != entries {
            return Err(corrupt("ledger_head", "size"));
        }
        Ok(Self { frontier, last_at: last_at.map(Timestamp::from_micros) })
    }
}

/// The entries of one batch, in the order they were applied.
pub(super) struct Lines {
    first: u64,
    lines: Vec<Arc<Line>>,
}

impl Lines {
    pub(super) const fn after(tree: &Tree) -> Self {
        Self { first: tree.frontier.size(), lines: Vec::new() }
    }

    /// Adds a line and gives its index.
    pub(super) fn push(&mut self, line: impl Into<Arc<Line>>) -> u64 {
        let index = self.first + self.lines.len() as u64;
        self.lines.push(line.into());
        index
    }

    /// How many there are; see [`Lines::truncate`].
    pub(super) const fn len(&self) -> usize {
        self.lines.len()
    }

    /// Forgets the lines of a step that was refused.
    pub(super) fn truncate(&mut self, len: usize) {
        self.lines.truncate(len);
    }

    /// Adds to `writes` the entries, nodes, head and signed checkpoint. Gives the tree as it stands after them.
    pub(super) fn write(
        &self,
        tree: &Tree,
        signer: &Signer,
        writes: &mut Script,
    ) -> Result<Tree, StoreError> {
        let mut next = tree.clone();
        if self.lines.is_empty() {
            return Ok(next);
        }
        let mut nodes = Vec::new();
        for line in &self.lines {
            let completed = next.frontier.append(line.leaf).into_iter().skip(1);
            nodes.extend(completed.filter(|node| node.id.is_stored()));
            next.last_at = next.last_at.max(Some(line.at));
        }
        write_nodes(&nodes, writes)?;
        // Another writer's entry at one of these indexes would refuse all of it.
        writes.add(
            "INSERT INTO entries (idx, at, type, body, leaf, approval, token, agent, run, usage)
             SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, unhex(value ->> 4),
                    value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9
             FROM json_each(?)",
        );
        writes.bind(rows((self.first..).zip(&self.lines).map(|(index, line)| line.row(index)))?)?;
        let size = signed(next.frontier.size());
        writes.add("UPDATE ledger_head SET size = ?, frontier = ?, last_at = ?");
        writes.bind(size)?;
        writes.bind(next.frontier.to_bytes())?;
        writes.bind(next.last_at.map(Timestamp::as_micros))?;
        writes.add("INSERT INTO checkpoints (size, note) VALUES (?, ?)");
        writes.bind(size)?;
        writes.bind(Checkpoint::of(signer.origin.clone(), &next.frontier).sign(&signer.key).to_note())?;
        Ok(next)
    }
}

fn write_nodes(nodes: &[Node], writes: &mut Script) -> Result<(), StoreError> {
    if nodes.is_empty() {
        return Ok(());
    }
    writes.add(
        "INSERT INTO nodes (level, idx, hash)
         SELECT value ->> 0, value ->> 1, unhex(value ->> 2) FROM json_each(?)",
    );
    writes.bind(rows(nodes.iter().map(|node| (node.id.level, node.id.index, node.hash)))?)
}
