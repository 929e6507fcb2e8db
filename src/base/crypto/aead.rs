//! AES-256-GCM (NIST SP 800-38D): encryption that also proves who wrote it and where it belongs.
//!
//! Nonces are random, so **one key may seal at most 2^32 messages** (SP 800-38D §8.3). A data key here seals
//! one record; a key-encryption key seals one data key per version of a credential, and is far below that.
//! Plaintext is only ever in the caller's secret or in wiped memory. Called by the vault and its keyring.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::base::random::{NoRandomness, Random, bytes};
use crate::base::secret::{Secret, wipe_dead_stack};

/// How many bytes a key has.
pub const KEY_LENGTH: usize = 32;

/// How much longer the sealed form is than the plaintext: the nonce in front, the tag behind.
pub const OVERHEAD: usize = NONCE_LEN + MAX_TAG_LEN;

/// A 256-bit key. Wiped when dropped; it cannot be copied or printed.
pub struct Key(Secret);

/// Why something was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// No nonce could be drawn.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// The key does not fit the cipher, or the text is longer than the cipher allows.
    #[error("the cipher refused the key or the length of the text")]
    Refused,
}

/// The sealed bytes, the associated data and the key do not belong together. Nothing says which one is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed data does not open")]
pub struct DoesNotOpen;

impl Key {
    /// A new key.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn random(random: &dyn Random) -> Result<Self, NoRandomness> {
        Secret::filled(KEY_LENGTH, |buffer| random.fill(buffer)).map(Self)
    }

    /// From key bytes that are already secret; `None` unless there are exactly [`KEY_LENGTH`] of them.
    #[must_use]
    pub fn from_secret(bytes: Secret) -> Option<Self> {
        (bytes.len() == KEY_LENGTH).then_some(Self(bytes))
    }

    /// The key's bytes, to be sealed under another key or written to a key file.
    #[must_use]
    pub const fn as_secret(&self) -> &Secret {
        &self.0
    }

    /// Seals `plaintext` and binds it to `associated`: nonce, ciphertext, tag.
    ///
    /// # Errors
    /// When there is no randomness, or the plaintext is longer than the cipher allows (64 GiB).
    pub fn seal(
        &self,
        random: &dyn Random,
        associated: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let nonce: [u8; NONCE_LEN] = bytes(random)?;
        // Exact size at once: growing would leave a copy. Wiped, should sealing in place fail half-way.
        let mut sealed = Zeroizing::new(Vec::with_capacity(plaintext.len() + OVERHEAD));
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plaintext);
        let body = sealed.get_mut(NONCE_LEN..).ok_or(SealError::Refused)?;
        let tag = self.seal_in_place(nonce, associated, body)?;
        sealed.extend_from_slice(&tag);
        Ok(std::mem::take(&mut *sealed))
    }

    /// Opens what [`Key::seal`] made with the same key and the same `associated`.
    ///
    /// # Errors
    /// When anything differs.
    pub fn open(&self, associated: &[u8], sealed: &[u8]) -> Result<Secret, DoesNotOpen> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(DoesNotOpen)?;
        let (ciphertext, tag) = rest.split_last_chunk::<MAX_TAG_LEN>().ok_or(DoesNotOpen)?;
        Secret::filled(ciphertext.len(), |buffer| {
            buffer.copy_from_slice(ciphertext);
            self.open_in_place(*nonce, associated, *tag, buffer)
        })
    }

    fn seal_in_place(
        &self,
        nonce: [u8; NONCE_LEN],
        associated: &[u8],
        body: &mut [u8],
    ) -> Result<[u8; MAX_TAG_LEN], SealError> {
        let tag = with_cipher(&self.0, |cipher| {
            let nonce = Nonce::assume_unique_for_key(nonce);
            cipher.seal_in_place_separate_tag(nonce, Aad::from(associated), body).ok()
        });
        let tag = tag.ok_or(SealError::Refused)?;
        tag.as_ref().try_into().map_err(|_| SealError::Refused)
    }

    fn open_in_place(
        &self,
        nonce: [u8; NONCE_LEN],
        associated: &[u8],
        tag: [u8; MAX_TAG_LEN],
        body: &mut [u8],
    ) -> Result<(), DoesNotOpen> {
        let opened = with_cipher(&self.0, |cipher| {
            let nonce = Nonce::assume_unique_for_key(nonce);
            let aad = Aad::from(associated);
            cipher.open_in_place_separate_tag(nonce, aad, tag.into(), body, 0..).ok().map(|_| ())
        });
        opened.ok_or(DoesNotOpen)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// `ring` expands the key in a local variable and does not wipe it; this does, once the call is over.
fn with_cipher<T>(key: &Secret, work: impl FnOnce(&LessSafeKey) -> Option<T>) -> Option<T> {
    let done = run_cipher(key, work);
    wipe_dead_stack();
    done
}

#[inline(never)]
fn run_cipher<T>(key: &Secret, work: impl FnOnce(&LessSafeKey) -> Option<T>) -> Option<T> {
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.expose_secret()).ok()?);
    work(&cipher)
}
