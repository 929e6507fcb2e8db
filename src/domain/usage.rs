//! Uses: one upstream request that carries a credential (G11), from permit to outcome.

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::id::{AgentId, ApprovalId, CredentialId, RunId, TokenId, UpstreamId, UseId};
use crate::domain::identity::Identity;
use crate::domain::layer::Via;
use crate::domain::step::SeenStep;

/// A use that is about to begin: what the ledger will say before any byte carries a credential (I2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UseStart {
    /// Its id.
    #[serde(rename = "use")]
    pub id: UseId,
    /// The token that allows it.
    pub token: TokenId,
    /// The approval behind the token.
    pub approval: ApprovalId,
    /// The agent.
    pub agent: AgentId,
    /// The run.
    pub run: Option<RunId>,
    /// Whom the upstream sees.
    pub identity: Identity,
    /// The upstream.
    pub upstream: UpstreamId,
    /// The credential.
    pub credential: CredentialId,
    /// The credential's version.
    pub credential_version: u64,
    /// Which of the token's items allows it.
    pub item: usize,
    /// Method and URL, with query values masked.
    pub target: String,
    /// The address that is dialled.
    pub address: Option<std::net::SocketAddr>,
    /// When.
    pub at: Timestamp,
    /// The layer that asked and makes the request, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// What the agent was doing, as far as anybody knew.
    #[serde(default, skip_serializing_if = "SeenStep::is_empty")]
    pub step: SeenStep,
}

/// The refusal of a use. Its id becomes the step of the request that follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UseRefusal {
    /// Its id.
    #[serde(rename = "use")]
    pub id: UseId,
    /// The agent.
    pub agent: AgentId,
    /// The token that was shown, if it was one of ours.
    pub token: Option<TokenId>,
    /// The approval behind it.
    pub approval: Option<ApprovalId>,
    /// The run.
    pub run: Option<RunId>,
    /// The problem's name.
    pub problem: String,
    /// Why, in a fixed word; more than the agent is told.
    pub reason: String,
    /// Method and URL, with query values masked; what could be read of it.
    pub target: Option<String>,
    /// The layer that asked, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// What the agent was doing, as far as anybody knew.
    #[serde(default, skip_serializing_if = "SeenStep::is_empty")]
    pub step: SeenStep,
}

/// How a use ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The upstream's status, if it answered.
    pub status: Option<u16>,
    /// Body bytes sent to the upstream.
    pub bytes_up: u64,
    /// Body bytes received from it.
    pub bytes_down: u64,
    /// What broke it, in a fixed word: `client_gone`, `request_broke`, `upstream_unreachable`,
    /// `upstream_broke`, `cut`, `credential_not_placeable`, `credential_not_opened`, `answer_unreadable`.
    pub broken: Option<String>,
    /// How many times the credential stood in the answer and was masked there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked: Option<NonZeroU64>,
}

impl Outcome {
    /// Of a use of which nothing went to its upstream, for one of the fixed words.
    #[must_use]
    pub fn unsent(broken: &str) -> Self {
        Self { status: None, bytes_up: 0, bytes_down: 0, broken: Some(broken.to_owned()), masked: None }
    }
}
