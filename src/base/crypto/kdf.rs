//! Argon2id (RFC 9106): a key from a passphrase, at a price that guessing has to pay too.
//!
//! The price is stored beside the salt, so it can rise without locking anybody out. Called by the vault's key file.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::aead::{KEY_LENGTH, Key};
use crate::base::secret::{Secret, wipe_dead_stack};

/// How many bytes a salt has (RFC 9106 §3.1 recommends 16).
pub const SALT_LENGTH: usize = 16;

/// What one derivation costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// RFC 9106 §4, second recommended option: 64 MiB, 3 passes, 4 lanes.
    pub const RFC_9106_LOW_MEMORY: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 };

    /// The least the OWASP Password Storage Cheat Sheet allows: 19 MiB, 2 passes, 1 lane. Below it nothing is accepted.
    pub const OWASP_MINIMUM: Self = Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 };

    /// The most that is accepted, so that a file cannot make us allocate without end: 1 GiB, 16 passes, 16 lanes.
    pub const MOST: Self = Self { memory_kib: 1024 * 1024, passes: 16, lanes: 16 };

    fn is_acceptable(self) -> bool {
        let (least, most) = (Self::OWASP_MINIMUM, Self::MOST);
        (least.memory_kib..=most.memory_kib).contains(&self.memory_kib)
            && (least.passes..=most.passes).contains(&self.passes)
            && (least.lanes..=most.lanes).contains(&self.lanes)
    }
}

/// Why no key came out.
#[derive(Debug, thiserror::Error)]
pub enum KdfError {
    /// The cost is under the floor or over the ceiling.
    #[error("the cost of the key derivation is not within the accepted range")]
    Cost,
    /// Argon2 refused, or there was not enough memory.
    #[error("Argon2id could not run with this cost on this machine")]
    Failed,
}

/// Derives a key. Blocks for a noticeable part of a second and needs the memory the cost names.
///
/// # Errors
/// When the cost is out of range, or there is not enough memory.
pub fn derive(passphrase: &Secret, salt: &[u8; SALT_LENGTH], cost: Cost) -> Result<Key, KdfError> {
    if !cost.is_acceptable() {
        return Err(KdfError::Cost);
    }
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(KEY_LENGTH));
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.map_err(|_| KdfError::Cost)?);
    let key = Secret::filled(KEY_LENGTH, |out| run(&argon2, passphrase, salt, out));
    wipe_dead_stack();
    Key::from_secret(key?).ok_or(KdfError::Failed)
}

/// The working memory is ours, so that it is wiped: its last blocks are one hash away from the key.
#[inline(never)]
fn run(argon2: &Argon2<'_>, passphrase: &Secret, salt: &[u8], out: &mut [u8]) -> Result<(), KdfError> {
    let count = argon2.params().block_count();
    let mut blocks = Vec::new();
    blocks.try_reserve_exact(count).map_err(|_| KdfError::Failed)?;
    blocks.resize(count, Block::new());
    let memory: &mut [Block] = &mut blocks;
    let done = argon2.hash_password_into_with_memory(passphrase.expose_secret(), salt, out, memory);
    blocks.zeroize();
    done.map_err(|_| KdfError::Failed)
}
