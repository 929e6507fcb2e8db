//! What a process runs, and what started it.

use std::fs;

use super::PARENTS;
use crate::base::crypto::hash::sha256;
use crate::domain::inert::Inert;
use crate::domain::step::{ObservedProcess, ObservedStep};

/// The longest name of an executable that is told, in bytes.
const LONGEST: usize = 512;

/// The step of this process, if it is still there.
pub(super) fn step(pid: u32) -> Option<ObservedStep> {
    let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let executable = executable(pid)?;
    Some(ObservedStep { pid, executable, command: sha256(&[&command]), parents: parents(pid) })
}

/// Up to the agent, whose parent is the shim.
fn parents(of: u32) -> Vec<ObservedProcess> {
    let (own, mut parents, mut pid) = (std::process::id(), Vec::new(), of);
    while parents.len() < PARENTS {
        match parent(pid) {
            Some(above) if above > 1 && above != own => pid = above,
            _ => break,
        }
        let Some(executable) = executable(pid) else { break };
        parents.push(ObservedProcess { pid, executable });
    }
    parents
}

/// What could move a cursor or turn a line in the name is written as `\u{…}`: a process does not hide by its name.
fn executable(pid: u32) -> Option<Inert<1024>> {
    let path = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let plain = |c: char| c == ' ' || c.to_string().parse::<Inert<1>>().is_ok();
    let mut text = String::new();
    for c in path.to_string_lossy().trim().chars() {
        let shown = if plain(c) { c.to_string() } else { c.escape_unicode().to_string() };
        if text.len() + shown.len() > LONGEST {
            break;
        }
        text.push_str(&shown);
    }
    text.trim().parse().ok()
}

/// The fourth field of proc_pid_stat(5). The second is a name in brackets, and may hold anything.
fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}
