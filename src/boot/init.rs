//! `exeat init`: keys, certificate authority, store, and the first person.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{BootError, DataDir};
use crate::base::clock::{Clock, SystemClock, Timestamp};
use crate::base::id::PersonId;
use crate::base::random::{Random, SystemRandomness};
use crate::base::secret::Secret;
use crate::base::tasks::Tasks;
use crate::broker::{KeyError, new_key, open_key, public_key, seal_key};
use crate::domain::key::{KeyKind, PlainKey};
use crate::domain::ledger::note::{Origin, VerifierKey};
use crate::domain::ledger::{Entry, Event, KeyPurpose};
use crate::domain::principal::{Label, Person, Role};
use crate::planes::network::authority;
use crate::planes::secrets::vault::Vault;
use crate::store::sqlite::{Signer, SqliteFile, SqliteStore};
use crate::store::{Change, SealedKey, Store, StoreError};

/// A new installation.
pub struct Initialized {
    /// The first person: operator and reviewer.
    pub person: PersonId,
    /// Their key, shown once.
    pub review_key: PlainKey,
    /// The root certificate for agents.
    pub ca: PathBuf,
    /// The key that signs the log: kept elsewhere, it verifies the log without trusting this machine (I12).
    pub ledger_key: VerifierKey,
}

/// Makes an installation in `path`. With a passphrase, the key file opens only with it.
///
/// # Errors
/// When the directory holds one already, or anything of it cannot be made.
pub async fn init(path: &Path, person: &str, passphrase: Option<Secret>) -> Result<Initialized, BootError> {
    let name: Label = person.parse().map_err(|error: crate::domain::inert::NotInert| BootError::Name {
        name: "--person".to_owned(),
        why: error.to_string(),
    })?;
    let (clock, random) = (SystemClock::starting_at(Timestamp::from_micros(0)), SystemRandomness::default());
    let dir = DataDir::create(path)?;
    let vault = Vault::init(&dir.key_file(), passphrase.as_ref(), &clock, &random)?;
    let keys = keys(&dir, &vault, &clock, &random)?;
    let ledger_key = ledger_key(&keys)?;
    let tasks = Tasks::new();
    let store = Arc::new(store(&dir, &vault, &keys, &tasks).await?);
    let made = first_person(store.as_ref(), name, &clock, &random).await;
    tasks.stop();
    drop(store);
    tasks.ended().await;
    let (person, review_key) = made?;
    Ok(Initialized { person, review_key, ca: dir.ca_file(), ledger_key })
}

/// The keys of a new installation; the authority's certificate is written beside them for agents.
fn keys(
    dir: &DataDir,
    vault: &Vault,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<Vec<SealedKey>, BootError> {
    let authority = authority::create(clock.now())?;
    dir.write_new(&dir.ca_file(), authority.certificate_pem.as_bytes())?;
    let public = authority.certificate_pem.into_bytes();
    Ok(vec![
        new_key(KeyPurpose::Ledger, vault, clock, random)?,
        new_key(KeyPurpose::Token, vault, clock, random)?,
        seal_key(KeyPurpose::Authority, "authority", public, &authority.key, vault, clock, random)?,
    ])
}

async fn store(
    dir: &DataDir,
    vault: &Vault,
    keys: &[SealedKey],
    tasks: &Tasks,
) -> Result<SqliteStore, BootError> {
    let path = dir.store_file();
    let failed = |source: StoreError| BootError::Store { path: path.display().to_string(), source };
    let file = SqliteFile::open(&path).await?;
    let ledger: Vec<SealedKey> =
        keys.iter().filter(|key| key.purpose == KeyPurpose::Ledger).cloned().collect();
    let key = open_key(KeyPurpose::Ledger, &ledger, vault)?;
    let origin = ledger_key(keys)?.origin().clone();
    file.install(&origin, keys).await.map_err(failed)?;
    file.start(Signer { origin, key }, tasks).await.map_err(failed)
}

/// The log's key under the log's name, which is made from it, so that no two installations share one.
fn ledger_key(keys: &[SealedKey]) -> Result<VerifierKey, BootError> {
    let purpose = KeyPurpose::Ledger;
    let key = keys.iter().find(|key| key.purpose == purpose).ok_or(KeyError::Missing(purpose))?;
    let public = public_key(key)?;
    let digits = public.to_string();
    let origin = format!("exeat/{}", digits.get(..16).unwrap_or(&digits));
    let origin = origin.parse::<Origin>().map_err(|_| KeyError::Corrupt(purpose))?;
    Ok(VerifierKey::new(origin, public))
}

async fn first_person(
    store: &dyn Store,
    name: Label,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<(PersonId, PlainKey), BootError> {
    let failed = |source: StoreError| BootError::Store { path: "the new store".to_owned(), source };
    let person = Person {
        id: PersonId::new(clock, random)?,
        name,
        roles: [Role::Operator, Role::Reviewer].into(),
        removed_at: None,
    };
    let key = PlainKey::new(KeyKind::Review, random)?;
    let installed = Event::Installed { version: env!("CARGO_PKG_VERSION").to_owned() };
    let entry = Entry { at: clock.now(), event: installed };
    store.append(vec![entry]).await.map_err(failed)?;
    let entry = Entry { at: clock.now(), event: Event::person_added(&person, None) };
    let change = Change::AddPerson { person: person.clone(), key: key.hashed() };
    store.change(change, entry).await.map_err(failed)?;
    Ok((person.id, key))
}
