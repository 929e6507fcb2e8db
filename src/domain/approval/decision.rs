//! One person's answer to one approval, item by item, over a statement digest.

use serde::{Deserialize, Serialize};

use super::statement::Reason;
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::base::id::PersonId;
use crate::domain::canonical::canonical_digest;
use crate::domain::principal::Label;
use crate::domain::scope::ScopeItem;
use crate::domain::webauthn::Signature;

/// A decision as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Who decided.
    pub person: PersonId,
    /// Their name then.
    pub name: Label,
    /// When.
    pub at: Timestamp,
    /// How they were known to be they.
    pub authenticated_by: Authentication,
    /// What they were shown.
    pub statement_digest: Digest,
    /// The answer to each item, in the order of the statement.
    pub items: Vec<ItemDecision>,
    /// What goes back to the agent.
    pub reason: Option<Reason>,
    /// The person's signature over [`Decision::challenge`], where they gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Box<Signature>>,
}

/// What a person signs: the words they were shown, and their answer to them.
#[derive(Serialize)]
struct Signed<'a> {
    statement_digest: &'a Digest,
    items: &'a [ItemDecision],
    reason: &'a Option<Reason>,
}

impl Decision {
    /// What a passkey signs for this decision: the SHA-256 of the statement's digest, the answers and the reason, in canonical JSON
    /// (RFC 8785). So a signature under a "no" is none under a "yes", and none under a wider "yes".
    #[must_use]
    pub fn challenge(&self) -> Digest {
        let Self { statement_digest, items, reason, .. } = self;
        canonical_digest(&Signed { statement_digest, items, reason })
    }

    /// The items this person granted, narrowed as they said.
    #[must_use]
    pub fn granted(&self) -> Vec<ScopeItem> {
        self.items.iter().filter_map(|item| item.granted.clone()).collect()
    }
}

/// The answer to one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemDecision {
    /// Its place in the statement.
    pub index: usize,
    /// Yes or no.
    pub verdict: Verdict,
    /// What is granted: the item as asked, or narrower. Present exactly when approved.
    pub granted: Option<ScopeItem>,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The item is granted.
    Approve,
    /// It is not.
    Deny,
}

/// How a person was known to be they.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authentication {
    /// The person's review key, as a bearer secret.
    ReviewKey,
    /// The person's passkey, which verified them and signed.
    Passkey,
    /// A link that `exeat serve` or `exeat login` printed, good once.
    Link,
}

impl Authentication {
    /// In words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReviewKey => "review key",
            Self::Passkey => "passkey",
            Self::Link => "one-time link",
        }
    }
}
