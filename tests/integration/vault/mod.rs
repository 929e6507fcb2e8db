//! The vault from outside: what opens, what does not, and what is left behind.

mod key_file;
mod memory;
mod rotation;
mod sealing;

use std::path::PathBuf;

use exeat::base::clock::{ManualClock, Timestamp};
use exeat::base::id::{CredentialId, UpstreamId};
use exeat::base::random::SystemRandomness;
use exeat::base::secret::Secret;
use exeat::planes::secrets::vault::{Binding, Kind, Vault, VaultError};

/// A directory with a key file in it, and what is needed to use it.
struct Room {
    directory: tempfile::TempDir,
    clock: ManualClock,
    random: SystemRandomness,
}

impl Room {
    fn new() -> Self {
        let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
        Self { directory: tempfile::tempdir().unwrap(), clock, random: SystemRandomness::default() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("vault.key")
    }

    fn init(&self) -> Vault {
        Vault::init(&self.path(), None, &self.clock, &self.random).unwrap()
    }

    fn init_with(&self, passphrase: &str) -> Result<Vault, VaultError> {
        Vault::init(&self.path(), Some(&secret(passphrase)), &self.clock, &self.random)
    }

    fn load(&self) -> Result<Vault, VaultError> {
        Vault::load(&self.path(), None, &self.random)
    }

    fn load_with(&self, passphrase: &str) -> Result<Vault, VaultError> {
        Vault::load(&self.path(), Some(&secret(passphrase)), &self.random)
    }

    fn binding(&self) -> Binding {
        Binding {
            kind: Kind::Credential,
            id: CredentialId::new(&self.clock, &self.random).unwrap().to_string(),
            version: 3,
            upstream: Some(UpstreamId::new(&self.clock, &self.random).unwrap()),
            identity: Some("user:alice@example.com".parse().unwrap()),
            slot: Some("header:authorization:bearer".to_owned()),
        }
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}
