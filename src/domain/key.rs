//! Keys by which agents, people and layers are known: shown once, kept as a hash.

use zeroize::Zeroizing;

use crate::base::crypto::hash::{Digest, sha256};
use crate::base::random::{NoRandomness, Random};

/// Whose key it is. An agent's key is never a person's, whatever listener it is shown on (F01).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// An agent's, for the agent and proxy listeners.
    Agent,
    /// A person's, for the review listener.
    Review,
    /// A layer's, for its questions and reports on the agent listener.
    Layer,
    /// A run's, in place of a credential it does not have; good for nothing but the slot of one upstream, on the run's own socket.
    Placeholder,
    /// A person's browser, for the review listener.
    Session,
    /// A link to sign in with, good once.
    Link,
}

impl KeyKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Agent => "exa_",
            Self::Review => "exr_",
            Self::Layer => "exl_",
            Self::Placeholder => "exeat_pl_",
            Self::Session => "exs_",
            Self::Link => "exk_",
        }
    }
}

/// A new key in the clear, on its way to the one who will hold it. Wiped when dropped; neither printed nor compared.
pub struct PlainKey(Zeroizing<String>);

impl PlainKey {
    /// 256 unpredictable bits behind a prefix that secret scanners can find, and a checksum that tells junk without a look-up.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn new(kind: KeyKind, random: &dyn Random) -> Result<Self, NoRandomness> {
        let mut bits = Zeroizing::new([0_u8; 32]);
        random.fill(bits.as_mut())?;
        let digits = Zeroizing::new(hex::encode(bits.as_ref()));
        let checksum = checksum(kind, &digits);
        Ok(Self(Zeroizing::new(format!("{}{}{checksum}", kind.prefix(), *digits))))
    }

    /// The key, to be shown once.
    #[must_use]
    pub fn shown_once(&self) -> &str {
        &self.0
    }

    /// What is kept.
    #[must_use]
    pub fn hashed(&self) -> Digest {
        sha256(&[self.0.as_bytes()])
    }
}

/// The hash under which a presented key would be kept, if it has the shape of a key of this kind.
#[must_use]
pub fn presented(kind: KeyKind, text: &str) -> Option<Digest> {
    let body = text.strip_prefix(kind.prefix())?;
    let (digits, sum) = body.split_at_checked(64)?;
    (sum == checksum(kind, digits)).then(|| sha256(&[text.as_bytes()]))
}

/// Whether the text begins as a key of this kind does, and is as long; whether it is one does not matter.
#[must_use]
pub fn looks_like(kind: KeyKind, text: &str) -> bool {
    text.strip_prefix(kind.prefix()).is_some_and(|body| body.len() >= 64)
}

fn checksum(kind: KeyKind, digits: &str) -> String {
    let sum = sha256(&[kind.prefix().as_bytes(), digits.as_bytes()]);
    hex::encode(&sum.as_bytes()[..4])
}
