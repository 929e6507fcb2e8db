//! What a process runs, and what started it.

use std::collections::VecDeque;

use super::PARENTS;
use super::process::Process;
use crate::base::crypto::hash::sha256;
use crate::domain::inert::Inert;
use crate::domain::step::{ObservedProcess, ObservedStep};

/// The longest name of an executable that is told, in bytes.
const LONGEST: usize = 512;

/// How many parents are held for the next time.
const HELD: usize = 32;

/// Tells what started a process, and holds whoever it met: most connections of a run have the same parents.
#[derive(Debug, Default)]
pub(super) struct Parents {
    held: VecDeque<Process>,
}

impl Parents {
    /// The step of this process, if it is still there.
    pub(super) fn step(&mut self, process: &Process) -> Option<ObservedStep> {
        let command = process.command()?;
        let executable = executable(process)?;
        Some(ObservedStep {
            pid: process.pid,
            executable,
            command: sha256(&[&command]),
            parents: self.of(process),
        })
    }

    /// Up to the agent, whose parent is the shim.
    fn of(&mut self, process: &Process) -> Vec<ObservedProcess> {
        let (own, mut parents) = (std::process::id(), Vec::new());
        let mut above = parent(process);
        while parents.len() < PARENTS {
            let Some(pid) = above.filter(|pid| *pid > 1 && *pid != own) else { break };
            let Some((executable, next)) = self.look(pid) else { break };
            parents.push(ObservedProcess { pid, executable });
            above = Some(next);
        }
        parents
    }

    /// What a process runs, and its parent. One that is held and has ended says nothing: its number may be another's by now.
    fn look(&mut self, pid: u32) -> Option<(Inert<1024>, u32)> {
        let told = |process: &Process| Some((executable(process)?, parent(process)?));
        if let Some(told) = self.held.iter().find(|held| held.pid == pid).and_then(told) {
            return Some(told);
        }
        self.held.retain(|held| held.pid != pid);
        let process = Process::open(pid)?;
        let told = told(&process)?;
        self.held.push_front(process);
        self.held.truncate(HELD);
        Some(told)
    }
}

/// What could move a cursor or turn a line in the name is written as `\u{…}`: a process does not hide by its name.
fn executable(process: &Process) -> Option<Inert<1024>> {
    let path = process.link("exe")?;
    if let Some(text) = path.to_str().ok().filter(|text| text.len() <= LONGEST)
        && let Ok(plain) = text.trim().parse()
    {
        return Some(plain);
    }
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
    let stat = String::from_utf8_lossy(&process.stat()?).into_owned();
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}
