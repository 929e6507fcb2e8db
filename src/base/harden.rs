//! What this process gives up at its start, so that its memory stays its own.
//!
//! Called once by `main`, before the runtime has threads: what a thread gives up, only its children inherit.
//! Nothing here fails; the report says what could not be done, for the log and for `exeat doctor`.
//! Marking single pages (`madvise`, `mlock`) needs unsafe code and is left out; whole-process measures are not.

use std::fmt;

use rustix::io::Errno;
use rustix::mm::MlockAllFlags;
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use rustix::thread::CapabilitySet;

/// What was done, measure by measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hardening {
    measures: [(Measure, Outcome); 4],
}

/// One thing a process can give up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// No core file when it crashes: `RLIMIT_CORE` 0, hard limit too.
    NoCoreFile,
    /// No core through a pipe, no debugger of the same user, no `/proc/PID/mem`: `PR_SET_DUMPABLE` 0.
    NotDumpable,
    /// No new privileges through set-user-id programs: `PR_SET_NO_NEW_PRIVS`.
    NoNewPrivileges,
    /// Memory does not go to swap: `mlockall`, page by page as each is first used.
    LockedMemory,
}

/// Whether a measure was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was.
    Done,
    /// It was not, because of this.
    NotPossible(String),
}

impl Hardening {
    /// Every measure and its outcome.
    pub fn measures(&self) -> impl Iterator<Item = (Measure, &Outcome)> {
        self.measures.iter().map(|(measure, outcome)| (*measure, outcome))
    }

    /// Whether every measure was taken.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.measures.iter().all(|(_, outcome)| *outcome == Outcome::Done)
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCoreFile => "no core files",
            Self::NotDumpable => "not dumpable",
            Self::NoNewPrivileges => "no new privileges",
            Self::LockedMemory => "memory locked against swap",
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::NotPossible(reason) => write!(f, "not possible: {reason}"),
        }
    }
}

/// Takes every measure that this machine allows. Not for a process that starts set-user-id programs.
#[must_use]
pub fn harden() -> Hardening {
    let no_core = Rlimit { current: Some(0), maximum: Some(0) };
    let no_core = rustix::process::setrlimit(Resource::Core, no_core);
    let not_dumpable = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let no_new_privileges = rustix::thread::set_no_new_privs(true);
    Hardening {
        measures: [
            (Measure::NoCoreFile, outcome(no_core)),
            (Measure::NotDumpable, outcome(not_dumpable)),
            (Measure::NoNewPrivileges, outcome(no_new_privileges)),
            (Measure::LockedMemory, lock_memory()),
        ],
    }
}

/// Locks the whole address space, but each page only once it is in use: locking all of it at once would make
/// every unused page of every stack and library resident. A finite limit counts address space, not use,
/// and an allocation beyond it would fail and end the process; so with one, nothing is locked.
fn lock_memory() -> Outcome {
    if let Some(limit) = raised_lock_limit()
        && !may_lock_without_limit()
    {
        let reason = format!("the limit is {limit} bytes; set LimitMEMLOCK=infinity for the service");
        return Outcome::NotPossible(reason);
    }
    outcome(rustix::mm::mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT))
}

/// The limit on locked memory, after raising it as far as we may; `None` is no limit.
fn raised_lock_limit() -> Option<u64> {
    let limit = rustix::process::getrlimit(Resource::Memlock);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match rustix::process::setrlimit(Resource::Memlock, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    }
}

fn may_lock_without_limit() -> bool {
    rustix::thread::capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK))
}

fn outcome(result: Result<(), Errno>) -> Outcome {
    match result {
        Ok(()) => Outcome::Done,
        Err(errno) => Outcome::NotPossible(errno.to_string()),
    }
}
