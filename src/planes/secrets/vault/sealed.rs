//! The bytes of a sealed secret: what goes into a row of the store.
//!
//! Format 1: `EXV` `1` · version of the key-encryption key (u32, big endian) · wrapped data key (nonce,
//! 32 bytes, tag) · record (nonce, ciphertext, tag). Nothing follows. Parsing is strict and cannot panic; it
//! says nothing about whether the secret opens.

use std::fmt;

use crate::base::crypto::aead::{KEY_LENGTH, OVERHEAD};

/// The longest secret the vault takes, in bytes: room for any key or certificate chain, none for a file store.
pub const MAX_SECRET: usize = 64 * 1024;

const MAGIC: [u8; 4] = *b"EXV1";
const VERSION_END: usize = MAGIC.len() + 4;
const WRAPPED_LENGTH: usize = KEY_LENGTH + OVERHEAD;
const RECORD_START: usize = VERSION_END + WRAPPED_LENGTH;

/// A sealed secret. Not secret itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    bytes: Vec<u8>,
    key_version: u32,
}

/// The bytes are not a sealed secret of a format this version of Exeat writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a sealed secret of a known format")]
pub struct InvalidSealed;

impl Sealed {
    /// Reads what [`Sealed::as_bytes`] gave.
    ///
    /// # Errors
    /// When the format is another one, a length is wrong, or bytes are missing or left over.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidSealed> {
        let (magic, rest) = bytes.split_first_chunk::<4>().ok_or(InvalidSealed)?;
        let (version, rest) = rest.split_first_chunk::<4>().ok_or(InvalidSealed)?;
        let record = rest.get(WRAPPED_LENGTH..).ok_or(InvalidSealed)?;
        let key_version = u32::from_be_bytes(*version);
        let fits = (OVERHEAD..=OVERHEAD + MAX_SECRET).contains(&record.len());
        if *magic != MAGIC || key_version == 0 || !fits {
            return Err(InvalidSealed);
        }
        Ok(Self { bytes: bytes.to_vec(), key_version })
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The version of the key-encryption key that wraps the data key.
    #[must_use]
    pub const fn key_version(&self) -> u32 {
        self.key_version
    }

    pub(super) fn assemble(key_version: u32, wrapped: &[u8], record: &[u8]) -> Result<Self, InvalidSealed> {
        Self::parse(&[&MAGIC, key_version.to_be_bytes().as_slice(), wrapped, record].concat())
    }

    pub(super) fn wrapped_data_key(&self) -> &[u8] {
        self.bytes.get(VERSION_END..RECORD_START).unwrap_or_default()
    }

    pub(super) fn record(&self) -> &[u8] {
        self.bytes.get(RECORD_START..).unwrap_or_default()
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed {{ key_version: {}, {} bytes }}", self.key_version, self.bytes.len())
    }
}
