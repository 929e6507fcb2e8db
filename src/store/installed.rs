//! What is installed, as a store gives it.

use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::base::id::{CredentialId, PersonId, UpstreamId};
use crate::domain::identity::Identity;
use crate::domain::layer::Layer;
use crate::domain::ledger::KeyPurpose;
use crate::domain::principal::{Agent, Label, Person};
use crate::domain::session::Session;
use crate::domain::upstream::Upstream;
use crate::domain::webauthn::Passkey;

/// A signing key, sealed by the vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedKey {
    /// Its id: for token keys the `kid`.
    pub id: String,
    /// What it signs.
    pub purpose: KeyPurpose,
    /// The public half, or the certificate.
    pub public: Vec<u8>,
    /// The private half, sealed.
    pub sealed: Vec<u8>,
    /// When it took over.
    pub since: Timestamp,
}

/// A sealed credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedCredential {
    /// Its id.
    pub id: CredentialId,
    /// Its version.
    pub version: u64,
    /// Its upstream.
    pub upstream: UpstreamId,
    /// Its acting identity.
    pub identity: Identity,
    /// The secret, sealed.
    pub sealed: Vec<u8>,
}

/// A passkey, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPasskey {
    /// Whose.
    pub person: PersonId,
    /// What they call it.
    pub name: Label,
    /// What is known of it.
    pub passkey: Passkey,
}

/// Everything installed, at one moment. Small enough to hold in memory.
#[derive(Clone, Debug, Default)]
pub struct Installed {
    /// People, removed ones too, each with the hash of their key.
    pub people: Vec<(Person, Digest)>,
    /// Passkeys.
    pub passkeys: Vec<StoredPasskey>,
    /// Sessions, each with the hash of its key; some may be over.
    pub sessions: Vec<(Session, Digest)>,
    /// Agents, removed ones too, each with the hash of its key.
    pub agents: Vec<(Agent, Digest)>,
    /// Layers, removed ones too, each with the hash of its key.
    pub layers: Vec<(Layer, Digest)>,
    /// Acting identities.
    pub identities: Vec<Identity>,
    /// Upstreams, the current version of each, with the sealed key of the client certificate where there is one.
    pub upstreams: Vec<(Upstream, Option<Vec<u8>>)>,
    /// Credentials, the current version of each.
    pub credentials: Vec<SealedCredential>,
    /// The policy in force.
    pub policy: Option<Digest>,
}
