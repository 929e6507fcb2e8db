//! Asking, seeing and deciding.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::base::id::{ApprovalId, PersonId, RunId};
use crate::domain::approval::{Authentication, Reason, Verdict};
use crate::domain::identity::Identity;
use crate::domain::principal::Label;
use crate::domain::step::AskedStep;
use crate::domain::webauthn::Assertion;
use crate::domain::widening::Widened;

/// `POST /v1/approvals`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestBody {
    /// The acting identity. It may be left out, only to be told which ones there are (I4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "service:ci-bot")]
    pub identity: Option<Identity>,
    /// What to be granted, item by item.
    #[schema(value_type = Vec<Object>, min_items = 1)]
    pub items: Vec<Value>,
    /// Why.
    #[schema(value_type = String, min_length = 1, max_length = 1000)]
    pub reason: Reason,
    /// What the agent was doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub step: Option<AskedStep>,
    /// How much; what is left out takes the installation's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsBody>,
    /// The run it is asked in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub run: Option<RunId>,
}

/// Limits as asked for.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsBody {
    /// Seconds until everything ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u32>,
    /// Uses, over all tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_uses: Option<u32>,
    /// Tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
}

/// Limits in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LimitsView {
    /// Seconds from the request until everything ends.
    pub expires_in: u32,
    /// Uses, over all tokens.
    pub max_uses: u32,
    /// Tokens.
    pub max_tokens: u32,
}

/// An approval, as its asker may see it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ApprovalView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: ApprovalId,
    /// `pending`, `approved`, `spent`, `denied`, `cancelled`, `expired` or `revoked`.
    pub state: String,
    /// What a decision has to name.
    #[schema(value_type = String)]
    pub statement_digest: Digest,
    /// Where people decide it.
    pub review_url: String,
    /// When it was asked.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When everything that follows from it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// The acting identity.
    #[schema(value_type = String)]
    pub identity: Identity,
    /// What was asked.
    #[schema(value_type = Vec<Object>)]
    pub items: Vec<Value>,
    /// What was granted, once something was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub granted: Option<Vec<Value>>,
    /// Files that it grants to a run that is under way, and what came of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileView>,
    /// How much.
    pub limits: LimitsView,
    /// Tokens made so far.
    pub tokens_issued: u32,
    /// Uses begun so far.
    pub uses: u32,
    /// Who decided what so far.
    #[serde(default)]
    pub decisions: Vec<DecisionView>,
}

/// Granted files of a run, and what came of them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FileView {
    /// The `filesystem` item, as granted.
    #[schema(value_type = Object)]
    pub item: Value,
    /// `{"open":{"at":["PATH"]}}`: open now. `{"next_start":{"reason":"…"}}`: not before the run is started anew. `{"closed":{…}}`:
    /// open no more. Absent while they are being opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub widened: Option<Widened>,
}

/// One person's answer.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DecisionView {
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
    /// Their answer to each item.
    pub items: Vec<AnswerView>,
    /// What they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reason: Option<Reason>,
}

/// The answer to one item, as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AnswerView {
    /// The item's place in the statement.
    pub index: usize,
    /// Yes or no.
    #[schema(value_type = String)]
    pub decision: Verdict,
    /// What was granted for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub granted: Option<Value>,
}

/// An approval, as people see it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ApprovalReview {
    /// What its asker sees too.
    #[serde(flatten)]
    pub approval: ApprovalView,
    /// The full statement: what a decision is about.
    #[schema(value_type = Object)]
    pub statement: Value,
}

/// `GET /v1/approvals`, newest first.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ApprovalList {
    /// The approvals.
    pub approvals: Vec<ApprovalReview>,
}

/// `GET /v1/approvals` on the agent listener: the agent's own, newest first.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OwnApprovals {
    /// The approvals.
    pub approvals: Vec<ApprovalView>,
}

/// `POST /v1/approvals/{id}/decision`. Who decides is whose key it is, never something in the body (F03).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionBody {
    /// The digest of the statement that was shown (F04).
    #[schema(value_type = String)]
    pub statement_digest: Digest,
    /// The answer to each item, in the order of the statement.
    #[schema(min_items = 1)]
    pub items: Vec<Answer>,
    /// What goes back to the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 1000)]
    pub reason: Option<Reason>,
    /// The signature of a passkey over the decision (WebAuthn Level 3), as the pages make one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub assertion: Option<Assertion>,
}

/// The answer to one item.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The item's place in the statement.
    pub index: usize,
    /// `approve` or `deny`.
    #[schema(value_type = String)]
    pub decision: Verdict,
    /// A narrower item to grant instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub narrow: Option<Value>,
}
