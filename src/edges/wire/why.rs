//! Asking why: what a verdict would be, and what it would rest on.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::secret::SecretText;
use crate::base::id::{AgentId, RunId};

/// `POST /v1/why`. An agent asks about itself, one of its runs or a token of its own; a person about a run or an agent.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhyBody {
    /// The method.
    #[schema(max_length = 32)]
    pub method: String,
    /// The URL.
    #[schema(max_length = 8192)]
    pub url: String,
    /// The run that would ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub run: Option<RunId>,
    /// The agent that would ask; for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub agent: Option<AgentId>,
    /// The token that would be shown; for agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(write_only)]
    pub token: Option<SecretText>,
}

/// A token may be in the URL too: it prints as its method.
impl fmt::Debug for WhyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WhyBody").field("method", &self.method).finish_non_exhaustive()
    }
}

/// What the verdict would be.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WhyAnswer {
    /// Whether it would be allowed.
    pub allowed: bool,
    /// Why, in a fixed word.
    pub reason: String,
    /// The same in a sentence.
    pub detail: String,
    /// What would be judged: method and URL, with query values masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The upstream that governs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// The item that allows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub item: Option<Value>,
    /// The approval that it is in; none where a run was started with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// Whom the upstream would see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// What would have to be granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub missing: Option<Vec<Value>>,
    /// The request that would ask for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub ask: Option<Value>,
}
