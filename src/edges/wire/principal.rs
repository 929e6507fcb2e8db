//! Agents and people: who they are, and the keys that are shown once.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::secret::SecretText;
use crate::base::clock::Timestamp;
use crate::base::id::{AgentId, PersonId};
use crate::domain::identity::Identity;
use crate::domain::name::Name;
use crate::domain::principal::{Label, Role};

/// `POST /v1/agents`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentBody {
    /// Its name.
    #[schema(value_type = String, max_length = 64)]
    pub name: Label,
    /// The acting identities it may ask for.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub identities: BTreeSet<Identity>,
    /// The upstreams it may ask for, by name.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub upstreams: BTreeSet<Name>,
    /// The person whose automation it is, who therefore never decides its requests (I7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub on_behalf_of: Option<PersonId>,
    /// Seconds until its key stops working; left out, the installation's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u32>,
}

/// An agent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AgentView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: AgentId,
    /// Its name.
    #[schema(value_type = String)]
    pub name: Label,
    /// The acting identities it may ask for.
    #[schema(value_type = Vec<String>)]
    pub identities: BTreeSet<Identity>,
    /// The upstreams it may ask for.
    #[schema(value_type = Vec<String>)]
    pub upstreams: BTreeSet<Name>,
    /// The person whose automation it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub on_behalf_of: Option<PersonId>,
    /// The person who enrolled it.
    #[schema(value_type = String)]
    pub enrolled_by: PersonId,
    /// When its key stops working.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// When it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub removed_at: Option<Timestamp>,
}

/// A new agent, with its key: shown this once.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AgentEnrolled {
    /// The agent.
    #[serde(flatten)]
    pub agent: AgentView,
    /// Its key.
    #[schema(read_only)]
    pub key: SecretText,
}

/// `GET /v1/agents`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AgentList {
    /// The agents, removed ones too.
    pub agents: Vec<AgentView>,
}

/// `GET /v1/me` on the agent listener.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AgentMe {
    /// The agent's id.
    #[schema(value_type = String)]
    pub agent: AgentId,
    /// Its name.
    #[schema(value_type = String)]
    pub name: Label,
    /// The acting identities it may ask for.
    #[schema(value_type = Vec<String>)]
    pub identities: BTreeSet<Identity>,
    /// The upstreams it may ask for.
    #[schema(value_type = Vec<String>)]
    pub upstreams: BTreeSet<Name>,
    /// When its key stops working.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// `POST /v1/people`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonBody {
    /// Their name.
    #[schema(value_type = String, max_length = 64)]
    pub name: Label,
    /// What they may do: `operator`, `reviewer`, `auditor`.
    #[schema(value_type = Vec<String>, min_items = 1)]
    pub roles: BTreeSet<Role>,
}

/// A person.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PersonView {
    /// Their id.
    #[schema(value_type = String)]
    pub person: PersonId,
    /// Their name.
    #[schema(value_type = String)]
    pub name: Label,
    /// What they may do.
    #[schema(value_type = Vec<String>)]
    pub roles: BTreeSet<Role>,
    /// When they were removed. History still names them (F20).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub removed_at: Option<Timestamp>,
}

/// A new person, with their review key: shown this once.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PersonAdded {
    /// Their id.
    #[schema(value_type = String)]
    pub person: PersonId,
    /// Their name.
    #[schema(value_type = String)]
    pub name: Label,
    /// What they may do.
    #[schema(value_type = Vec<String>)]
    pub roles: BTreeSet<Role>,
    /// Their review key.
    #[schema(read_only)]
    pub review_key: SecretText,
}

/// `GET /v1/people`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PersonList {
    /// The people, removed ones too.
    pub people: Vec<PersonView>,
}

/// `POST /v1/login-links`: a link to sign in with on the pages, for whoever asks.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LoginLink {
    /// Where to open it. It is good once, within ten minutes.
    pub url: SecretText,
}

/// `GET /v1/me` on the review listener.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PersonMe {
    /// The person's id.
    #[schema(value_type = String)]
    pub person: PersonId,
    /// Their name.
    #[schema(value_type = String)]
    pub name: Label,
    /// What they may do.
    #[schema(value_type = Vec<String>)]
    pub roles: BTreeSet<Role>,
}
