//! Starting a run, telling of it, ending it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::secret::SecretText;
use crate::base::crypto::hash::Digest;
use crate::base::id::{ApprovalId, RunId};
use crate::domain::files::UsedPath;
use crate::domain::identity::Identity;
use crate::domain::inert::Inert;
use crate::domain::name::Name;
use crate::domain::run::{ClimbCause, EndCause, PathText, Rung};
use crate::domain::step::ClaimedStep;
use crate::domain::upstream::Origin;
use crate::domain::widening::Widened;

/// `POST /v1/runs`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunBody {
    /// The name of the profile that shapes its walls.
    #[schema(value_type = String, min_length = 1, max_length = 64)]
    pub profile: Inert<64>,
    /// `read-only`, `workspace-write`, `networked` or `credentialed`.
    #[schema(value_type = String)]
    pub rung: Rung,
    /// Its workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 1024)]
    pub workspace: Option<PathText>,
    /// Whether it has no walls; the policy has to allow that.
    #[serde(default)]
    pub unsafe_no_sandbox: bool,
    /// The files that its profile opens: `filesystem` items.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub filesystem: Vec<Value>,
    /// The hosts that its profile opens: `network` items, from the rung `networked` on.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub network: Vec<Value>,
    /// SHA-256 of its command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub command: Option<Digest>,
    /// What it wants placeholders for.
    #[serde(default)]
    pub credentials: Vec<StandInBody>,
    /// For how many seconds a refused request is held while a person decides; at most 120.
    #[serde(default)]
    #[schema(maximum = 120)]
    pub wait_seconds: u32,
    /// Whether what starts it will keep it (`/v1/runs/{id}/keep`). If nobody does within a minute, it ends as `abandoned`.
    #[serde(default)]
    pub kept: bool,
}

/// A placeholder that is wanted.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StandInBody {
    /// The upstream.
    #[schema(value_type = String)]
    pub upstream: Name,
    /// Whom it will see.
    #[schema(value_type = String)]
    pub identity: Identity,
}

/// A run that has begun.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RunStarted {
    /// Its id; `run_unsafe_no_sandbox_…` when it has no walls.
    #[schema(value_type = String)]
    pub id: RunId,
    /// Its socket, by absolute path: the proxy, for this run alone.
    pub socket: String,
    /// The root certificate for what is inside, by path.
    pub ca: String,
    /// Its placeholders, by upstream. They are in this answer and nowhere else.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub placeholders: BTreeMap<String, SecretText>,
    /// Where a placeholder is the password that Basic asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passwords: Vec<PasswordFor>,
}

/// An origin that asks for a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PasswordFor {
    /// Of this upstream.
    #[schema(value_type = String)]
    pub upstream: Name,
    /// The origin.
    #[schema(value_type = String)]
    pub origin: Origin,
    /// The user name that goes with it.
    pub user: String,
}

/// `POST /v1/runs/{id}/steps`: exactly one of the members.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StepBody {
    /// The harness says that a step begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub claimed: Option<ClaimedStep>,
    /// The harness says that a step is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub over: Option<ClaimedStep>,
    /// The run climbs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub climb: Option<ClimbBody>,
}

/// A climb.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClimbBody {
    /// To which rung.
    #[schema(value_type = String)]
    pub to: Rung,
    /// Why: `{"refusal":"use_…"}`, `{"approval":"apr_…"}` or `{"refused_write":"PATH"}`.
    #[schema(value_type = Object)]
    pub cause: ClimbCause,
}

/// `POST /v1/runs/{id}/files`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FilesBody {
    /// The approval that grants them.
    #[schema(value_type = String)]
    pub approval: ApprovalId,
    /// The item's place in the line that told of them.
    pub index: usize,
    /// What came of it: `{"open":{"at":["PATH"]}}`, `{"next_start":{"reason":"…"}}` or `{"closed":{"cause":"expired"}}`. Left out just
    /// before they are opened; only a 204 lets them be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub widened: Option<Widened>,
}

/// `POST /v1/runs/{id}/end`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndBody {
    /// `exited`, `signalled`, `interrupted`, `agent_crashed`, `shim_crashed`, `timeout`, `abandoned` or `unknown`.
    #[schema(value_type = String)]
    pub cause: EndCause,
    /// The exit code, or the signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// How often something inside tried to get out past the proxy, and got nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strays: Option<u32>,
    /// What was seen of the files it opened, folded: `{"access":"read","path":"/w/src/**","count":7,"refused":false}`. Absent when
    /// nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>, max_items = 200)]
    pub files: Option<Vec<UsedPath>>,
    /// Opens that were noticed, and whose paths could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_unseen: Option<u64>,
}
