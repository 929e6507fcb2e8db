//! What the inside of a run is told, and where it finds its things.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::limits::Limits;
use crate::domain::files::UsedFiles;

/// Exeat inside, which is the shim.
pub const EXEAT: &str = "/run/exeat/exeat";
/// The run's own socket.
pub const SOCKET: &str = "/run/exeat/out/socket";
/// The system's authorities and Exeat's, in PEM.
pub const TRUST: &str = "/run/exeat/ca.pem";
/// [`Inside`], as JSON.
pub const WALLS: &str = "/run/exeat/inside.json";
/// The proxy's port on loopback inside.
pub const PORT: u16 = 3128;

/// What the shim, and the process that becomes the agent, are told. Nothing of it is secret: the agent can read it.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, told as JSON")]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inside {
    /// Whether there are walls. Without, only the limits and the way out are left.
    pub walled: bool,
    /// The proxy's port on loopback; 0 picks one.
    pub port: u16,
    /// The run's own socket.
    pub socket: PathBuf,
    /// Authorities, in PEM.
    pub trust: PathBuf,
    /// What may be read.
    pub read: Vec<PathBuf>,
    /// What may be read and written.
    pub write: Vec<PathBuf>,
    /// What may be opened later, and is left to the mounts.
    pub room: Vec<PathBuf>,
    /// The home directory, which is empty.
    pub home: PathBuf,
    /// Whether the files that it opens are watched.
    pub observed: bool,
    /// What must be a mount of its own as long as the run lasts.
    pub guarded: Vec<PathBuf>,
    /// Whether programs may speak TCP to each other.
    pub loopback: bool,
    /// Whether standard input is a terminal of the run's own.
    pub terminal: bool,
    /// What it may take.
    pub limits: Limits,
    /// The descriptor on which the shim says how it goes, a line each.
    pub status: i32,
    /// The descriptor on which it is told which signals to pass on, a byte each.
    pub control: i32,
}

/// What the shim says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The walls stand, and the agent is started.
    Ready,
    /// What was seen of its opens. It comes before how it ended.
    Used(UsedFiles),
    /// The agent ended by itself.
    Exited(u8),
    /// A signal ended it.
    Signalled(u8),
    /// So often something tried to get out past the proxy, and got nowhere.
    Strays(u32),
    /// A protected path is no longer the mount it was made; the run was ended.
    Lost(PathBuf),
    /// Its opens could not be seen any more; the run was ended.
    Unwatched(String),
    /// The walls could not be made.
    Failed(String),
}
