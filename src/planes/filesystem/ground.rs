//! The ground that the walls of a run stand on: a user namespace of its own around bubblewrap, in which this user may still change mounts
//! when the walls are up. Without it only root could widen them.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::process::{getegid, geteuid};
use rustix::thread::UnshareFlags;

/// Makes the ground, and becomes `command` on it.
///
/// # Errors
/// It returns only when it fails.
pub fn become_builder(command: &[OsString]) -> io::Result<Infallible> {
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNS)?;
    // Whoever maps groups without privilege has to give up setgroups(2) first (user_namespaces(7)).
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{user} {user} 1\n"))?;
    fs::write("/proc/self/gid_map", format!("{group} {group} 1\n"))?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    let mut parts = command.iter();
    let program = parts.next().cloned().unwrap_or_default();
    Err(Command::new(program).args(parts).exec())
}

/// Namespaces of its own for this process, which has one thread.
pub(super) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    #[expect(
        deprecated,
        reason = "unsafe only where descriptors or memory are unshared; only namespaces are, here"
    )]
    rustix::thread::unshare(flags).map_err(Into::into)
}
