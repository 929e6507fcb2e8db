//! The text of a key file: JSON, format 1.
//!
//! Keys stand in it bare, or sealed under a key derived from a passphrase. Nothing here touches the disk. An
//! error never quotes a value: the value may be a key in the wrong place.

use std::io::Cursor;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::keyring::{KeyVersion, Keyring};
use crate::base::clock::Timestamp;
use crate::base::crypto::aead::{KEY_LENGTH, Key, SealError};
use crate::base::crypto::kdf::{self, Cost, KdfError, SALT_LENGTH};
use crate::base::random::{Random, bytes};
use crate::base::secret::Secret;

/// The format written here, and the newest one that is read.
const FORMAT: u32 = 1;

/// The fewest bytes a passphrase may have when it is set.
const MIN_PASSPHRASE: usize = 12;

/// How the keys in a key file are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// By the mode of the file alone.
    File,
    /// By a passphrase too.
    Passphrase,
}

/// Why the text of a key file is not understood.
#[derive(Debug, thiserror::Error)]
pub enum FormatProblem {
    /// A newer Exeat wrote it.
    #[error(
        "is of format {0}, newer than this version of Exeat reads (format {FORMAT}); install a newer one"
    )]
    Newer(u64),
    /// It is not JSON, is cut off, or has a field too many, too few or of the wrong type.
    #[error("is damaged at line {line}, column {column}{}; restore it from a backup", named(.field.as_deref()))]
    Damaged {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// The field, when the trouble is that it is unknown, missing or there twice.
        field: Option<String>,
    },
    /// The fields are all there, but what one says cannot be.
    #[error("is damaged: {0}; restore it from a backup")]
    Impossible(&'static str),
}

/// What is wrong with the passphrase.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseProblem {
    /// It is not the one the file was made with.
    #[error("was made with another passphrase; try again with the right one")]
    Wrong,
    /// There is none.
    #[error(
        "needs its passphrase; start Exeat at a terminal, or name `vault.passphrase_file` in config.toml"
    )]
    Missing,
    /// There is one, and the file has none: it may have been put in the place of the real one.
    #[error("is not protected by a passphrase, but one was given; check that this is the right file")]
    Unexpected,
    /// It is too easy to guess.
    #[error("cannot be made with this passphrase; choose one of at least {MIN_PASSPHRASE} bytes")]
    TooShort,
    /// No key could be derived from it.
    #[error("cannot be opened with its passphrase on this machine: {0}")]
    Derivation(KdfError),
}

/// What protects the keys besides the mode of the file.
#[derive(Debug)]
pub(super) enum Protector {
    None,
    Passphrase { cost: Cost, salt: [u8; SALT_LENGTH], key: Key },
}

impl Protector {
    /// A new protector, with a salt of its own.
    pub(super) fn new(
        passphrase: Option<&Secret>,
        random: &dyn Random,
    ) -> Result<Self, super::key_file::Problem> {
        let Some(passphrase) = passphrase else {
            return Ok(Self::None);
        };
        if passphrase.len() < MIN_PASSPHRASE {
            return Err(PassphraseProblem::TooShort.into());
        }
        let cost = Cost::RFC_9106_LOW_MEMORY;
        let salt = bytes(random).map_err(SealError::Randomness)?;
        let key = kdf::derive(passphrase, &salt, cost).map_err(PassphraseProblem::Derivation)?;
        Ok(Self::Passphrase { cost, salt, key })
    }
}

/// A key file's text, read but not yet opened. Borrows from the text, so that no key is copied.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document<'a> {
    format: u32,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    passphrase: Option<PassphraseFields<'a>>,
    #[serde(borrow)]
    keys: Vec<KeyFields<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PassphraseFields<'a> {
    argon2id: Cost,
    salt: &'a str,
    /// Nothing, sealed: opens under the right passphrase only.
    check: &'a str,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFields<'a> {
    version: u32,
    created: Timestamp,
    key: &'a str,
}

#[derive(Deserialize)]
struct Head {
    format: u64,
}

impl<'a> Document<'a> {
    pub(super) fn parse(text: &'a [u8]) -> Result<Self, FormatProblem> {
        let head: Head = serde_json::from_slice(text).map_err(|error| damaged(&error))?;
        if head.format > u64::from(FORMAT) {
            return Err(FormatProblem::Newer(head.format));
        }
        let document: Self = serde_json::from_slice(text).map_err(|error| damaged(&error))?;
        if document.format != FORMAT {
            return Err(FormatProblem::Impossible("there is no such format"));
        }
        Ok(document)
    }

    pub(super) const fn protection(&self) -> Protection {
        match self.passphrase {
            Some(_) => Protection::Passphrase,
            None => Protection::File,
        }
    }

    /// Derives what protects the keys, and checks that it is the right one.
    pub(super) fn protector(
        &self,
        passphrase: Option<&Secret>,
    ) -> Result<Protector, super::key_file::Problem> {
        let (fields, passphrase) = match (&self.passphrase, passphrase) {
            (None, None) => return Ok(Protector::None),
            (None, Some(_)) => return Err(PassphraseProblem::Unexpected.into()),
            (Some(_), None) => return Err(PassphraseProblem::Missing.into()),
            (Some(fields), Some(passphrase)) => (fields, passphrase),
        };
        let mut salt = [0; SALT_LENGTH];
        let bad_salt = FormatProblem::Impossible("the salt is not 16 bytes in hexadecimal");
        hex::decode_to_slice(fields.salt, &mut salt).map_err(|_| bad_salt)?;
        let cost = fields.argon2id;
        let key = kdf::derive(passphrase, &salt, cost).map_err(PassphraseProblem::Derivation)?;
        let check = hex::decode(fields.check)
            .map_err(|_| FormatProblem::Impossible("the check value is not hexadecimal"))?;
        key.open(CHECK, &check).map_err(|_| PassphraseProblem::Wrong)?;
        Ok(Protector::Passphrase { cost, salt, key })
    }

    /// The keys, opened.
    pub(super) fn keyring(&self, protector: &Protector) -> Result<Keyring, FormatProblem> {
        let mut keyring: Option<Keyring> = None;
        for fields in &self.keys {
            let entry = KeyVersion { created: fields.created, key: fields.open(protector)? };
            keyring = match keyring {
                None if fields.version > 0 => Some(Keyring::of(fields.version, entry)),
                None => None,
                Some(keyring) => keyring.with(fields.version, entry),
            };
            if keyring.is_none() {
                return Err(FormatProblem::Impossible("the key versions do not rise from 1"));
            }
        }
        keyring.ok_or(FormatProblem::Impossible("there is no key in it"))
    }
}

impl KeyFields<'_> {
    fn open(&self, protector: &Protector) -> Result<Key, FormatProblem> {
        let bad = || FormatProblem::Impossible("a key in it is not whole");
        let bytes = match protector {
            Protector::None => {
                Secret::filled(KEY_LENGTH, |key| hex::decode_to_slice(self.key, key)).map_err(|_| bad())?
            }
            Protector::Passphrase { key, .. } => {
                let sealed = hex::decode(self.key).map_err(|_| bad())?;
                key.open(&key_context(self.version, self.created), &sealed).map_err(|_| bad())?
            }
        };
        Key::from_secret(bytes).ok_or_else(bad)
    }
}

/// The text of a key file. Holds bare keys when there is no passphrase: wiped when dropped.
pub(super) fn write(
    protector: &Protector,
    keyring: &Keyring,
    random: &dyn Random,
) -> Result<Zeroizing<Vec<u8>>, super::key_file::Problem> {
    let mut texts = Vec::new();
    for (version, entry) in keyring.iter() {
        let key = entry.key.as_secret().expose_secret();
        texts.push(match protector {
            Protector::None => hex_text(key)?,
            Protector::Passphrase { key: outer, .. } => {
                hex_text(&outer.seal(random, &key_context(version, entry.created), key)?)?
            }
        });
    }
    let keys = keyring.iter().zip(&texts);
    let keys = keys.map(|((version, entry), key)| KeyFields { version, created: entry.created, key });
    let keys = keys.collect();
    let Protector::Passphrase { cost, salt, key } = protector else {
        return json(&Document { format: FORMAT, passphrase: None, keys });
    };
    let (salt, check) = (hex_text(salt)?, hex_text(&key.seal(random, CHECK, &[])?)?);
    let fields = PassphraseFields { argon2id: *cost, salt: &salt, check: &check };
    json(&Document { format: FORMAT, passphrase: Some(fields), keys })
}

const CHECK: &[u8] = b"exeat key file 1 passphrase check";

fn key_context(version: u32, created: Timestamp) -> Vec<u8> {
    let mut context = b"exeat key file 1 key".to_vec();
    context.extend_from_slice(&version.to_be_bytes());
    context.extend_from_slice(&created.as_micros().to_be_bytes());
    context
}

/// Into a buffer of fixed size: one that grew would leave keys behind.
fn json(document: &Document<'_>) -> Result<Zeroizing<Vec<u8>>, super::key_file::Problem> {
    let mut text = Zeroizing::new(vec![0; 1024 + 512 * document.keys.len()]);
    let mut cursor = Cursor::new(text.as_mut_slice());
    serde_json::to_writer_pretty(&mut cursor, document).map_err(std::io::Error::from)?;
    std::io::Write::write_all(&mut cursor, b"\n")?;
    let length = usize::try_from(cursor.position()).map_err(std::io::Error::other)?;
    text.truncate(length);
    Ok(text)
}

fn hex_text(bytes: &[u8]) -> Result<Zeroizing<String>, std::io::Error> {
    let mut text = Zeroizing::new(vec![0; bytes.len() * 2]);
    hex::encode_to_slice(bytes, &mut text).map_err(std::io::Error::other)?;
    String::from_utf8(std::mem::take(&mut *text)).map(Zeroizing::new).map_err(std::io::Error::other)
}

/// The place and, when serde says that a field is unknown, missing or doubled, its name; no other word of
/// serde's, because it quotes values.
fn damaged(error: &serde_json::Error) -> FormatProblem {
    let text = error.to_string();
    let about_a_field = ["unknown field `", "missing field `", "duplicate field `"];
    let rest = about_a_field.iter().find_map(|start| text.strip_prefix(start));
    let field = rest.and_then(|rest| rest.split_once('`')).map(|(name, _)| name.to_owned());
    // A key is longer than this, should one ever stand where a name belongs.
    let field = field.filter(|name| name.len() <= 32 && name.bytes().all(|b| b.is_ascii_graphic()));
    FormatProblem::Damaged { line: error.line(), column: error.column(), field }
}

fn named(field: Option<&str>) -> String {
    field.map(|name| format!(", field `{name}`")).unwrap_or_default()
}
