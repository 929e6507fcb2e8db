//! `exeat log prove`: that one entry is in the log, checked here before it is believed.

use clap::Args;

use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{DONE, Output};
use crate::cli::settings::ReviewSide;
use crate::domain::ledger::checkpoint::SignedCheckpoint;
use crate::domain::ledger::merkle::leaf_hash;
use crate::domain::ledger::note::VerifierKey;
use crate::domain::ledger::proof::verify_inclusion;
use crate::edges::client::Client;
use crate::edges::wire::{EntryList, InclusionProof};

/// Prove that an entry is in the log (RFC 9162 inclusion proof), and check the proof.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  exeat log prove 42
  exeat log prove 42 --size 100 --key \"$KEY\" --json > proof.json")]
pub(crate) struct Prove {
    /// The entry's index.
    #[arg(value_name = "INDEX")]
    index: u64,
    /// In the log as it was at this many entries; left out, as it is now.
    #[arg(long, value_name = "N")]
    size: Option<u64>,
    /// A key the log is trusted to sign with, to check the checkpoint too; repeat for more.
    #[arg(long, value_name = "VKEY")]
    key: Vec<VerifierKey>,
    #[command(flatten)]
    side: ReviewSide,
}

impl Prove {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        let client = self.side.client()?;
        let mut query = vec![("index", self.index.to_string())];
        query.extend(self.size.map(|size| ("size", size.to_string())));
        let proof: InclusionProof = client.read("/v1/ledger/proof", &query).await?;
        let signed = self.check(&proof)?;
        self.check_entry(&client, &proof).await?;
        output.answer(&proof, |page| {
            page.line(format!("proven: entry {} is in the log of {} entries", proof.index, proof.size));
            page.field("leaf", proof.leaf);
            page.field("root", signed.claim().root);
            page.field("hashes", proof.hashes.len());
            page.field(
                "signature",
                if self.key.is_empty() { "not checked: give --key" } else { "by a trusted key" },
            );
        })?;
        DONE
    }

    /// The hashes lead from the leaf to the root that the checkpoint signs.
    fn check(&self, proof: &InclusionProof) -> Result<SignedCheckpoint, Failure> {
        let bad = |error: &dyn std::error::Error| Failure::because("the proof does not hold", error);
        let signed = SignedCheckpoint::parse(&proof.checkpoint).map_err(|error| bad(&error))?;
        if !self.key.is_empty()
            && let Err(error) = signed.verify(&self.key)
        {
            return Err(bad(&error));
        }
        let claim = signed.claim();
        let other_size = claim.size != proof.size || self.size.is_some_and(|size| size != proof.size);
        if proof.index != self.index || other_size {
            return Err(Failure::new("the proof does not hold: it is about something else"));
        }
        match verify_inclusion(&proof.leaf, proof.index, proof.size, &proof.hashes, &claim.root) {
            Ok(()) => Ok(signed),
            Err(error) => Err(bad(&error)),
        }
    }

    /// The entry that is shown is the one that was hashed.
    async fn check_entry(&self, client: &Client, proof: &InclusionProof) -> Result<(), Failure> {
        let mut query = vec![("limit", "1".to_owned())];
        query.extend(self.index.checked_sub(1).map(|after| ("after", after.to_string())));
        let list: EntryList = client.read("/v1/ledger/entries", &query).await?;
        let entry = list.entries.first().filter(|entry| entry.index == self.index);
        let bytes = entry.and_then(|entry| serde_json_canonicalizer::to_vec(&entry.entry).ok());
        if bytes.is_some_and(|bytes| leaf_hash(&bytes) == proof.leaf) {
            return Ok(());
        }
        Err(Failure::new("the proof does not hold: the entry shown is not the one that was hashed"))
    }
}
