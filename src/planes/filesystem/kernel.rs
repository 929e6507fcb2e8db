//! What this machine has to build walls with.

use std::fs;
use std::path::Path;

use rustix::fs::CWD;
use rustix::io::Errno;

use super::WallError;
use super::pinned::pinned;

/// Refuses where user namespaces are known to be forbidden. Some policies show only when one is made.
///
/// # Errors
/// When they are forbidden, with how to allow them.
pub fn user_namespaces() -> Result<(), WallError> {
    let root = rustix::process::geteuid().is_root();
    match forbidden(root, |name| fs::read_to_string(Path::new("/proc/sys").join(name)).ok()) {
        Some((why, remedy)) => Err(WallError::Machine {
            missing: format!("user namespaces, of which the walls are built, are forbidden here: {why}"),
            remedy: remedy.to_owned(),
        }),
        None => Ok(()),
    }
}

/// Refuses a kernel that cannot open a path without following links.
///
/// # Errors
/// On Linux before 5.6, or where a filter takes the call away.
pub fn opens_exactly() -> Result<(), WallError> {
    match pinned(CWD, Path::new("/")) {
        Err(Errno::NOSYS) => Err(WallError::Machine {
            missing: "this kernel has no openat2, or a filter takes it away".to_owned(),
            remedy: "use Linux 5.6 or newer; in a container, a seccomp profile that lets openat2 through"
                .to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Why the opens of a run are only counted here, in part or all of them: Yama keeps its processes from being looked into.
#[must_use]
pub fn counts_only() -> Option<&'static str> {
    counted(fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").ok()?.trim())
}

fn counted(scope: &str) -> Option<&'static str> {
    match scope {
        "0" => None,
        "1" => Some("those of programs that outlive their parent (kernel.yama.ptrace_scope is 1)"),
        _ => Some("all of them (kernel.yama.ptrace_scope is above 1)"),
    }
}

/// What a failure to build the walls may have as its cause, for a person to try.
pub const WHEN_BUILDING_FAILS: &str = "if bwrap says `Operation not permitted`, allow user namespaces: in a container, run it with \
a seccomp and AppArmor profile that lets them through (docker run --security-opt seccomp=… --security-opt apparmor=unconfined); on \
Ubuntu, give bwrap an AppArmor profile with `userns`, or sysctl kernel.apparmor_restrict_unprivileged_userns=0";

fn forbidden(root: bool, setting: impl Fn(&str) -> Option<String>) -> Option<(String, &'static str)> {
    let is = |name: &str, value: &str| setting(name).is_some_and(|found| found.trim() == value);
    if is("user/max_user_namespaces", "0") {
        let why = "user.max_user_namespaces is 0".to_owned();
        return Some((why, "as root: sysctl user.max_user_namespaces=15000"));
    }
    if !root && is("kernel/unprivileged_userns_clone", "0") {
        let why = "kernel.unprivileged_userns_clone is 0".to_owned();
        return Some((why, "as root: sysctl kernel.unprivileged_userns_clone=1"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_processes_may_not_be_looked_into_opens_are_counted() {
        assert_eq!(counted("0"), None);
        assert!(counted("1").is_some_and(|which| which.contains("outlive")));
        assert!(counted("2").is_some_and(|which| which.contains("all")));
        assert!(counted("3").is_some());
    }

    #[test]
    fn a_machine_that_forbids_user_namespaces_is_told_how_to_allow_them() {
        let with = |name: &'static str, value: &'static str| {
            move |asked: &str| (asked == name).then(|| format!("{value}\n"))
        };
        assert!(forbidden(true, with("user/max_user_namespaces", "0")).is_some());
        assert!(forbidden(false, with("kernel/unprivileged_userns_clone", "0")).is_some());
        assert!(forbidden(true, with("kernel/unprivileged_userns_clone", "0")).is_none());
        assert!(forbidden(false, with("user/max_user_namespaces", "31000")).is_none());
    }
}
