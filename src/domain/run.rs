//! A run: one execution of one agent, on one rung of the ladder. It climbs by recorded steps, never back, and ends once.

use serde::{Deserialize, Serialize};

use super::identity::Identity;
use super::inert::Inert;
use super::name::Name;
use super::scope::ScopeItem;
use super::step::ClaimedStep;
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::base::id::{AgentId, ApprovalId, RunId, UseId};

/// A path on the machine of the run, as it was named.
pub type PathText = Inert<1024>;

/// How high a run stands. Each rung has what those below it have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rung {
    /// Reads the workspace.
    ReadOnly,
    /// Writes inside the workspace.
    WorkspaceWrite,
    /// Reaches named hosts, every connection on record.
    Networked,
    /// Uses credentials, each after an approval.
    Credentialed,
}

impl Rung {
    /// The ladder, from the ground.
    pub const ALL: [Self; 4] = [Self::ReadOnly, Self::WorkspaceWrite, Self::Networked, Self::Credentialed];

    /// The rung's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::WorkspaceWrite => "workspace-write",
            Self::Networked => "networked",
            Self::Credentialed => "credentialed",
        }
    }
}

impl std::str::FromStr for Rung {
    type Err = UnknownRung;

    fn from_str(text: &str) -> Result<Self, UnknownRung> {
        Self::ALL.into_iter().find(|rung| rung.as_str() == text).ok_or(UnknownRung)
    }
}

/// The text does not name a rung.
#[derive(Debug, thiserror::Error)]
#[error("expected `read-only`, `workspace-write`, `networked` or `credentialed`")]
pub struct UnknownRung;

/// A run as it was started. Whether it has walls is said by its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Its id.
    #[serde(rename = "run")]
    pub id: RunId,
    /// The agent.
    pub agent: AgentId,
    /// The name of the profile that shaped its walls.
    pub profile: Inert<64>,
    /// Where on the ladder it started.
    pub rung: Rung,
    /// The workspace.
    pub workspace: Option<PathText>,
    /// SHA-256 of the command that was run.
    pub command: Option<Digest>,
    /// The files that its profile opened from the start.
    pub filesystem: Vec<ScopeItem>,
    /// The hosts that its profile opened from the start.
    pub network: Vec<ScopeItem>,
    /// What its placeholders stand for.
    pub stand_ins: Vec<StandIn>,
    /// For how many seconds a refused request is held while a person decides.
    pub wait_seconds: u32,
    /// When it began.
    pub began_at: Timestamp,
    /// When it ends at the latest (I8).
    pub expires_at: Timestamp,
}

/// What a placeholder stands for: the run's newest live approval for this upstream and identity, whichever that is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandIn {
    /// The upstream.
    pub upstream: Name,
    /// Whom the upstream will see, chosen by who started the run (I4).
    pub identity: Identity,
}

/// A run, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecord {
    /// As it was started.
    pub run: Run,
    /// Counts up with every change; a write names the one it follows.
    pub revision: u64,
    /// How far it has come.
    pub state: RunState,
}

/// Under way, or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum RunState {
    /// Under way, on this rung.
    Running {
        /// Where on the ladder.
        rung: Rung,
    },
    /// Over.
    Ended {
        /// The highest rung it stood on.
        rung: Rung,
        /// How.
        end: RunEnd,
        /// When.
        at: Timestamp,
    },
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunEnd {
    /// Why.
    pub cause: EndCause,
    /// The exit code of the agent, or the signal that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// How often something inside tried to get out past the proxy, and got nowhere, as the shim saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strays: Option<u32>,
}

impl RunEnd {
    /// It ended for this cause; nobody said more.
    #[must_use]
    pub const fn of(cause: EndCause) -> Self {
        Self { cause, exit: None, strays: None }
    }
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndCause {
    /// The agent ended by itself.
    Exited,
    /// A signal ended the agent.
    Signalled,
    /// The person at the terminal ended it.
    Interrupted,
    /// The agent could not go on.
    AgentCrashed,
    /// The shim inside could not go on.
    ShimCrashed,
    /// Its time was up.
    Timeout,
    /// The broker stopped.
    BrokerStopped,
    /// Its agent was removed.
    AgentRemoved,
    /// What started it went away without a word: it was killed, or cut off.
    Abandoned,
    /// Nobody reported how: a broker found it open when it started.
    Unknown,
}

/// What made a run climb. It explains the climb; what is open on a rung is granted by approvals and by the profile, never by a climb.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClimbCause {
    /// A refused use or connection.
    Refusal(UseId),
    /// An approval.
    Approval(ApprovalId),
    /// A write that the walls refused, by its path.
    RefusedWrite(PathText),
}

/// A step that the harness claims: begun, or over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// What.
    pub claimed: ClaimedStep,
    /// Whether it is over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over: bool,
}

/// The run does not do that from where it is.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RunRefused {
    /// It has ended.
    #[error("the run has ended")]
    Ended,
    /// It stands there already, or higher.
    #[error("the run stands on `{}` already", .0.as_str())]
    NotHigher(Rung),
}

impl RunRecord {
    /// A run that begins.
    #[must_use]
    pub const fn started(run: Run) -> Self {
        let rung = run.rung;
        Self { run, revision: 0, state: RunState::Running { rung } }
    }

    /// Where it stands, or stood at its end.
    #[must_use]
    pub const fn rung(&self) -> Rung {
        match self.state {
            RunState::Running { rung } | RunState::Ended { rung, .. } => rung,
        }
    }

    /// Whether it is under way.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        matches!(self.state, RunState::Running { .. })
    }

    /// It climbs to `to`.
    ///
    /// # Errors
    /// When it has ended or stands that high already.
    pub fn climb(self, to: Rung) -> Result<Self, RunRefused> {
        match self.state {
            RunState::Ended { .. } => Err(RunRefused::Ended),
            RunState::Running { rung } if rung >= to => Err(RunRefused::NotHigher(rung)),
            RunState::Running { .. } => {
                Ok(Self { revision: self.revision + 1, state: RunState::Running { rung: to }, ..self })
            }
        }
    }

    /// It ends.
    ///
    /// # Errors
    /// When it has ended before.
    pub fn end(self, end: RunEnd, at: Timestamp) -> Result<Self, RunRefused> {
        match self.state {
            RunState::Ended { .. } => Err(RunRefused::Ended),
            RunState::Running { rung } => {
                Ok(Self { revision: self.revision + 1, state: RunState::Ended { rung, end, at }, ..self })
            }
        }
    }

    /// Whether this may be written over `before`.
    #[must_use]
    pub fn follows(&self, before: &Self) -> bool {
        self.run == before.run
            && self.revision == before.revision + 1
            && match (&before.state, &self.state) {
                (RunState::Running { rung: from }, RunState::Running { rung: to }) => from < to,
                (RunState::Running { rung: from }, RunState::Ended { rung, .. }) => from == rung,
                (RunState::Ended { .. }, _) => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::Rung;

    #[test]
    fn the_ladder_is_in_the_order_of_the_design() {
        assert!(Rung::ALL.is_sorted());
        for rung in Rung::ALL {
            assert_eq!(rung.as_str().parse::<Rung>().unwrap(), rung);
            assert_eq!(serde_json::to_value(rung).unwrap(), rung.as_str());
        }
    }
}
