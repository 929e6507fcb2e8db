//! The last walls, which a process puts around itself before it becomes the agent.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::process::Signal;

use super::WallError;
use super::inside::Inside;
use super::opens::{CannotWatch, TheirLine};
use super::{seccomp, second_wall};

/// Why the agent did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A wall could not be made.
    #[error(transparent)]
    Wall(#[from] WallError),
    /// The command cannot be run.
    #[error("cannot run {command}")]
    Command {
        /// The command.
        command: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// Limits, landlock and seccomp, in this order; then whoever is at the other end of `line` sees what is opened, and this process is the
/// agent.
///
/// # Errors
/// It returns only when it fails.
pub fn become_agent(
    inside: &Inside,
    line: Option<TheirLine>,
    command: &[OsString],
) -> Result<Infallible, StartError> {
    own_session(inside.terminal)?;
    inside.limits.apply()?;
    if inside.walled {
        second_wall::apply(inside)?;
        seccomp::apply()?;
    } else {
        // Whoever kills the shim ends at least the command itself; with walls, the namespace ends everything.
        let died = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
        died.map_err(|error| WallError::path("the shim's end", error))?;
    }
    if let Some(line) = line {
        line.watch_me().map_err(unwatchable)?;
    }
    let mut parts = command.iter();
    let program = parts.next().cloned().unwrap_or_default();
    let source = Command::new(&program).args(parts).exec();
    Err(StartError::Command { command: program.to_string_lossy().into_owned(), source })
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err gives it")]
fn unwatchable(error: CannotWatch) -> WallError {
    WallError::Machine {
        missing: error.to_string(),
        remedy: "use Linux 5.6 or newer; where something else watches calls already, set files.observe = false in a profile of your own"
            .to_owned(),
    }
}

/// A session of its own, and the terminal for it where there is one: no other terminal can be typed into.
fn own_session(terminal: bool) -> Result<(), WallError> {
    let failed = |what: &'static str| move |error| WallError::path(what, error);
    rustix::process::setsid().map_err(failed("a session of its own"))?;
    if terminal {
        rustix::process::ioctl_tiocsctty(io::stdin()).map_err(failed("the terminal"))?;
    }
    Ok(())
}
