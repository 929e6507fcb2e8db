//! A new key-encryption key for the vault, while everything goes on: credentials are sealed anew under it, one by one.

use std::sync::Arc;

use super::super::{Broker, Catalog, unavailable};
use super::client_keys;
use super::credentials::{binding, vault_failed};
use crate::domain::ledger::{Event, KeyPurpose};
use crate::domain::principal::Person;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::upstream::Upstream;
use crate::planes::secrets::vault::{Binding, Sealed};
use crate::store::{Change, SealedCredential, StoreError};

/// What came of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VaultRotated {
    /// The version of the key that seals from now on.
    pub version: u32,
    /// Credentials and client keys sealed anew under it.
    pub resealed: u32,
}

impl Broker {
    /// A new key-encryption key seals from now on, and every credential is sealed anew under it. The keys before it stay, for
    /// the signing keys that were sealed under them.
    ///
    /// # Errors
    /// When the key file cannot be replaced or the change not be put on record. Doing it again is safe.
    pub async fn rotate_vault_key(&self, by: &Person) -> Result<VaultRotated, Problem> {
        self.check_operator(by)?;
        let parts = &self.parts;
        let (vault, clock, random) =
            (Arc::clone(&parts.vault), Arc::clone(&parts.clock), Arc::clone(&parts.random));
        // Writes and syncs a file, and may derive a key from a passphrase.
        let rotated =
            tokio::task::spawn_blocking(move || vault.rotate(clock.as_ref(), random.as_ref())).await;
        let failed = |_| Problem::new(ProblemKind::Internal, "The rotation was broken off; do it again.");
        let version = rotated.map_err(failed)?.map_err(vault_failed)?;
        let event =
            Event::KeyRotated { purpose: KeyPurpose::Vault, key: version.to_string(), by: Some(by.id) };
        self.install(by, Change::Nothing, event).await?;
        let mut resealed = 0;
        let catalog = self.catalog();
        for credential in catalog.credentials() {
            resealed += u32::from(self.reseal(by, &catalog, &credential).await?);
        }
        for upstream in catalog.upstreams() {
            let Some(sealed) = catalog.client_key(upstream.id) else { continue };
            resealed += u32::from(self.reseal_client_key(by, upstream, sealed).await?);
        }
        self.reload().await?;
        Ok(VaultRotated { version, resealed })
    }

    /// Seals one credential anew; a version that came meanwhile is under the new key already.
    async fn reseal(
        &self,
        by: &Person,
        catalog: &Catalog,
        credential: &SealedCredential,
    ) -> Result<bool, Problem> {
        let Some(upstream) = catalog.upstreams().find(|upstream| upstream.id == credential.upstream) else {
            return Ok(false);
        };
        let (id, version) = (credential.id, credential.version);
        let binding = binding(id, version, upstream.id, &credential.identity, &upstream.slot);
        let what = || format!("Credential {id} cannot be read; add it again.");
        let sealed = self.anew(&binding, &credential.sealed, what)?;
        let event = Event::CredentialSealed {
            credential: id,
            version,
            upstream: upstream.id,
            upstream_name: upstream.name.clone(),
            identity: credential.identity.clone(),
            by: by.id,
        };
        self.replaced(Change::Reseal { credential: id, version, sealed }, event).await
    }

    async fn reseal_client_key(
        &self,
        by: &Person,
        upstream: &Upstream,
        sealed: &[u8],
    ) -> Result<bool, Problem> {
        let (id, version) = (upstream.id, upstream.version);
        let what =
            || format!("The client key of {} cannot be read; define the upstream again.", upstream.name);
        let sealed = self.anew(&client_keys::binding((id, version)), sealed, what)?;
        let event =
            Event::ClientKeySealed { upstream: id, upstream_name: upstream.name.clone(), version, by: by.id };
        self.replaced(Change::ResealClientKey { upstream: id, version, sealed }, event).await
    }

    fn anew(
        &self,
        binding: &Binding,
        sealed: &[u8],
        unreadable: impl FnOnce() -> String,
    ) -> Result<Vec<u8>, Problem> {
        let sealed = Sealed::parse(sealed).map_err(|_| Problem::new(ProblemKind::Internal, unreadable()))?;
        let anew = self.parts.vault.reseal(binding, &sealed, self.parts.random.as_ref());
        Ok(anew.map_err(vault_failed)?.as_bytes().to_vec())
    }

    /// Writes what was sealed anew, unless a newer version came meanwhile.
    async fn replaced(&self, change: Change, event: Event) -> Result<bool, Problem> {
        match self.parts.store.change(change, self.entry(event)).await {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict) => Ok(false),
            Err(error) => Err(unavailable(error)),
        }
    }
}
