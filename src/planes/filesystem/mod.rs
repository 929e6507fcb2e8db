//! The filesystem plane: walls around a run, and the one way out of them.
//!
//! bubblewrap makes the namespaces and mounts from a [`plan::Plan`]; inside, [`shim`] leads connections to the run's own socket,
//! and [`walls`] puts limits, landlock and seccomp on the process that becomes the agent. `docs/filesystem.md` says what each
//! wall does and does not do.

pub mod bwrap;
mod calls;
pub mod environment;
pub mod ground;
pub mod guard;
pub mod inside;
pub mod kernel;
pub mod limits;
pub mod mounts;
pub mod observed;
pub mod opens;
mod pinned;
pub mod place;
pub mod plan;
pub mod plug;
pub mod profile;
pub mod protect;
pub mod reap;
pub mod seccomp;
pub mod second_wall;
pub mod shim;
pub mod strays;
pub mod trust;
pub mod walls;
pub mod widen;

use std::io;
use std::path::PathBuf;

/// Why a run cannot be walled. Each is found before anything runs.
#[derive(Debug, thiserror::Error)]
pub enum WallError {
    /// The profile makes no sense.
    #[error("the profile {name} cannot be used: {reason}")]
    Profile {
        /// Its name or file.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A path that must be there is not.
    #[error("{path} cannot be used")]
    Path {
        /// The path as it was written.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A path that may not be given to a run.
    #[error("{path} may not be {role}: it {reason}")]
    Place {
        /// The path.
        path: PathBuf,
        /// For what it was named.
        role: &'static str,
        /// Why not.
        reason: String,
    },
    /// A protected path that cannot be protected.
    #[error("{path} cannot be protected: {reason}")]
    Protect {
        /// The path.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// One of the above, in a field of the profile.
    #[error("in the profile, {field}")]
    Field {
        /// The field's path.
        field: String,
        /// What is wrong.
        #[source]
        source: Box<WallError>,
    },
    /// The machine lacks something.
    #[error("{missing}")]
    Machine {
        /// What.
        missing: String,
        /// What to do about it.
        remedy: String,
    },
}

impl WallError {
    pub(crate) fn path(path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        Self::Path { path: path.into(), source: source.into() }
    }

    /// The same, with the field of the profile that named the path.
    pub(crate) fn of_field(self, list: &str, index: usize) -> Self {
        Self::Field { field: format!("{list}[{index}]"), source: Box::new(self) }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &str {
        match self {
            Self::Profile { .. } => "compare it with `exeat run --show-profile workspace-write`",
            Self::Path { .. } => "name a path that exists and that you may read",
            Self::Place { .. } => "name a directory that holds the project and nothing else",
            Self::Protect { .. } => "make it a plain file or directory, or take it off the profile's list",
            Self::Field { source, .. } => source.remedy(),
            Self::Machine { remedy, .. } => remedy,
        }
    }
}
