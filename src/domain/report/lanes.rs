//! Runs in a report: how each climbed and ended, which files and hosts were open, used, refused and never used, and where what the harness
//! claimed and what was observed cannot both be the whole truth.

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::id::{AgentId, ApprovalId, LayerId, RunId};
use crate::domain::files::{Access, UsedPath};
use crate::domain::inert::Inert;
use crate::domain::principal::Label;
use crate::domain::run::{ClimbCause, PathText, RunEnd, Rung};
use crate::domain::scope::ScopeItem;
use crate::domain::step::{LatestClaim, ObservedStep};
use crate::domain::widening::Widened;

/// What runs did beside using credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lanes {
    /// The runs, in the order of the log.
    pub runs: Vec<RunAccount>,
    /// Hosts that no upstream governs.
    pub network: NetworkLane,
    /// Where claim and observation disagree.
    pub disagreements: Vec<Disagreement>,
    /// What layers say they saw. Nobody else saw it.
    #[serde(default)]
    pub reported: Vec<ReportedRow>,
    /// What is not listed, because there is too much of it.
    pub further: u64,
}

/// Something that a layer says it saw, and how often it says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedRow {
    /// Who says so.
    pub layer: LayerId,
    /// What that layer is called.
    pub layer_name: Label,
    /// The run.
    pub run: RunId,
    /// What kind of thing: `connection`, `refusal` or `file`.
    pub kind: String,
    /// What: a host, a target or a path.
    pub what: String,
    /// The reason of a refusal; the access to a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
    /// How many events; of files, how many opens.
    pub count: u64,
    /// Bytes sent.
    pub bytes_up: u64,
    /// Bytes received.
    pub bytes_down: u64,
    /// When it was first put on record.
    pub first: Timestamp,
    /// When last.
    pub last: Timestamp,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunAccount {
    /// Its id.
    pub id: RunId,
    /// Its agent.
    pub agent: AgentId,
    /// Its profile.
    pub profile: Inert<64>,
    /// Whether it had walls.
    pub walled: bool,
    /// Where on the ladder it began.
    pub began_on: Rung,
    /// The highest rung it stood on.
    pub rung: Rung,
    /// Its climbs.
    pub climbs: Vec<Climb>,
    /// Its workspace.
    #[serde(default)]
    pub workspace: Option<PathText>,
    /// The files its profile opened.
    pub filesystem: Vec<ScopeItem>,
    /// Files that were granted while it went on, and what came of it.
    #[serde(default)]
    pub widenings: Vec<Widening>,
    /// What was seen of its opens; none when nobody looked.
    #[serde(default)]
    pub files: Option<FilesAccount>,
    /// How many steps its harness claimed.
    pub claimed_steps: u64,
    /// When it began.
    pub began_at: Timestamp,
    /// How it ended, if it has.
    pub end: Option<RunEnd>,
    /// When.
    pub ended_at: Option<Timestamp>,
    /// Where its beginning stands.
    pub index: u64,
}

/// Files that were granted to a run while it went on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Widening {
    /// By which approval.
    pub approval: ApprovalId,
    /// What was granted.
    pub item: ScopeItem,
    /// What came of it.
    pub widened: Widened,
    /// When.
    pub at: Timestamp,
    /// Where it stands.
    pub index: u64,
}

/// What was seen of the opens of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesAccount {
    /// What was read and written.
    pub used: Vec<UsedPath>,
    /// Where the walls stood in the way.
    pub refused: Vec<UsedPath>,
    /// What its profile or an approval opened, and nothing touched.
    pub never_touched: Vec<Untouched>,
    /// Opens that were noticed, and whose paths could not be read: with these, nothing is never touched for sure.
    pub unseen: u64,
    /// Lines that are not listed, because there are too many in this report.
    pub further: u64,
}

/// A granted pattern that nothing touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untouched {
    /// For reading or writing.
    pub access: Access,
    /// The pattern, as granted.
    pub path: String,
}

/// One climb.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Climb {
    /// From where.
    pub from: Rung,
    /// To where.
    pub to: Rung,
    /// Why.
    pub cause: ClimbCause,
    /// When.
    pub at: Timestamp,
    /// Where it stands.
    pub index: u64,
}

/// The hosts of runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkLane {
    /// What was open: by the profile or by an approval.
    pub granted: Vec<String>,
    /// What was reached.
    pub used: Vec<HostUsed>,
    /// What was not open, or at an address that is never reached.
    pub refused: Vec<HostRefused>,
    /// What was open and never reached.
    pub never_used: Vec<String>,
}

/// One host that was reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostUsed {
    /// `host:port`.
    pub host: String,
    /// How many connections were opened.
    pub connections: u64,
    /// How many of them nobody has reported the end of.
    pub unfinished: u64,
    /// Bytes sent.
    pub bytes_up: u64,
    /// Bytes received.
    pub bytes_down: u64,
    /// When the first was opened.
    pub first: Timestamp,
    /// When the last was.
    pub last: Timestamp,
}

/// One host that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRefused {
    /// The origin, as it was asked for.
    pub target: String,
    /// Why, in a fixed word.
    pub reason: String,
    /// How often.
    pub count: u64,
    /// When first.
    pub first: Timestamp,
    /// When last.
    pub last: Timestamp,
}

/// A use, connection or refusal that was observed after the harness had said that its newest step was over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disagreement {
    /// The id of the use, the connection or the refusal.
    pub what: String,
    /// What was claimed.
    pub claimed: LatestClaim,
    /// What was observed.
    pub observed: ObservedStep,
    /// When.
    pub at: Timestamp,
    /// Where it stands.
    pub index: u64,
}
