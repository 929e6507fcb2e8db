//! What layers report: on record as what somebody said, never as what Exeat saw.

use serde::{Deserialize, Serialize};

use super::files::Access;
use super::inert::Inert;
use super::principal::Label;
use super::run::PathText;
use super::usage::Outcome;
use crate::base::clock::Timestamp;
use crate::base::id::{AgentId, ApprovalId, LayerId, RunId, TokenId, UseId};

/// A layer says how a use that it had asked for ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UseReport {
    /// The use.
    #[serde(rename = "use")]
    pub id: UseId,
    /// Its token.
    pub token: TokenId,
    /// Its approval.
    pub approval: ApprovalId,
    /// Its agent.
    pub agent: AgentId,
    /// Its run.
    pub run: Option<RunId>,
    /// Who says so.
    pub layer: LayerId,
    /// How it ended.
    pub outcome: Outcome,
}

/// A layer says that it saw something in a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sighting {
    /// Who says so.
    pub layer: LayerId,
    /// What that layer is called.
    pub layer_name: Label,
    /// The run.
    pub run: RunId,
    /// Its agent.
    pub agent: AgentId,
    /// When, by the layer's own clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said_at: Option<Timestamp>,
    /// What.
    pub saw: Saw,
}

/// What can be seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Saw {
    /// A connection that it let through.
    Connection {
        /// Where to: `host:port`.
        host: Inert<300>,
        /// Bytes sent.
        #[serde(default)]
        bytes_up: u64,
        /// Bytes received.
        #[serde(default)]
        bytes_down: u64,
    },
    /// Something that it refused.
    Refusal {
        /// What was tried.
        target: Inert<1024>,
        /// Why.
        reason: Inert<128>,
    },
    /// Files that were opened.
    File {
        /// For reading or writing.
        access: Access,
        /// Where.
        path: PathText,
        /// How often.
        count: u64,
        /// Whether it was refused.
        #[serde(default)]
        refused: bool,
    },
}

impl Saw {
    /// Its kind, in a word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Connection { .. } => "connection",
            Self::Refusal { .. } => "refusal",
            Self::File { .. } => "file",
        }
    }
}
