//! The walls: whether runs can be walled on this machine.

use std::path::PathBuf;

use super::Finding;
use crate::cli::run::missing_of_landlock;
use crate::planes::filesystem::{WallError, bwrap, kernel, seccomp, second_wall};

/// Looks for bubblewrap, user namespaces, seccomp and landlock. A broker alone needs none of them, so nothing here is wrong.
pub(super) fn look() -> Vec<Finding> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path: Vec<_> = std::env::split_paths(&path).collect();
    let program = bwrap::found(&path);
    vec![
        allowed(
            kernel::user_namespaces().and_then(|()| kernel::opens_exactly()).and_then(|()| tried(&program)),
        ),
        built(program.and_then(|program| bwrap::version(&program))),
        filtered(seccomp::probe()),
        second(second_wall::abi()),
        seen(kernel::counts_only()),
    ]
}

/// Whether walls were built just now; none where nobody can build them. This program is what they are built around.
fn tried(program: &Result<PathBuf, WallError>) -> Result<Option<()>, WallError> {
    let Ok(program) = program else { return Ok(None) };
    let own = std::env::current_exe().map_err(|error| WallError::path("this program", error))?;
    bwrap::tried(program, &[own.as_os_str(), "--version".as_ref()]).map(Some)
}

fn built(version: Result<String, WallError>) -> Finding {
    const CHECK: &str = "bubblewrap";
    match version {
        Ok(version) => Finding::ok(CHECK, version),
        Err(error) => Finding::weak(CHECK, format!("`exeat run` cannot work: {error}"), error.remedy()),
    }
}

fn allowed(namespaces: Result<Option<()>, WallError>) -> Finding {
    const CHECK: &str = "user namespaces";
    match namespaces {
        Ok(Some(())) => Finding::ok(CHECK, "walls were built with them just now"),
        Ok(None) => Finding::ok(CHECK, "no setting forbids them; without bubblewrap they were not tried"),
        Err(error) => Finding::weak(CHECK, format!("`exeat run` cannot work: {error}"), error.remedy()),
    }
}

fn filtered(filters: Result<(), WallError>) -> Finding {
    const CHECK: &str = "seccomp";
    match filters {
        Ok(()) => Finding::ok(CHECK, "the kernel takes the filters of a run"),
        Err(error) => Finding::weak(CHECK, format!("`exeat run` cannot work: {error}"), error.remedy()),
    }
}

fn seen(counted: Option<&str>) -> Finding {
    const CHECK: &str = "file opens";
    match counted {
        None => Finding::ok(CHECK, "what a run opens can be seen"),
        Some(which) => Finding::weak(
            CHECK,
            format!("counted without a path: {which}"),
            "as root, where programs of one user may look into each other: sysctl kernel.yama.ptrace_scope=0",
        ),
    }
}

pub(super) fn second(abi: Option<i32>) -> Finding {
    const CHECK: &str = "landlock";
    const REMEDY: &str = "use a kernel with landlock, Linux 6.12 or newer";
    match abi {
        None => Finding::weak(CHECK, "not on this kernel: runs have no second wall", REMEDY),
        Some(abi) if missing_of_landlock(abi).is_empty() => Finding::ok(CHECK, format!("ABI {abi}")),
        Some(abi) => Finding::weak(CHECK, format!("ABI {abi}{}", missing_of_landlock(abi)), REMEDY),
    }
}
