//! Files opened by their real path: a link on the way, even one that was put there a moment ago, is refused.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

/// What is at `path`, taken from the directory `from`; neither read nor written. Links end in `LOOP`.
pub(super) fn pinned(from: impl AsFd, path: &Path) -> rustix::io::Result<OwnedFd> {
    let exactly = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    openat2(from, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), exactly)
}
