//! Names, keys and signature lines of signed notes (C2SP signed-note).
//!
//! A note is text that one or more keys signed. Only Ed25519 keys (signature type 0x01) are understood here; lines of
//! other keys are carried along and ignored, so that a witness can add its own.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::base::crypto::hash::sha256;
use crate::base::crypto::sign::PublicKey;

/// Ed25519 in the list of signature types (C2SP signed-note, "Signature types").
const ED25519: u8 = 0x01;

/// The name of a log, and of the keys that sign its checkpoints: by custom a URL without scheme, `example.com/log`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Origin(String);

impl Origin {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 255;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::str::FromStr for Origin {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        if text.len() > Self::MAX_LEN || !is_key_name(text) {
            return Err(NoteError::Origin);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Origin {
    type Error = NoteError;

    fn try_from(text: String) -> Result<Self, NoteError> {
        text.parse()
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.0
    }
}

/// A log's public key under its name. Text form ("vkey"): `name+id+key`, the id in 8 hexadecimal digits, the key in
/// base64 after its type byte.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct VerifierKey {
    origin: Origin,
    key: PublicKey,
    id: [u8; 4],
}

impl VerifierKey {
    /// The key that signs for the log `origin`.
    #[must_use]
    pub fn new(origin: Origin, key: PublicKey) -> Self {
        let digest = sha256(&[origin.as_str().as_bytes(), b"\n", &[ED25519], key.as_bytes()]);
        let [a, b, c, d, ..] = *digest.as_bytes();
        Self { origin, key, id: [a, b, c, d] }
    }

    /// Whose key it is.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The key itself.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The id that signature lines carry: it finds a key, it does not prove one.
    #[must_use]
    pub const fn id(&self) -> [u8; 4] {
        self.id
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[ED25519][..], self.key.as_bytes()].concat());
        write!(f, "{}+{}+{key}", self.origin, hex::encode(self.id))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        // Base64 may contain a plus, a name and an id may not.
        let mut parts = text.splitn(3, '+');
        let (Some(origin), Some(_), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::VerifierKey);
        };
        let bytes = STANDARD.decode(key).map_err(|_| NoteError::VerifierKey)?;
        let Some((&ED25519, key)) = bytes.split_first() else { return Err(NoteError::VerifierKey) };
        let key = PublicKey::from_bytes(key.try_into().map_err(|_| NoteError::VerifierKey)?);
        let parsed = Self::new(origin.parse()?, key);
        // One text per key: this also refuses an id that is not the key's own.
        if parsed.to_string() == text { Ok(parsed) } else { Err(NoteError::VerifierKey) }
    }
}

impl TryFrom<String> for VerifierKey {
    type Error = NoteError;

    fn try_from(text: String) -> Result<Self, NoteError> {
        text.parse()
    }
}

impl From<VerifierKey> for String {
    fn from(key: VerifierKey) -> Self {
        key.to_string()
    }
}

/// Why a note, or a part of one, is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The text cannot name a log.
    #[error(
        "a log's name is 1 to {} bytes long and has no space, control character or plus",
        Origin::MAX_LEN
    )]
    Origin,
    /// The text is not a verifier key.
    #[error("expected a verifier key: name+id+base64 of an Ed25519 key")]
    VerifierKey,
    /// The text is not a signed checkpoint.
    #[error("not a signed checkpoint: {0}")]
    Malformed(&'static str),
    /// None of the trusted keys signed.
    #[error("no trusted key signed the checkpoint")]
    UnknownKey,
    /// A line says that a trusted key signed, but it did not sign this.
    #[error("the checkpoint is not what a trusted key signed")]
    BadSignature,
}

/// One signature line: `— name base64(id ‖ signature)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignatureLine {
    pub(super) name: String,
    pub(super) id: [u8; 4],
    pub(super) signature: Vec<u8>,
}

impl SignatureLine {
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (name, bytes) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        let bytes = STANDARD.decode(bytes).ok()?;
        let (id, signature) = bytes.split_first_chunk::<4>()?;
        let valid = is_key_name(name) && !signature.is_empty();
        valid.then(|| Self { name: name.to_owned(), id: *id, signature: signature.to_vec() })
    }
}

impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = STANDARD.encode([&self.id[..], &self.signature].concat());
        write!(f, "\u{2014} {} {bytes}", self.name)
    }
}

/// C2SP signed-note, "Format": not empty, no Unicode spaces, no plus; no control characters anywhere in a note.
fn is_key_name(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Go's `golang.org/x/mod/sumdb/note`, where the format comes from.
    const NEUMANN: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn the_reference_key_reads_back_and_verifies_its_note() {
        let key: VerifierKey = NEUMANN.parse().unwrap();
        assert_eq!(key.to_string(), NEUMANN);
        let line = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
        let text = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n";
        let signed = SignatureLine::parse(line).unwrap();
        assert_eq!((signed.id, signed.to_string().as_str()), (key.id(), line));
        assert!(key.key().verify(text.as_bytes(), &signed.signature).is_ok());
    }

    #[test]
    fn what_is_not_a_verifier_key_is_refused() {
        for text in [
            "",
            "PeterNeumann",
            "PeterNeumann+c74f20a3",
            "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
            "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        ] {
            assert!(text.parse::<VerifierKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_signature_line_is_read_in_one_form_only() {
        for line in [
            "- name AAAAAAAA",
            "\u{2014} name",
            "\u{2014}  AAAAAAAA",
            "\u{2014} na+me AAAAAAAA",
            "\u{2014} name AAAA",
            "\u{2014} name AAAAAAAA ",
            "\u{2014} name AAAAAB==",
            "\u{2014} name AAAAAA",
        ] {
            assert_eq!(SignatureLine::parse(line), None, "{line}");
        }
        assert!(SignatureLine::parse("\u{2014} name AAAAAAA=").is_some());
    }
}
