//! The keys that sign tokens: opened from the vault once, replaced as a whole when they are rotated.

use std::sync::Arc;

use super::{Broker, no_randomness, unavailable};
use crate::base::clock::Clock;
use crate::base::crypto::sign::{PublicKey, SigningKey};
use crate::base::random::Random;
use crate::base::secret::Secret;
use crate::domain::ledger::{Event, KeyPurpose};
use crate::domain::principal::Person;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::token::{Issuer, PreviousKey, TokenKeys, Verifier};
use crate::planes::secrets::vault::{Binding, Kind, Sealed, Vault, VaultError};
use crate::store::{Change, SealedKey};

/// What signs and verifies tokens.
pub struct Signing {
    /// The keys.
    pub keys: Arc<TokenKeys>,
    /// What believes them.
    pub verifier: Verifier,
    /// Who issues.
    pub issuer: Issuer,
    /// For whom: the proxy of this installation.
    pub audience: String,
}

/// A signing key of this installation could not be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is none.
    #[error("there is no {0:?} key; was `exeat init` run on this data directory?")]
    Missing(KeyPurpose),
    /// The vault does not open it.
    #[error("a {0:?} key does not open with this key file")]
    Vault(KeyPurpose, #[source] VaultError),
    /// What is stored is not a key.
    #[error("a stored {0:?} key is not a key")]
    Corrupt(KeyPurpose),
    /// There is no randomness.
    #[error(transparent)]
    Random(#[from] crate::base::random::NoRandomness),
}

/// Makes an Ed25519 key for `purpose` and seals it.
///
/// # Errors
/// Without randomness, or when the vault fails.
pub fn new_key(
    purpose: KeyPurpose,
    vault: &Vault,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<SealedKey, KeyError> {
    let seed = SigningKey::generate(random)?;
    let public = SigningKey::from_seed(&seed).map_err(|_| KeyError::Corrupt(purpose))?.public();
    seal_key(purpose, &public.to_string(), public.as_bytes().to_vec(), &seed, vault, clock, random)
}

/// Seals the private half of a key that was made elsewhere.
///
/// # Errors
/// When the vault fails.
pub fn seal_key(
    purpose: KeyPurpose,
    id: &str,
    public: Vec<u8>,
    private: &Secret,
    vault: &Vault,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<SealedKey, KeyError> {
    let sealed = vault
        .seal(&binding(purpose, id), private, random)
        .map_err(|error| KeyError::Vault(purpose, error))?;
    Ok(SealedKey {
        id: id.to_owned(),
        purpose,
        public,
        sealed: sealed.as_bytes().to_vec(),
        since: clock.now(),
    })
}

/// Opens the newest of `keys`, which are in order of age.
///
/// # Errors
/// When there is none, or it does not open.
pub fn open_key(purpose: KeyPurpose, keys: &[SealedKey], vault: &Vault) -> Result<SigningKey, KeyError> {
    let seed = open_sealed(purpose, keys, vault)?;
    SigningKey::from_seed(&seed).map_err(|_| KeyError::Corrupt(purpose))
}

/// The public half of a stored key.
///
/// # Errors
/// When it is not one.
pub fn public_key(key: &SealedKey) -> Result<PublicKey, KeyError> {
    let bytes = key.public.as_slice().try_into().map_err(|_| KeyError::Corrupt(key.purpose))?;
    Ok(PublicKey::from_bytes(bytes))
}

impl Signing {
    /// The newest of `keys` signs; those before it are believed while their tokens can live.
    ///
    /// # Errors
    /// When there is none, or it does not open.
    pub fn of(keys: &[SealedKey], vault: &Vault, issuer: Issuer, audience: String) -> Result<Self, KeyError> {
        let purpose = KeyPurpose::Token;
        let seed = open_sealed(purpose, keys, vault)?;
        let retired = keys.iter().zip(keys.iter().skip(1));
        let previous = retired
            .map(|(key, next)| Ok(PreviousKey { public: public_key(key)?, retired_at: next.since }))
            .collect::<Result<Vec<_>, KeyError>>()?;
        let keys = Arc::new(TokenKeys::new(&seed, &previous).map_err(|_| KeyError::Corrupt(purpose))?);
        let verifier = Verifier::new(Arc::clone(&keys), issuer.clone(), audience.clone());
        Ok(Self { keys, verifier, issuer, audience })
    }
}

impl Broker {
    /// A new key signs tokens from now on; tokens signed before stay good for their time.
    ///
    /// # Errors
    /// When it cannot be made or put on record.
    pub async fn rotate_token_key(&self, by: &Person) -> Result<String, Problem> {
        let purpose = KeyPurpose::Token;
        let parts = &self.parts;
        let key = new_key(purpose, &parts.vault, parts.clock.as_ref(), parts.random.as_ref())
            .map_err(key_failed)?;
        let id = key.id.clone();
        let event = Event::KeyRotated { purpose, key: id.clone(), by: Some(by.id) };
        self.install(by, Change::AddKey { key }, event).await?;
        let keys = parts.store.keys(purpose).await.map_err(unavailable)?;
        let before = self.signing();
        let after = Signing::of(&keys, &parts.vault, before.issuer.clone(), before.audience.clone());
        self.replace_signing(after.map_err(key_failed)?);
        Ok(id)
    }
}

/// Opens the private half of the newest of `keys`.
///
/// # Errors
/// When there is none, or it does not open.
pub fn open_sealed(purpose: KeyPurpose, keys: &[SealedKey], vault: &Vault) -> Result<Secret, KeyError> {
    let key = keys.last().ok_or(KeyError::Missing(purpose))?;
    let sealed = Sealed::parse(&key.sealed).map_err(|_| KeyError::Corrupt(purpose))?;
    vault.open(&binding(purpose, &key.id), &sealed).map_err(|error| KeyError::Vault(purpose, error))
}

fn binding(purpose: KeyPurpose, id: &str) -> Binding {
    let kind = match purpose {
        KeyPurpose::Ledger => Kind::LedgerKey,
        KeyPurpose::Authority => Kind::CaKey,
        KeyPurpose::Token | KeyPurpose::Vault => Kind::TokenKey,
    };
    Binding::of_key(kind, id, 1)
}

fn key_failed(error: KeyError) -> Problem {
    if let KeyError::Random(error) = error {
        return no_randomness(error);
    }
    tracing::error!(error = &error as &dyn std::error::Error, "signing key failed");
    Problem::new(
        ProblemKind::Internal,
        "A signing key failed; an operator finds why in the log of the broker.",
    )
}
