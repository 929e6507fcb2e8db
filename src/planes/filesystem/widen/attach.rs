//! Mounts that are made ready where nobody sees them, and then put in their place as they are.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, FileType, StatVfsMountFlags, fstatvfs, statat};
use rustix::mount::{
    MountFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount, mount_remount, move_mount, open_tree,
    unmount,
};
use rustix::process::fchdir;

use crate::planes::filesystem::pinned::pinned;

/// Where mounts are made ready, in a mount namespace that nobody else is in.
const BENCH: &str = "/tmp";
/// How often a mount is tried to be made read-only, and what lies between: the kernel refuses while a file is open for writing.
const TURNS: usize = 100;
const TURN: Duration = Duration::from_millis(1);
/// Bytes of it; it holds only names.
const BENCH_SIZE: &std::ffi::CStr = c"mode=700,size=1m";

/// Which file something is: device and number.
pub(super) type Identity = (u64, u64);

/// Which file that is.
pub(super) fn identity(file: impl AsFd) -> io::Result<Identity> {
    let found = statat(file, "", AtFlags::EMPTY_PATH)?;
    Ok((found.st_dev, found.st_ino))
}

/// Makes what a mount of `file` can be put on.
pub(super) fn stand_in(place: &Path, file: impl AsFd) -> io::Result<()> {
    if is_directory(file)? { fs::create_dir(place) } else { File::create_new(place).map(drop) }
}

fn is_directory(file: impl AsFd) -> io::Result<bool> {
    Ok(FileType::from_raw_mode(statat(file, "", AtFlags::EMPTY_PATH)?.st_mode).is_dir())
}

/// The bench, empty. Called once, in a mount namespace of one's own.
pub(super) fn bench() -> io::Result<()> {
    mount("exeat", BENCH, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, BENCH_SIZE)?;
    Ok(())
}

/// A copy of the mount at `file`, of it and nothing mounted below, attached nowhere.
pub(super) fn copy_of(file: impl AsFd) -> io::Result<OwnedFd> {
    let alone =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    open_tree(file, "", alone).map_err(|error| match error {
        rustix::io::Errno::INVAL => io::Error::other("another filesystem is mounted below it"),
        error => error.into(),
    })
}

/// Attaches a copy on the bench, and gives its place there.
pub(super) fn on_bench(copy: impl AsFd, name: &str, write: bool) -> io::Result<PathBuf> {
    let place = Path::new(BENCH).join(name);
    stand_in(&place, &copy)?;
    let kept = restrictions(&copy)?;
    move_mount(&copy, "", CWD, &place, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    set(&place, kept, write)?;
    Ok(place)
}

/// A copy of `file` with exactly this access, attached nowhere.
pub(super) fn ready(file: impl AsFd, name: &str, write: bool) -> io::Result<OwnedFd> {
    let place = on_bench(copy_of(file)?, name, write)?;
    copy_of(pinned(CWD, &place)?)
}

/// A mount behind the walls, by the directory it is in: nothing that happens to the way there can lead elsewhere, and a name at which
/// something is mounted is neither moved nor replaced.
pub(super) struct Mounted {
    parent: OwnedFd,
    name: PathBuf,
    file: OwnedFd,
}

impl Mounted {
    /// What shows at `path`.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        let name = path.file_name().map(PathBuf::from).ok_or(io::ErrorKind::InvalidInput)?;
        let parent = pinned(CWD, path.parent().unwrap_or(path))?;
        let file = pinned(&parent, &name)?;
        Ok(Self { parent, name, file })
    }

    /// Which file shows there.
    pub(super) fn shows(&self) -> io::Result<Identity> {
        identity(&self.file)
    }

    /// Puts a mount that is ready over it.
    pub(super) fn cover(&self, ready: impl AsFd) -> io::Result<()> {
        let both = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        Ok(move_mount(ready, "", &self.file, "", both)?)
    }

    /// Sets whether it may be written. A program that writes one file after the other is caught between two of them.
    pub(super) fn set(&self, write: bool) -> io::Result<()> {
        let kept = restrictions(&self.file)?;
        fchdir(&self.parent)?;
        for _ in 1..TURNS {
            match set(&self.name, kept, write) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => std::thread::sleep(TURN),
                done => return done,
            }
        }
        set(&self.name, kept, write)
    }

    /// Takes it away. What was opened through it, and who stands in it, keeps it.
    pub(super) fn take_away(&self) -> io::Result<()> {
        fchdir(&self.parent)?;
        Ok(unmount(&self.name, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW)?)
    }
}

fn set(place: &Path, kept: MountFlags, write: bool) -> io::Result<()> {
    let access = if write { MountFlags::empty() } else { MountFlags::RDONLY };
    let always = MountFlags::BIND | MountFlags::NOSUID | MountFlags::NODEV;
    Ok(mount_remount(place, always | kept | access, c"")?)
}

/// What the mount forbids beside writing; the kernel keeps the rest (mount(2), MS_REMOUNT with MS_BIND).
fn restrictions(file: impl AsFd) -> io::Result<MountFlags> {
    let found = fstatvfs(file)?.f_flag;
    Ok(if found.contains(StatVfsMountFlags::NOEXEC) { MountFlags::NOEXEC } else { MountFlags::empty() })
}
