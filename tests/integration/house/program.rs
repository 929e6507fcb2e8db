//! Somebody else's program, in a directory of its own, ended with the test.

use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

pub(crate) struct Program {
    child: Child,
    _dir: TempDir,
}

impl Program {
    /// Starts it. What it keeps is in `dir`.
    pub(crate) fn start(name: &str, mut command: Command, dir: TempDir) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let child =
            child.unwrap_or_else(|error| panic!("{name} cannot be started ({error}): make tools-test"));
        Self { child, _dir: dir }
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Asked, not killed: a master ends its workers.
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        drop(self.child.wait());
    }
}
