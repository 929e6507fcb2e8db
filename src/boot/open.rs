//! Opening an installation: vault, store, keys, broker, in the order in which each needs the one before.

use std::sync::Arc;

use super::config::{Config, VaultSettings};
use super::{BootError, DataDir};
use crate::base::clock::{Clock, SystemClock, Timestamp};
use crate::base::random::{Random, SystemRandomness};
use crate::base::secret::Secret;
use crate::base::tasks::Tasks;
use crate::broker::{Broker, KeyError, Parts, Signing, open_key, open_sealed};
use crate::domain::ledger::KeyPurpose;
use crate::domain::token::Issuer;
use crate::domain::webauthn::RelyingParty;
use crate::planes::network::authority::Authority;
use crate::planes::secrets::vault::{Protection, Vault};
use crate::store::sqlite::{Signer, SqliteFile};
use crate::store::{SealedKey, Store, StoreError};

/// For whom tokens are made: the proxy of the installation that made them.
const AUDIENCE: &str = "urn:exeat:proxy";

/// An installation, opened.
pub(super) struct Opened {
    pub(super) broker: Arc<Broker>,
    pub(super) authority: Authority,
}

pub(super) async fn open(
    dir: &DataDir,
    config: &Config,
    passphrase: Option<Secret>,
    (issuer, party): (Issuer, RelyingParty),
    tasks: &Tasks,
) -> Result<Opened, BootError> {
    let path = dir.store_file();
    let failed = |source: StoreError| BootError::Store { path: path.display().to_string(), source };
    let random: Arc<dyn Random> = Arc::new(SystemRandomness::default());
    let vault = Arc::new(vault(dir, &config.vault, passphrase, random.as_ref())?);
    let file = SqliteFile::open(&path).await?;
    let ledger = file.keys(KeyPurpose::Ledger).await.map_err(failed)?;
    let tokens = file.keys(KeyPurpose::Token).await.map_err(failed)?;
    let authority = file.keys(KeyPurpose::Authority).await.map_err(failed)?;
    let origin = file.origin().await.map_err(failed)?.ok_or(KeyError::Missing(KeyPurpose::Ledger))?;
    let key = open_key(KeyPurpose::Ledger, &ledger, &vault)?;
    let store = Arc::new(file.start(Signer { origin, key }, tasks).await.map_err(failed)?);
    // Exeat's time begins no earlier than the last moment on record, whatever the wall clock says (G10, J07).
    let floor = store.head().await.map_err(failed)?.last_at.unwrap_or(Timestamp::from_micros(0));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::starting_at(floor));
    let signing = Signing::of(&tokens, &vault, issuer, AUDIENCE.to_owned())?;
    let authority = open_authority(&authority, &vault, Arc::clone(&clock))?;
    let policy = config.policy.clone();
    let broker =
        Broker::open(Parts { store, vault, policy, clock, random, signing, party }).await.map_err(failed)?;
    broker.settle().await.map_err(BootError::Record)?;
    Ok(Opened { broker: Arc::new(broker), authority })
}

fn vault(
    dir: &DataDir,
    settings: &VaultSettings,
    given: Option<Secret>,
    random: &dyn Random,
) -> Result<Vault, BootError> {
    let path = dir.key_file();
    let passphrase = match (Vault::protection(&path)?, given) {
        (Protection::File, _) => None,
        (Protection::Passphrase, Some(given)) => Some(given),
        (Protection::Passphrase, None) if settings.passphrase_file.as_os_str().is_empty() => None,
        (Protection::Passphrase, None) => Some(super::data_dir::read_secret(&settings.passphrase_file)?),
    };
    Ok(Vault::load(&path, passphrase.as_ref(), random)?)
}

fn open_authority(keys: &[SealedKey], vault: &Vault, clock: Arc<dyn Clock>) -> Result<Authority, BootError> {
    let purpose = KeyPurpose::Authority;
    let key = keys.last().ok_or(KeyError::Missing(purpose))?;
    let certificate = std::str::from_utf8(&key.public).map_err(|_| KeyError::Corrupt(purpose))?;
    let secret = open_sealed(purpose, keys, vault)?;
    Ok(Authority::load(certificate, &secret, clock)?)
}
