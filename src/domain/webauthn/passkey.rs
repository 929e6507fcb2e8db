//! A passkey as it is kept.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::cose::PublicKey;
use super::encoding;

/// What is known of a registered passkey: the credential record of §4. Nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passkey {
    /// How it is found; goes into `allowCredentials` and `excludeCredentials`.
    pub id: PasskeyId,
    /// What verifies its signatures.
    pub key: PublicKey,
    /// Its counter, when it last signed; 0 where it does not count (§6.1.1).
    pub sign_count: u32,
    /// Whether it may be on more than one device. Never changes.
    pub backup_eligible: bool,
    /// Whether it was on more than one, when it last signed.
    pub backed_up: bool,
    /// Where browsers are to look for it.
    #[serde(default)]
    pub transports: BTreeSet<Transport>,
}

/// A credential id (§4): which passkey it is, chosen by its authenticator. Text form: base64url without padding.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PasskeyId(Vec<u8>);

impl PasskeyId {
    /// The longest, in bytes (§6.5.1).
    pub const MAX_LEN: usize = 1023;

    /// The id made of `bytes`.
    ///
    /// # Errors
    /// When there are none, or more than [`PasskeyId::MAX_LEN`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidPasskeyId> {
        let fits = (1..=Self::MAX_LEN).contains(&bytes.len());
        if fits { Ok(Self(bytes.to_vec())) } else { Err(InvalidPasskeyId) }
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for PasskeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encoding::text(&self.0))
    }
}

impl fmt::Debug for PasskeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for PasskeyId {
    type Err = InvalidPasskeyId;

    fn from_str(text: &str) -> Result<Self, InvalidPasskeyId> {
        encoding::bytes(text).ok_or(InvalidPasskeyId).and_then(|bytes| Self::from_bytes(&bytes))
    }
}

impl TryFrom<String> for PasskeyId {
    type Error = InvalidPasskeyId;

    fn try_from(text: String) -> Result<Self, InvalidPasskeyId> {
        text.parse()
    }
}

impl From<PasskeyId> for String {
    fn from(id: PasskeyId) -> Self {
        id.to_string()
    }
}

/// The text is not the id of a passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the id of a passkey: 1 to {} bytes in base64url without padding", PasskeyId::MAX_LEN)]
pub struct InvalidPasskeyId;

/// How browsers reach an authenticator (§5.8.4). A hint: nothing is decided by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// Removable USB.
    Usb,
    /// Near field communication.
    Nfc,
    /// Bluetooth Low Energy.
    Ble,
    /// A smart card with contacts.
    SmartCard,
    /// Another device, such as a telephone, near by.
    Hybrid,
    /// The device itself.
    Internal,
}

impl Transport {
    /// Reads names, and leaves out those that are not known, as §5.8.4 wants it.
    pub(super) fn known<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<Self>, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Named {
            Known(Transport),
            #[expect(dead_code, reason = "what it says is left out")]
            Unknown(String),
        }
        let names = Vec::<Named>::deserialize(from)?;
        Ok(names
            .into_iter()
            .filter_map(|name| if let Named::Known(one) = name { Some(one) } else { None })
            .collect())
    }
}
