//! The versions of the key-encryption key. The newest one seals; every one that is kept opens.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::base::clock::Timestamp;
use crate::base::crypto::aead::Key;

/// One version of the key-encryption key.
#[derive(Debug)]
pub(super) struct KeyVersion {
    pub(super) created: Timestamp,
    pub(super) key: Key,
}

/// All versions that are kept; never empty. Cloning shares the keys and copies none.
#[derive(Clone)]
pub(super) struct Keyring {
    newest: (u32, Arc<KeyVersion>),
    older: BTreeMap<u32, Arc<KeyVersion>>,
}

impl Keyring {
    /// A keyring with its first key.
    pub(super) fn of(version: u32, key: KeyVersion) -> Self {
        Self { newest: (version, Arc::new(key)), older: BTreeMap::new() }
    }

    /// With one more version; `None` unless it is newer than all others. A version is never used twice.
    pub(super) fn with(mut self, version: u32, key: KeyVersion) -> Option<Self> {
        if version <= self.newest.0 {
            return None;
        }
        let (number, older) = std::mem::replace(&mut self.newest, (version, Arc::new(key)));
        self.older.insert(number, older);
        Some(self)
    }

    /// Without an older version; `None` when it is the newest or unknown.
    pub(super) fn without(mut self, version: u32) -> Option<Self> {
        self.older.remove(&version).map(|_| self)
    }

    pub(super) fn newest(&self) -> (u32, &Key) {
        (self.newest.0, &self.newest.1.key)
    }

    pub(super) fn key(&self, version: u32) -> Option<&Key> {
        self.iter().find(|(number, _)| *number == version).map(|(_, entry)| &entry.key)
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &KeyVersion)> {
        let newest = std::iter::once((self.newest.0, self.newest.1.as_ref()));
        self.older.iter().map(|(number, entry)| (*number, entry.as_ref())).chain(newest)
    }

    pub(super) fn versions(&self) -> Vec<u32> {
        self.iter().map(|(number, _)| number).collect()
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring {:?}", self.versions())
    }
}
