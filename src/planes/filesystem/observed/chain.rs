//! What a process runs, and what started it.

use std::fs;

use super::{ObservedStep, PARENTS, Parent};
use crate::base::crypto::hash::sha256;

/// The longest name of an executable that is told, in bytes.
const LONGEST: usize = 512;

/// The step of this process, if it is still there.
pub(super) fn step(pid: u32) -> Option<ObservedStep> {
    let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let executable = executable(pid)?;
    Some(ObservedStep { pid, executable, command: sha256(&[&command]).to_string(), parents: parents(pid) })
}

/// Up to the agent, whose parent is the shim.
fn parents(of: u32) -> Vec<Parent> {
    let (own, mut parents, mut pid) = (std::process::id(), Vec::new(), of);
    while parents.len() < PARENTS {
        match parent(pid) {
            Some(above) if above > 1 && above != own => pid = above,
            _ => break,
        }
        let Some(executable) = executable(pid) else { break };
        parents.push(Parent { pid, executable });
    }
    parents
}

fn executable(pid: u32) -> Option<String> {
    let path = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let mut text = path.to_string_lossy().into_owned();
    while text.len() > LONGEST {
        let _ = text.pop();
    }
    Some(text)
}

/// The fourth field of proc_pid_stat(5). The second is a name in brackets, and may hold anything.
fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}
