//! The way in of a run: a Unix socket of its own. Who comes through it is the run, and nothing that is sent there makes it
//! anybody else.
//!
//! Each socket lies alone in a directory that only the broker's own user can enter, under a name that cannot be guessed. The walls
//! mount that one directory into the one sandbox. A door is gone with its run, and what a broker before this one left is cleared away.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::gate::Caller;
use crate::base::random::{Random, bytes};

/// The longest path of a socket, in bytes: `sun_path` of Linux without its final zero (unix(7)).
const LONGEST_PATH: usize = 107;

/// Makes doors.
#[derive(Debug)]
pub struct Doors {
    root: PathBuf,
    opened: mpsc::UnboundedSender<Opened>,
}

/// Doors on their way to the proxy that will serve them.
#[derive(Debug)]
pub struct Openings(pub(super) mpsc::UnboundedReceiver<Opened>);

/// A door that wants to be served.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) listener: UnixListener,
    pub(super) caller: Caller,
    pub(super) closing: CancellationToken,
}

/// An open door. Dropped, it is closed: the socket is gone, and every connection that came through it.
#[derive(Debug)]
pub struct Door {
    directory: PathBuf,
    closing: CancellationToken,
}

/// Why there is no door.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The path is longer than a socket's may be.
    #[error("the data directory's path is too long for a socket in it; move it to a shorter one")]
    TooLong,
    /// The directory or the socket could not be made.
    #[error("the socket of a run cannot be made")]
    Io(#[from] io::Error),
    /// There is no randomness.
    #[error(transparent)]
    Random(#[from] crate::base::random::NoRandomness),
}

impl Doors {
    /// Doors under `root`, which is emptied.
    ///
    /// # Errors
    /// When the directory cannot be made or emptied.
    pub fn under(root: &Path) -> io::Result<(Self, Openings)> {
        match fs::remove_dir_all(root) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        DirBuilder::new().mode(0o700).create(root)?;
        let (opened, openings) = mpsc::unbounded_channel();
        Ok((Self { root: root.canonicalize()?, opened }, Openings(openings)))
    }

    /// Opens a door for `caller`.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn open(&self, caller: Caller, random: &dyn Random) -> Result<Door, DoorError> {
        let name = hex::encode(bytes::<8>(random)?);
        let directory = self.root.join(name);
        let closing = CancellationToken::new();
        let path = directory.join(SOCKET);
        if path.as_os_str().len() > LONGEST_PATH {
            return Err(DoorError::TooLong);
        }
        DirBuilder::new().mode(0o700).create(&directory)?;
        let door = Door { directory, closing: closing.clone() };
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        // Nobody serves when nobody listens any more; then the broker is stopping, and so is the run.
        drop(self.opened.send(Opened { listener, caller, closing }));
        Ok(door)
    }
}

/// The socket's name in its directory.
const SOCKET: &str = "proxy.sock";

impl Door {
    /// The socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.join(SOCKET)
    }

    /// Closes it now, whoever still holds on to it.
    pub fn close(&self) {
        self.closing.cancel();
        match fs::remove_dir_all(&self.directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "the socket of a run is left behind; it is cleared away at the next start");
            }
            _ => {}
        }
    }

    /// Resolves when the door is closed.
    #[must_use]
    pub fn closing(&self) -> CancellationToken {
        self.closing.clone()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;
    use crate::base::clock::{ManualClock, Timestamp};
    use crate::base::id::AgentId;
    use crate::base::random::SystemRandomness;

    fn caller(random: &SystemRandomness) -> Caller {
        let clock = ManualClock::at(Timestamp::from_seconds(1));
        Caller::agent(AgentId::new(&clock, random).unwrap())
    }

    #[tokio::test]
    async fn b11_a_door_is_for_its_owner_and_gone_when_closed() {
        let (directory, random) = (tempfile::tempdir().unwrap(), SystemRandomness::default());
        let root = directory.path().join("runs");
        fs::create_dir(&root).unwrap();
        fs::write(root.join("left-over"), "").unwrap();
        let (doors, _openings) = Doors::under(&root).unwrap();
        assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
        let door = doors.open(caller(&random), &random).unwrap();
        let mode = |path: &Path| fs::symlink_metadata(path).unwrap().mode() & 0o777;
        let socket = door.socket();
        assert_eq!((mode(&socket), mode(socket.parent().unwrap()), mode(&root)), (0o600, 0o700, 0o700));
        let closing = door.closing();
        drop(door);
        assert!(closing.is_cancelled() && fs::read_dir(&root).unwrap().next().is_none());
    }

    #[tokio::test]
    async fn a_path_no_socket_can_have_is_said() {
        let (directory, random) = (tempfile::tempdir().unwrap(), SystemRandomness::default());
        let (doors, _openings) = Doors::under(&directory.path().join("x".repeat(100))).unwrap();
        assert!(matches!(doors.open(caller(&random), &random), Err(DoorError::TooLong)));
    }
}
