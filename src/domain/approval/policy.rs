//! The review policy: what an installation adds to the built-in floor. It can only forbid more.

use serde::{Deserialize, Serialize};

use super::limits::Limits;
use super::statement::Statement;
use crate::base::crypto::hash::Digest;
use crate::domain::canonical::canonical_digest;
use crate::domain::scope::{ScopeItem, Weight};

/// The parsed `policy.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// How many different people must approve. At least one; zero is not "nobody needs to" but a refusal (F13).
    pub required_approvers: u8,
    /// The most a request may ask for.
    pub ceiling: Limits,
    /// What a request gets when it does not say.
    pub defaults: Limits,
    /// The longest life of a token, in seconds; at most an hour (I8).
    pub longest_token: u32,
    /// The life of a token when nothing shorter applies, in seconds.
    pub token_lifetime: u32,
    /// How many undecided requests one agent may have (F15).
    pub max_pending: u32,
    /// Whether a run may be started without walls around it.
    pub unsafe_no_sandbox: bool,
    /// What a person grants only with the signature of a passkey.
    pub signature_for: SignatureFor,
}

/// What a person grants only with the signature of a passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureFor {
    /// A session or a review key is enough.
    Nothing,
    /// Items that may change something.
    Changes,
    /// Every item.
    Everything,
}

impl SignatureFor {
    /// Whether granting `items` takes one. Saying no never does.
    #[must_use]
    pub fn asks_for(self, items: &[ScopeItem]) -> bool {
        match self {
            Self::Nothing => false,
            Self::Changes => items.iter().any(|item| item.weight() == Weight::Changes),
            Self::Everything => !items.is_empty(),
        }
    }
}

/// A policy that would break a promise of design §1.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("policy: `{field}` {must}")]
pub struct PolicyRefusal {
    field: &'static str,
    must: &'static str,
}

impl Policy {
    /// Checks the policy against the floor that no setting lowers.
    ///
    /// # Errors
    /// Names the first field that breaks it.
    pub fn checked(self) -> Result<Self, PolicyRefusal> {
        let rules = [
            (
                self.required_approvers == 0,
                "required_approvers",
                "must be at least 1: nothing is approved by nobody",
            ),
            (
                self.longest_token == 0 || self.longest_token > 3600,
                "longest_token",
                "must be between 1 and 3600 seconds",
            ),
            (
                self.token_lifetime == 0 || self.token_lifetime > self.longest_token,
                "token_lifetime",
                "must be between 1 and `longest_token`",
            ),
            (
                self.ceiling.expires_in > Limits::LONGEST,
                "ceiling.expires_in",
                "must be at most 86400 seconds",
            ),
            (
                self.defaults.checked(self.ceiling).is_err(),
                "defaults",
                "must each be at least 1 and within `ceiling`",
            ),
            (self.max_pending == 0, "max_pending", "must be at least 1"),
        ];
        match rules.into_iter().find(|(broken, ..)| *broken) {
            Some((_, field, must)) => Err(PolicyRefusal { field, must }),
            None => Ok(self),
        }
    }

    /// The version of this policy: the digest of what it says. Statements name it, so that an approval does not outlive
    /// the rules it was given under (I6).
    #[must_use]
    pub fn version(&self) -> Digest {
        canonical_digest(self)
    }

    /// Whether `statement` was made under this very policy.
    #[must_use]
    pub fn is_of(&self, statement: &Statement) -> bool {
        statement.policy == self.version()
    }
}
