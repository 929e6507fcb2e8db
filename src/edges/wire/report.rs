//! The report: granted against used.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::approval::LimitsView;
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::base::id::{AgentId, PersonId, RunId, UseId};
use crate::domain::approval::Authentication;
use crate::domain::identity::Identity;
use crate::domain::principal::Label;

/// `GET /v1/reports/{subject}`: the four questions, answered.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Report {
    /// The id it is about.
    pub subject: String,
    /// What was granted.
    #[schema(value_type = Vec<Object>)]
    pub granted: Vec<Value>,
    /// What was used of it.
    pub used: Vec<UsedView>,
    /// What was tried and refused.
    #[schema(value_type = Vec<Object>)]
    pub denied: Vec<Value>,
    /// What was granted and never used.
    #[schema(value_type = Vec<Object>)]
    pub never_used: Vec<Value>,
    /// Uses that began and whose end nobody reported.
    #[schema(value_type = Vec<Object>)]
    pub unfinished: Vec<Value>,
    /// What would have been enough, where that is less than was granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tighter: Option<TighterView>,
    /// The step that triggered the request.
    pub trigger: TriggerView,
    /// Who approved, when, how they were known, over which words.
    pub approvers: Vec<ApproverView>,
    /// The acting identity.
    #[schema(value_type = Option<String>)]
    pub identity: Option<Identity>,
    /// The agent.
    #[schema(value_type = Option<String>)]
    pub agent: Option<AgentId>,
    /// The run.
    #[schema(value_type = Option<String>)]
    pub run: Option<RunId>,
    /// The signed head of the log it was read from (C2SP signed note).
    pub checkpoint: Option<String>,
    /// What a newer broker adds.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub more: Map<String, Value>,
}

/// One item and how it was used.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UsedView {
    /// The item.
    #[schema(value_type = Object)]
    pub item: Value,
    /// How often.
    pub count: u64,
    /// First.
    #[schema(value_type = String, format = DateTime)]
    pub first: Timestamp,
    /// Last.
    #[schema(value_type = String, format = DateTime)]
    pub last: Timestamp,
    /// Methods and URLs, with query values masked.
    pub targets: Vec<String>,
    /// What a newer broker adds.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub more: Map<String, Value>,
}

/// The smallest items and limits that cover what was used, as a request writes them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TighterView {
    /// What may be done.
    #[schema(value_type = Vec<Object>)]
    pub items: Vec<Value>,
    /// How long and how often.
    pub limits: LimitsView,
}

/// What the agent was doing when it asked: claimed and observed are kept apart.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct TriggerView {
    /// What its harness said.
    #[schema(value_type = Option<Object>)]
    pub claimed: Option<Value>,
    /// What a layer saw.
    #[schema(value_type = Option<Object>)]
    pub observed: Option<Value>,
    /// The refused use it followed.
    #[schema(value_type = Option<String>)]
    pub refusal: Option<UseId>,
    /// What a newer broker adds.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub more: Map<String, Value>,
}

/// One approver.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ApproverView {
    /// Who.
    #[schema(value_type = String)]
    pub person: PersonId,
    /// Their name then.
    #[schema(value_type = String)]
    pub name: Label,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// How they were known to be they.
    #[schema(value_type = String)]
    pub authenticated_by: Authentication,
    /// What they were shown.
    #[schema(value_type = String)]
    pub statement_digest: Digest,
    /// What a newer broker adds.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub more: Map<String, Value>,
}
