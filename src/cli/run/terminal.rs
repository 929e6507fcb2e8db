//! A terminal of the run's own between the agent and the person's.
//!
//! The agent never holds the person's terminal: it could read what is typed there later, and type itself. Full-screen programs,
//! job control and window sizes work, because it is a real one.

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::thread::JoinHandle;

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};

use super::relay;
use crate::cli::failure::Failure;

/// Whether the run gets a terminal of its own: somebody sits at this one.
pub(super) fn is_wanted() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// The terminal between. The person's is as it was when this goes, however the run ended.
pub(super) struct Terminal {
    master: OwnedFd,
    before: Termios,
    output: Option<JoinHandle<()>>,
}

impl Terminal {
    /// Opens one, as large as the person's and in the same modes; gives the three streams of the command.
    pub(super) fn open() -> Result<(Self, [Stdio; 3]), Failure> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).map_err(io::Error::from)?;
        grantpt(&master).and_then(|()| unlockpt(&master)).map_err(io::Error::from)?;
        let inner = File::from(ioctl_tiocgptpeer(&master, flags).map_err(io::Error::from)?);
        let before = tcgetattr(io::stdin()).map_err(io::Error::from)?;
        tcsetattr(&inner, OptionalActions::Now, &before).map_err(io::Error::from)?;
        let streams = [Stdio::from(inner.try_clone()?), Stdio::from(inner.try_clone()?), Stdio::from(inner)];
        let mut raw = before.clone();
        raw.make_raw();
        let mut terminal = Self { master, before, output: None };
        terminal.resize();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw).map_err(io::Error::from)?;
        terminal.output = Some(relay::copy(relay::own(&terminal.master)?, relay::own(io::stdout())?));
        drop(relay::copy(relay::own(io::stdin())?, relay::own(&terminal.master)?));
        Ok((terminal, streams))
    }

    /// Takes the size of the person's terminal; the kernel tells the program in front.
    pub(super) fn resize(&self) {
        // A terminal without a size is none that a program would draw on.
        let _ = tcgetwinsize(io::stdout()).and_then(|size| tcsetwinsize(&self.master, size));
    }

    /// Waits until everything that the command printed is on the person's terminal.
    pub(super) fn drain(&mut self) {
        if let Some(output) = self.output.take() {
            let _ = output.join();
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // What was not read is thrown away: a terminal answers some escape sequences as if they had been typed, and the person's
        // shell would run the answer.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
    }
}
