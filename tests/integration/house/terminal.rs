//! A command at a terminal of its own: what it shows is waited for, and what is typed reaches it as from a keyboard.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

/// A running command and the keyboard and screen it is at.
pub(crate) struct Terminal {
    child: Child,
    keyboard_and_screen: File,
    shown: String,
    /// How much of what was shown has been waited for.
    seen: usize,
}

impl Terminal {
    /// `exeat` with these arguments. `setsid` makes the terminal the one that `/dev/tty` means to it.
    pub(crate) fn run(data: &Path, arguments: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let side = || File::from(rustix::fs::open(name.as_c_str(), flags, Mode::empty()).unwrap());
        let mut command = Command::new("setsid");
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("TERM", "dumb");
        command.args(["--ctty", env!("CARGO_BIN_EXE_exeat")]).args(arguments).arg("--data-dir").arg(data);
        command.stdin(Stdio::from(side())).stdout(Stdio::from(side())).stderr(Stdio::from(side()));
        let child = command.spawn().unwrap();
        Self { child, keyboard_and_screen: File::from(master), shown: String::new(), seen: 0 }
    }

    /// Waits until `text` is shown, after what was waited for before.
    #[track_caller]
    pub(crate) fn until(&mut self, text: &str) {
        loop {
            if let Some(at) = self.shown[self.seen..].find(text) {
                self.seen += at + text.len();
                return;
            }
            assert!(self.read(), "it ended without `{text}`: {}", self.shown);
        }
    }

    /// Types a line.
    pub(crate) fn types(&mut self, line: &str) {
        self.keyboard_and_screen.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Types a line once the terminal no longer shows what is typed.
    pub(crate) fn types_unseen(&mut self, line: &str) {
        let shows = |terminal: &File| tcgetattr(terminal).unwrap().local_modes.contains(LocalModes::ECHO);
        while shows(&self.keyboard_and_screen) {
            std::thread::yield_now();
        }
        self.types(line);
    }

    /// Asks it to stop, as Ctrl-C does.
    pub(crate) fn interrupt(&mut self) {
        self.keyboard_and_screen.write_all(b"\x03").unwrap();
    }

    /// Waits until it ends; gives its exit code and everything it has shown.
    pub(crate) fn end(mut self) -> (i32, String) {
        while self.read() {}
        let status = self.child.wait().unwrap();
        (status.code().unwrap_or_else(|| -status.signal().unwrap()), std::mem::take(&mut self.shown))
    }

    /// Reads on; whether there was anything. The last process that leaves a terminal ends it.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let read = self.keyboard_and_screen.read(&mut bytes).unwrap_or(0);
        self.shown.push_str(&String::from_utf8_lossy(&bytes[..read]));
        read > 0
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
