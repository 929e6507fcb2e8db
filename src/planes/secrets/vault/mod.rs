//! The vault: envelope encryption for every secret at rest.
//!
//! Each secret is sealed under a data key of its own, and that key under the newest key-encryption key of the
//! key file. Both layers are bound to the place the secret belongs to. The vault stores nothing but the key
//! file, logs nothing, and decides nothing about who may open what. Called by the broker and the issuers.

mod binding;
mod key_document;
mod key_file;
mod keyring;
mod sealed;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::base::clock::{Clock, Timestamp};
use crate::base::crypto::aead::{Key, SealError};
use crate::base::random::{NoRandomness, Random};
use crate::base::secret::Secret;

pub use self::binding::{Binding, Kind};
pub use self::key_document::{FormatProblem, PassphraseProblem, Protection};
pub use self::key_file::{KeyFileError, Problem};
pub use self::sealed::{InvalidSealed, MAX_SECRET, Sealed};

use self::binding::Layer;
use self::key_file::KeyFile;
use self::keyring::{KeyVersion, Keyring};

/// Seals and opens. Share it behind an `Arc`; rotation does not stop those who seal and open meanwhile.
#[derive(Debug)]
pub struct Vault {
    keyring: RwLock<Arc<Keyring>>,
    /// One change of the key file at a time.
    file: Mutex<KeyFile>,
    /// Takes the place of a key that is not there, so that a refusal takes the same steps.
    decoy: Key,
}

/// Why the vault did not do it. Never holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The ciphertext, the binding and the keys do not belong together. Nothing says which one is wrong.
    #[error("the sealed secret does not open")]
    DoesNotOpen,
    /// The secret is longer than [`MAX_SECRET`].
    #[error("the secret is longer than {MAX_SECRET} bytes")]
    TooLong,
    /// The key version cannot be dropped.
    #[error("key version {0} is the newest one or does not exist; it cannot be dropped")]
    NotDroppable(u32),
    /// The operating system gave no randomness.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

impl Vault {
    /// Makes the key file, with mode 0600 and one key, and opens the vault. With a passphrase the keys in the
    /// file are sealed under it. Takes as long as the key derivation does.
    ///
    /// # Errors
    /// When there is a file already, the passphrase is too short, or the file cannot be written.
    pub fn init(
        path: &Path,
        passphrase: Option<&Secret>,
        clock: &dyn Clock,
        random: &dyn Random,
    ) -> Result<Self, VaultError> {
        let key = KeyVersion { created: clock.now(), key: Key::random(random)? };
        let keyring = Keyring::of(1, key);
        let file = KeyFile::create(path, passphrase, &keyring, random)?;
        Self::new(keyring, file, random)
    }

    /// Opens the vault with its key file. Takes as long as the key derivation does.
    ///
    /// # Errors
    /// When the file is missing, readable by others, damaged or of a newer format, or the passphrase is wrong.
    pub fn load(path: &Path, passphrase: Option<&Secret>, random: &dyn Random) -> Result<Self, VaultError> {
        let (file, keyring) = KeyFile::load(path, passphrase)?;
        Self::new(keyring, file, random)
    }

    /// How the key file is protected: whether [`Vault::load`] will want a passphrase.
    ///
    /// # Errors
    /// As [`Vault::load`], but for the passphrase.
    pub fn protection(path: &Path) -> Result<Protection, VaultError> {
        Ok(KeyFile::protection(path)?)
    }

    /// Seals `secret` for the place `binding` names, under a data key of its own.
    ///
    /// # Errors
    /// When the secret is too long or there is no randomness.
    pub fn seal(
        &self,
        binding: &Binding,
        secret: &Secret,
        random: &dyn Random,
    ) -> Result<Sealed, VaultError> {
        if secret.len() > MAX_SECRET {
            return Err(VaultError::TooLong);
        }
        let data_key = Key::random(random)?;
        let associated = binding.associated_data(Layer::Record);
        let record = data_key.seal(random, &associated, secret.expose_secret())?;
        self.wrap(binding, &data_key, &record, random)
    }

    /// Opens `sealed` if it was sealed for exactly this `binding`. Both layers are always tried, and every
    /// refusal is the same one.
    ///
    /// # Errors
    /// When anything does not match.
    pub fn open(&self, binding: &Binding, sealed: &Sealed) -> Result<Secret, VaultError> {
        let data_key = self.unwrap(binding, sealed);
        let key = data_key.as_ref().unwrap_or(&self.decoy);
        let opened = key.open(&binding.associated_data(Layer::Record), sealed.record());
        match (data_key.is_some(), opened) {
            (true, Ok(secret)) => Ok(secret),
            _ => Err(VaultError::DoesNotOpen),
        }
    }

    /// Wraps the record's data key under the newest key-encryption key. The record itself stays as it is.
    ///
    /// # Errors
    /// When the data key does not open, or there is no randomness.
    pub fn reseal(
        &self,
        binding: &Binding,
        sealed: &Sealed,
        random: &dyn Random,
    ) -> Result<Sealed, VaultError> {
        let data_key = self.unwrap(binding, sealed).ok_or(VaultError::DoesNotOpen)?;
        self.wrap(binding, &data_key, sealed.record(), random)
    }

    /// Adds a new key-encryption key, which seals from now on, and returns its version. Older versions stay
    /// and open what they wrapped. When this returns, the new key file is on the disk.
    ///
    /// # Errors
    /// When the key file cannot be replaced, or somebody else has changed it. The vault is then unchanged.
    pub fn rotate(&self, clock: &dyn Clock, random: &dyn Random) -> Result<u32, VaultError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let keyring = self.keyring();
        let newest = keyring.newest().0;
        let version = newest.checked_add(1).ok_or(VaultError::NotDroppable(newest))?;
        let key = KeyVersion { created: clock.now(), key: Key::random(random)? };
        let next = Keyring::clone(&keyring).with(version, key).ok_or(VaultError::NotDroppable(version))?;
        self.replace(&mut file, next, random)?;
        Ok(version)
    }

    /// Forgets an older key-encryption key, in memory and in the file. What is still wrapped under it can
    /// never be opened again: the caller has resealed every record ([`Sealed::key_version`]).
    ///
    /// # Errors
    /// When it is the newest version or not there, or the key file cannot be replaced.
    pub fn drop_version(&self, version: u32, random: &dyn Random) -> Result<(), VaultError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let keyring = self.keyring();
        let next = Keyring::clone(&keyring).without(version).ok_or(VaultError::NotDroppable(version))?;
        self.replace(&mut file, next, random)
    }

    /// The versions that are kept and when each was made, oldest first. The last one seals.
    #[must_use]
    pub fn key_versions(&self) -> Vec<(u32, Timestamp)> {
        self.keyring().iter().map(|(version, entry)| (version, entry.created)).collect()
    }

    /// Where the key file is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).path().to_owned()
    }

    fn new(keyring: Keyring, file: KeyFile, random: &dyn Random) -> Result<Self, VaultError> {
        let decoy = Key::random(random)?;
        Ok(Self { keyring: RwLock::new(Arc::new(keyring)), file: Mutex::new(file), decoy })
    }

    fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.keyring.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, file: &mut KeyFile, next: Keyring, random: &dyn Random) -> Result<(), VaultError> {
        file.replace(&next, random)?;
        *self.keyring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        Ok(())
    }

    fn wrap(
        &self,
        binding: &Binding,
        data_key: &Key,
        record: &[u8],
        random: &dyn Random,
    ) -> Result<Sealed, VaultError> {
        let keyring = self.keyring();
        let (version, kek) = keyring.newest();
        let associated = binding.associated_data(Layer::DataKey);
        let wrapped = kek.seal(random, &associated, data_key.as_secret().expose_secret())?;
        Sealed::assemble(version, &wrapped, record).map_err(|_| VaultError::TooLong)
    }

    fn unwrap(&self, binding: &Binding, sealed: &Sealed) -> Option<Key> {
        let keyring = self.keyring();
        let kek = keyring.key(sealed.key_version()).unwrap_or(&self.decoy);
        let associated = binding.associated_data(Layer::DataKey);
        kek.open(&associated, sealed.wrapped_data_key()).ok().and_then(Key::from_secret)
    }
}

impl From<SealError> for VaultError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Randomness(none) => Self::Randomness(none),
            SealError::Refused => Self::TooLong,
        }
    }
}
