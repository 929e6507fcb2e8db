//! Reading the log: entries, the signed head, proofs. What is read of it by people is itself an entry.

use crate::base::crypto::hash::Digest;
use crate::domain::ledger::Event;
use crate::domain::ledger::merkle::{Node, NodeId};
use crate::domain::ledger::nodes::{StoredNodes, stored_nodes};
use crate::domain::ledger::proof::{consistency, consistency_nodes, inclusion, inclusion_nodes};
use crate::domain::principal::Person;
use crate::domain::problem::{Problem, ProblemKind};
use crate::store::{EntryQuery, Head, StoredCheckpoint, StoredEntry};

use super::{Broker, unavailable};

/// That an entry stands in the log (RFC 9162 §2.1.3).
#[derive(Clone, Debug)]
pub struct InclusionProof {
    /// The entry's index.
    pub index: u64,
    /// The size of the tree it is proven in.
    pub size: u64,
    /// The entry's leaf hash.
    pub leaf: Digest,
    /// The path.
    pub hashes: Vec<Digest>,
    /// The signed head of that size.
    pub checkpoint: String,
}

/// That an older log is the beginning of a newer one (RFC 9162 §2.1.4).
#[derive(Clone, Debug)]
pub struct ConsistencyProof {
    /// The older size.
    pub from: u64,
    /// The newer size.
    pub size: u64,
    /// The path.
    pub hashes: Vec<Digest>,
    /// The signed head of the newer size.
    pub checkpoint: String,
}

impl Broker {
    /// Entries, in order. `what` goes on record as what was read.
    ///
    /// # Errors
    /// When the store cannot be read, or the reading cannot be put on record.
    pub async fn read_log(
        &self,
        by: &Person,
        what: impl Into<String>,
        query: EntryQuery,
    ) -> Result<Vec<StoredEntry>, Problem> {
        self.log_read(by, what.into()).await?;
        self.parts.store.entries(query).await.map_err(unavailable)
    }

    /// Puts on record that a person read the log.
    ///
    /// # Errors
    /// When it cannot be put on record.
    pub async fn log_read(&self, by: &Person, what: String) -> Result<(), Problem> {
        let entry = self.entry(Event::LedgerRead { by: by.id, what });
        self.parts.store.append(vec![entry]).await.map(drop).map_err(unavailable)
    }

    /// A page of entries for an export whose reading is on record already.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn page(&self, query: EntryQuery) -> Result<Vec<StoredEntry>, Problem> {
        self.parts.store.entries(query).await.map_err(unavailable)
    }

    /// Signed heads that cover more than `after` entries.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn checkpoints(&self, after: u64, limit: u32) -> Result<Vec<StoredCheckpoint>, Problem> {
        self.parts.store.checkpoints(after, limit).await.map_err(unavailable)
    }

    /// Where the log stands.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn head(&self) -> Result<Head, Problem> {
        self.parts.store.head().await.map_err(unavailable)
    }

    /// The newest signed head.
    ///
    /// # Errors
    /// `not_found` for an empty log.
    pub async fn checkpoint(&self) -> Result<StoredCheckpoint, Problem> {
        let size = self.head().await?.size;
        self.checkpoint_of(size).await
    }

    /// That the entry at `index` stands in the log of `size` entries; the newest signed size when none is given.
    ///
    /// # Errors
    /// When there is no such entry, or no signed head of that size.
    pub async fn prove_inclusion(&self, index: u64, size: Option<u64>) -> Result<InclusionProof, Problem> {
        let checkpoint = self.checkpoint_at(size).await?;
        let size = checkpoint.size;
        let wanted = inclusion_nodes(index, size).map_err(|error| out_of_range(&error))?;
        let mut all = wanted.clone();
        all.push(NodeId { level: 0, index });
        let nodes = self.nodes(&all).await?;
        let hashes = inclusion(index, size, &nodes).map_err(|error| out_of_range(&error))?;
        let leaf = self.parts.store.nodes(vec![(0, index)]).await.map_err(unavailable)?;
        let leaf = leaf.first().copied().ok_or_else(super::not_found)?;
        Ok(InclusionProof { index, size, leaf, hashes, checkpoint: checkpoint.note })
    }

    /// That the log of `from` entries is the beginning of the log of `size` entries.
    ///
    /// # Errors
    /// When `from` is larger than `size`, or there is no signed head of that size.
    pub async fn prove_consistency(&self, from: u64, size: Option<u64>) -> Result<ConsistencyProof, Problem> {
        let checkpoint = self.checkpoint_at(size).await?;
        let size = checkpoint.size;
        let wanted = consistency_nodes(from, size).map_err(|error| out_of_range(&error))?;
        let nodes = self.nodes(&wanted).await?;
        let hashes = consistency(from, size, &nodes).map_err(|error| out_of_range(&error))?;
        Ok(ConsistencyProof { from, size, hashes, checkpoint: checkpoint.note })
    }

    async fn nodes(&self, wanted: &[NodeId]) -> Result<StoredNodes, Problem> {
        let stored = stored_nodes(wanted);
        let asked = stored.iter().map(|id| (id.level, id.index)).collect();
        let hashes = self.parts.store.nodes(asked).await.map_err(unavailable)?;
        Ok(stored.into_iter().zip(hashes).map(|(id, hash)| Node { id, hash }).collect())
    }

    async fn checkpoint_at(&self, size: Option<u64>) -> Result<StoredCheckpoint, Problem> {
        match size {
            Some(size) => self.checkpoint_of(size).await,
            None => self.checkpoint().await,
        }
    }

    async fn checkpoint_of(&self, size: u64) -> Result<StoredCheckpoint, Problem> {
        let found = self.checkpoints(size.saturating_sub(1), 1).await?;
        found.into_iter().find(|checkpoint| checkpoint.size == size).ok_or_else(|| {
            let detail =
                "No head of that size was signed; leave `size` out, or use the size of a checkpoint.";
            Problem::new(ProblemKind::NotFound, detail)
        })
    }
}

fn out_of_range(error: &dyn std::fmt::Display) -> Problem {
    Problem::new(ProblemKind::RequestInvalid, format!("{error}."))
}
