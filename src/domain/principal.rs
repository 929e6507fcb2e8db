//! Whom Exeat sees: agents and people; layers are in [`super::layer`]. Ids decide; names are for reading (J02).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::identity::Identity;
use super::inert::Inert;
use super::name::Name;
use crate::base::clock::Timestamp;
use crate::base::id::{AgentId, PersonId};

/// What a person or an agent is called.
pub type Label = Inert<64>;

/// A coding agent that may ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// Its name.
    pub name: Label,
    /// The acting identities it may ask for. None by default.
    pub identities: BTreeSet<Identity>,
    /// The upstreams it may ask for. None by default.
    pub upstreams: BTreeSet<Name>,
    /// The person whose automation it is, who therefore never decides its requests (I7).
    pub on_behalf_of: Option<PersonId>,
    /// The person who enrolled it.
    pub enrolled_by: PersonId,
    /// When its key stops working (I8).
    pub expires_at: Timestamp,
    /// When it was removed.
    pub removed_at: Option<Timestamp>,
}

impl Agent {
    /// Whether its key works at `now`.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.removed_at.is_none() && now < self.expires_at
    }
}

/// A person who decides, operates or audits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Their id.
    pub id: PersonId,
    /// Their name.
    pub name: Label,
    /// What they may do.
    pub roles: BTreeSet<Role>,
    /// When they were removed. History still names them (F20).
    pub removed_at: Option<Timestamp>,
}

impl Person {
    /// Whether the person holds `role` and has not been removed.
    #[must_use]
    pub fn holds(&self, role: Role) -> bool {
        self.removed_at.is_none() && self.roles.contains(&role)
    }
}

/// What a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Installs: upstreams, credentials, identities, agents, people.
    Operator,
    /// Decides and revokes.
    Reviewer,
    /// Reads everything, decides nothing.
    Auditor,
}

impl Role {
    /// Every role, in the order of the design.
    pub const ALL: [Self; 3] = [Self::Operator, Self::Reviewer, Self::Auditor];

    /// The role's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Reviewer => "reviewer",
            Self::Auditor => "auditor",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = InvalidRole;

    fn from_str(text: &str) -> Result<Self, InvalidRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(InvalidRole)
    }
}

/// The text does not name a role.
#[derive(Debug, thiserror::Error)]
#[error("expected `operator`, `reviewer` or `auditor`")]
pub struct InvalidRole;
