//! The walls: whether runs can be walled on this machine.

use super::Finding;
use crate::cli::run::missing_of_landlock;
use crate::planes::filesystem::{WallError, bwrap, kernel, second_wall};

/// Looks for bubblewrap, user namespaces and landlock. A broker alone needs none of them, so nothing here is wrong.
pub(super) fn look() -> Vec<Finding> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path: Vec<_> = std::env::split_paths(&path).collect();
    vec![
        built(bwrap::found(&path).and_then(|program| bwrap::version(&program))),
        allowed(kernel::user_namespaces()),
        second(second_wall::abi()),
    ]
}

fn built(version: Result<String, WallError>) -> Finding {
    const CHECK: &str = "bubblewrap";
    match version {
        Ok(version) => Finding::ok(CHECK, version),
        Err(error) => Finding::weak(CHECK, format!("`exeat run` cannot work: {error}"), error.remedy()),
    }
}

fn allowed(namespaces: Result<(), WallError>) -> Finding {
    const CHECK: &str = "user namespaces";
    match namespaces {
        Ok(()) => Finding::ok(CHECK, "no setting forbids them"),
        Err(error) => Finding::weak(CHECK, format!("`exeat run` cannot work: {error}"), error.remedy()),
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
