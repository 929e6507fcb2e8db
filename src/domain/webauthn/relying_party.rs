//! Whom a passkey is for.

use serde::{Deserialize, Serialize};

use crate::base::crypto::hash::{Digest, sha256};
use crate::domain::upstream::Origin;

/// A relying party: its id, which passkeys are scoped to, and the addresses at which its pages are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct RelyingParty {
    id: String,
    origins: Vec<Origin>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    origins: Vec<Origin>,
}

impl RelyingParty {
    /// The relying party `id` with pages at `origins`.
    ///
    /// # Errors
    /// When there is no origin, or one at which no browser would let `id` be used: it has to be the host's name, or
    /// what the name ends with (§5.1.3, §5.1.4.1). An address has no name, so `localhost` takes the place of
    /// `127.0.0.1`. Whether `id` is a public suffix is left to browsers.
    pub fn new(id: &str, origins: Vec<Origin>) -> Result<Self, InvalidRelyingParty> {
        let under =
            |host: &str| host.strip_suffix(id).is_some_and(|above| above.is_empty() || above.ends_with('.'));
        // An origin's host is a name in lower case or an address, so what it ends with is a name too, or a number.
        let named = !id.is_empty() && !id.starts_with('.') && !id.starts_with('[');
        let number = id.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
        if !named || number || origins.is_empty() || !origins.iter().all(|origin| under(&origin.host)) {
            return Err(InvalidRelyingParty);
        }
        Ok(Self { id: id.to_owned(), origins })
    }

    /// What goes into `rp.id` and `rpId` of the options.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where its pages are.
    #[must_use]
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// What authenticators sign in place of the id (§6.1).
    pub(super) fn id_hash(&self) -> Digest {
        sha256(&[self.id.as_bytes()])
    }

    /// Whether a page of ours is at `origin`, as a browser writes it (RFC 6454 §6.2).
    pub(super) fn is_at(&self, origin: &str) -> bool {
        self.origins.iter().any(|one| one.to_string() == origin)
    }
}

impl TryFrom<Written> for RelyingParty {
    type Error = InvalidRelyingParty;

    fn try_from(written: Written) -> Result<Self, InvalidRelyingParty> {
        Self::new(&written.id, written.origins)
    }
}

impl From<RelyingParty> for Written {
    fn from(party: RelyingParty) -> Self {
        Self { id: party.id, origins: party.origins }
    }
}

/// No browser would make passkeys for this id at these origins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a relying party's id is the name of its origins' host, or the end of it after a dot; \
     at an address there are no passkeys: use http://localhost in place of http://127.0.0.1"
)]
pub struct InvalidRelyingParty;
