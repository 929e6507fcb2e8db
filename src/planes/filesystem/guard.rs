//! Watches from inside that every protected path is still the mount it was made.
//!
//! Nothing inside can take a mount away. Somebody outside can, without knowing: `git config` writes a new file and renames it over
//! `.git/config`, and the mount goes with the old one. The run is then ended: its protection was part of what was granted.

use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};

/// The first of `paths` that is not a mount of its own.
#[must_use]
pub fn lost(paths: &[PathBuf]) -> Option<&Path> {
    paths.iter().map(PathBuf::as_path).find(|path| !is_mount(path))
}

fn is_mount(path: &Path) -> bool {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    statx(CWD, path, flags, StatxFlags::TYPE)
        .is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}
