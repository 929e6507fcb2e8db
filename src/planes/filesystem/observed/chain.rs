//! What a process runs, and what started it.

use super::PARENTS;
use super::process::Process;
use crate::base::crypto::hash::sha256;
use crate::domain::inert::Inert;
use crate::domain::step::{ObservedProcess, ObservedStep};

/// The longest name of an executable that is told, in bytes.
const LONGEST: usize = 512;

/// The step of this process, if it is still there.
pub(super) fn step(process: &Process) -> Option<ObservedStep> {
    let command = process.file("cmdline")?;
    let executable = executable(process)?;
    Some(ObservedStep {
        pid: process.pid,
        executable,
        command: sha256(&[&command]),
        parents: parents(process),
    })
}

/// Up to the agent, whose parent is the shim.
fn parents(of: &Process) -> Vec<ObservedProcess> {
    let (own, mut parents) = (std::process::id(), Vec::new());
    let mut above = parent(of);
    while parents.len() < PARENTS {
        let Some(process) = above.filter(|pid| *pid > 1 && *pid != own).and_then(Process::open) else {
            break;
        };
        let Some(executable) = executable(&process) else { break };
        parents.push(ObservedProcess { pid: process.pid, executable });
        above = parent(&process);
    }
    parents
}

/// What could move a cursor or turn a line in the name is written as `\u{…}`: a process does not hide by its name.
fn executable(process: &Process) -> Option<Inert<1024>> {
    let path = process.link("exe")?;
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
fn parent(process: &Process) -> Option<u32> {
    let stat = String::from_utf8_lossy(&process.file("stat")?).into_owned();
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}
