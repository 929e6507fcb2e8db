//! Links from where a program looks to where what was granted shows. They are made only in the run's own memory: its root and its home.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxFlags, mkdirat, openat, statx, symlinkat};
use rustix::io::Errno;

use crate::planes::filesystem::pinned::pinned;

/// Where a link can be made: a directory in memory, and what is missing below it.
pub(super) struct Missing {
    parent: Parent,
    names: Vec<PathBuf>,
}

enum Parent {
    /// The run's home, which it may write itself.
    Home(OwnedFd),
    /// The run's root, which is sealed: by its path from there.
    Root(PathBuf),
}

/// Looks, behind the walls, for the place of a link at `path`. None where something is there already, or where it could only be made
/// in what is not the run's own.
pub(super) fn missing(path: &Path) -> io::Result<Option<Missing>> {
    let mut names = Vec::new();
    let mut parent = path.to_owned();
    loop {
        match pinned(CWD, &parent) {
            Ok(_) if names.is_empty() => return Ok(None),
            Ok(directory) => {
                names.reverse();
                return Ok(in_memory(directory, &parent)?.map(|parent| Missing { parent, names }));
            }
            Err(Errno::NOENT) => {}
            // A link or a file is on the way.
            Err(_) => return Ok(None),
        }
        let Some(name) = parent.file_name().map(PathBuf::from) else { return Ok(None) };
        names.push(name);
        if !parent.pop() {
            return Ok(None);
        }
    }
}

fn in_memory(directory: OwnedFd, path: &Path) -> io::Result<Option<Parent>> {
    let mount = |at: &Path| -> io::Result<u64> {
        Ok(statx(CWD, at, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::MNT_ID)?.stx_mnt_id)
    };
    if mount(path)? == mount(Path::new("/"))? {
        let within: PathBuf = path.components().filter(|part| *part != Component::RootDir).collect();
        return Ok(Some(Parent::Root(within)));
    }
    let memory = rustix::fs::fstatfs(&directory)?.f_type == TMPFS;
    let sealed = rustix::fs::fstatvfs(&directory)?.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY);
    Ok((memory && !sealed).then_some(Parent::Home(directory)))
}

/// `TMPFS_MAGIC` (linux/magic.h).
const TMPFS: rustix::fs::FsWord = 0x0102_1994;

/// Makes the link to `target`. `root` is where the run's root may be written.
pub(super) fn make(missing: Missing, root: &Path, target: &Path) -> io::Result<()> {
    let Missing { parent, names } = missing;
    let mut at = match parent {
        Parent::Home(directory) => directory,
        Parent::Root(within) => pinned(CWD, &fs::canonicalize(root)?.join(within))?,
    };
    let Some((last, between)) = names.split_last() else { return Ok(()) };
    for name in between {
        mkdirat(&at, name, Mode::from_raw_mode(0o755))?;
        at = openat(&at, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::DIRECTORY, Mode::empty())?;
    }
    Ok(symlinkat(target, &at, last)?)
}
