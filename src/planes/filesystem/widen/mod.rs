//! Widening the walls of a run that goes on, and closing them again.
//!
//! What was granted is worked out by `Plan::widening` (`plan.rs`) and done by a process of its own (`mounts.rs`), because it has to
//! enter the run's namespaces. The mounts decide; landlock, which cannot be widened, leaves to them what may come ([`room`]).

mod attach;
mod links;
mod mounts;
mod plan;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use mounts::carry_out;
pub use plan::{Unwidened, Widening};

/// Where what is granted from outside the workspace shows in a run.
pub const GRANTED: &str = "/run/exeat/granted";

/// One step of widening a run, or of closing it again. Every path is real.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// A directory that is a mount of its own, and is shown in its place, may be written.
    Unseal {
        /// Which.
        at: PathBuf,
    },
    /// It may be written no more.
    Seal {
        /// Which.
        at: PathBuf,
    },
    /// What is in the workspace becomes a mount of its own, over itself.
    Cover {
        /// Which.
        at: PathBuf,
        /// Whether it may be written.
        write: bool,
    },
    /// What is outside shows in [`GRANTED`], and from its own path a link leads there if nothing is in its place.
    Grant {
        /// What.
        from: PathBuf,
        /// Its name in [`GRANTED`].
        name: String,
        /// Whether it may be written.
        write: bool,
    },
    /// What was covered or granted is so no more.
    Uncover {
        /// Where.
        at: PathBuf,
        /// Whether it could be written.
        write: bool,
    },
}

impl Step {
    /// What takes it back.
    #[must_use]
    pub fn undone(&self) -> Option<Self> {
        match self {
            Self::Unseal { at } => Some(Self::Seal { at: at.clone() }),
            Self::Cover { at, write } => Some(Self::Uncover { at: at.clone(), write: *write }),
            Self::Grant { name, write, .. } => {
                Some(Self::Uncover { at: Path::new(GRANTED).join(name), write: *write })
            }
            Self::Seal { .. } | Self::Uncover { .. } => None,
        }
    }
}

/// What the process that widens is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// A process on the ground that the walls stand on.
    pub ground: u32,
    /// A process behind the walls.
    pub inside: u32,
    /// What to do, in order.
    pub steps: Vec<Step>,
}

impl Order {
    /// For the walls that the process `builder` built: the first that it started is behind them. None when they do not stand any more.
    #[must_use]
    pub fn of(builder: u32, steps: Vec<Step>) -> Option<Self> {
        let started = std::fs::read_to_string(format!("/proc/{builder}/task/{builder}/children")).ok()?;
        let inside = started.split_whitespace().next()?.parse().ok()?;
        Some(Self { ground: builder, inside, steps })
    }
}

/// What it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All was done; from these paths links lead to what was granted.
    Done {
        /// The paths.
        linked: Vec<PathBuf>,
    },
    /// Nothing was done.
    Failed(String),
    /// A file is open for writing, so it could not be closed.
    Busy,
    /// Part of it was done, and could not be undone; or nobody knows.
    Torn,
}

/// What landlock leaves to the mounts, because it may be opened later.
#[must_use]
pub fn room(workspace: &Path, writable: bool) -> Vec<PathBuf> {
    let mut room = vec![PathBuf::from(GRANTED)];
    if !writable {
        room.push(workspace.to_owned());
    }
    room
}
