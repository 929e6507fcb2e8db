//! What stands, while a run lasts, at a protected name that does not exist.
//!
//! A mount needs something to be put on, so something is made in the workspace itself: an empty directory that nobody may write
//! into, which git does not see, or a file with harmless content. It is removed when the last run that needs it has ended. What a killed
//! run leaves behind, the next one takes away.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};

use super::WallError;
use super::protect::Protection;

/// Nobody may write into it: that, and that it is empty, tells a plug from what a person made.
const MODE: u32 = 0o555;
/// How often a name may change hands between two runs before this gives up.
const TURNS: usize = 16;

/// Plugs of one run; they go when this goes.
#[derive(Debug, Default)]
pub struct Plugs(Vec<Plug>);

#[derive(Debug)]
struct Plug {
    path: PathBuf,
    lock: File,
    content: Option<String>,
}

impl Plugs {
    /// Puts a plug at every name that the protection bars or holds, and keeps those that other runs put there.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn put(protection: &Protection) -> Result<Self, WallError> {
        let barred = protection.barred.iter().map(|path| (path, None));
        let held = protection.held.iter().map(|(path, content)| (path, Some(content.as_str())));
        let mut plugs = Self::default();
        for (path, content) in barred.chain(held) {
            plugs.0.push(Plug::at(path, content).map_err(|error| WallError::path(path, error))?);
        }
        Ok(plugs)
    }
}

impl Plug {
    fn at(path: &Path, content: Option<&str>) -> io::Result<Self> {
        for _ in 0..TURNS {
            match content {
                None => made(DirBuilder::new().mode(MODE).create(path))?,
                Some(content) => {
                    let file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path);
                    made(file.and_then(|mut file| file.write_all(content.as_bytes())))?;
                }
            }
            if let Some(lock) = shared(path)? {
                return Ok(Self { path: path.to_owned(), lock, content: content.map(ToOwned::to_owned) });
            }
        }
        Err(io::Error::from(io::ErrorKind::ResourceBusy))
    }
}

impl Drop for Plug {
    fn drop(&mut self) {
        // Another run that needs it holds the lock, and will remove it.
        if flock(&self.lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return;
        }
        let unchanged =
            |content: &String| fs::read(&self.path).is_ok_and(|found| found == content.as_bytes());
        let _ = match &self.content {
            Some(content) if unchanged(content) => fs::remove_file(&self.path),
            None if is_plug(&self.path) => fs::remove_dir(&self.path),
            _ => Ok(()),
        };
    }
}

/// Made now, or there already.
fn made(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// A shared lock on what stands there, if it still does once locked.
fn shared(path: &Path) -> io::Result<Option<File>> {
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0);
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    flock(&file, FlockOperation::NonBlockingLockShared)?;
    let (ours, there) = (file.metadata()?, fs::symlink_metadata(path));
    let same = there.is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino()));
    Ok(same.then_some(file))
}

/// Whether a plug stands there: to everybody else, nothing does.
pub(super) fn is_plug(path: &Path) -> bool {
    let marked = |found: &fs::Metadata| found.is_dir() && found.permissions().mode() & 0o222 == 0;
    fs::symlink_metadata(path).is_ok_and(|found| marked(&found))
        && fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}
