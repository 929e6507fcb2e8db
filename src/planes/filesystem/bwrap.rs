//! bubblewrap: it makes the namespaces and the mounts. What it is told is data; files reach it as open descriptors.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::fs::{CWD, MemfdFlags, memfd_create};
use rustix::io::{Errno, FdFlags, fcntl_setfd};

use super::WallError;
use super::inside::{EXEAT, WALLS};
use super::kernel::WHEN_BUILDING_FAILS;
use super::mounts::Mount;
use super::pinned::pinned;

/// The oldest version that takes what is mounted as open descriptors, and whose memory filesystems have a size.
const OLDEST: (u32, u32, u32) = (0, 8, 0);

/// Descriptors that bubblewrap inherits, one for each mount that needs one, in order.
#[derive(Debug)]
pub struct Pins(Vec<OwnedFd>);

impl Pins {
    /// Opens what is to be mounted. A link on the way, even one that was put there a moment ago, is refused.
    ///
    /// # Errors
    /// When something cannot be opened, or the kernel is older than 5.6.
    pub fn open(mounts: &[Mount]) -> Result<Self, WallError> {
        let mut pins = Vec::new();
        for mount in mounts {
            match mount {
                Mount::Bind { from, .. } => pins.push(pin(from)?),
                Mount::Text { content, at } => {
                    pins.push(text(content).map_err(|error| WallError::path(at, error))?);
                }
                _ => {}
            }
        }
        Ok(Self(pins))
    }

    /// Lets the next process that is started have them.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn hand_on(&self) -> Result<(), WallError> {
        self.0.iter().try_for_each(|pin| {
            fcntl_setfd(pin, FdFlags::empty()).map_err(|error| WallError::path("a descriptor", error))
        })
    }

    /// Their numbers.
    #[must_use]
    pub fn numbers(&self) -> Vec<i32> {
        self.0.iter().map(std::os::fd::AsRawFd::as_raw_fd).collect()
    }
}

fn pin(path: &Path) -> Result<OwnedFd, WallError> {
    pinned(CWD, path).map_err(|error| match error {
        Errno::LOOP => {
            WallError::Protect { path: path.to_owned(), reason: "a symbolic link was put there".to_owned() }
        }
        error => WallError::path(path, error),
    })
}

fn text(content: &[u8]) -> std::io::Result<OwnedFd> {
    let mut file = File::from(memfd_create("exeat", MemfdFlags::CLOEXEC)?);
    file.write_all(content)?;
    file.rewind()?;
    Ok(file.into())
}

/// The arguments: every namespace of its own, no capability, these mounts, and the shim with `command`.
///
/// `pins` are the descriptors of the mounts that need one, in order.
#[must_use]
pub fn arguments(mounts: &[Mount], pins: &[i32], start_in: &Path, command: &[OsString]) -> Vec<OsString> {
    let mut line: Vec<OsString> = [
        "--unshare-user",
        "--unshare-ipc",
        "--unshare-pid",
        "--unshare-net",
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
        // A name that is known inside: programs look up their own.
        "--hostname",
        "localhost",
    ]
    .map(OsString::from)
    .into();
    let mut pins = pins.iter().map(ToString::to_string);
    for mount in mounts {
        line.extend(option(mount, &mut pins));
    }
    line.extend([
        "--chdir".into(),
        start_in.into(),
        "--".into(),
        EXEAT.into(),
        "inside".into(),
        WALLS.into(),
    ]);
    line.push("--".into());
    line.extend(command.iter().cloned());
    line
}

fn option(mount: &Mount, pins: &mut impl Iterator<Item = String>) -> Vec<OsString> {
    let mut pin = || OsString::from(pins.next().unwrap_or_default());
    let at = |path: &PathBuf| path.clone().into_os_string();
    match mount {
        Mount::Bind { at: to, write: true, .. } => vec!["--bind-fd".into(), pin(), at(to)],
        Mount::Bind { at: to, write: false, .. } => vec!["--ro-bind-fd".into(), pin(), at(to)],
        Mount::Text { at: to, .. } => vec!["--ro-bind-data".into(), pin(), at(to)],
        Mount::Memory { at: to, bytes, mode } => {
            let (mode, bytes) = (format!("{mode:o}").into(), bytes.to_string().into());
            vec!["--perms".into(), mode, "--size".into(), bytes, "--tmpfs".into(), at(to)]
        }
        Mount::Link { to, at: link } => vec!["--symlink".into(), at(to), at(link)],
        Mount::Processes => vec!["--proc".into(), "/proc".into()],
        Mount::Devices => vec!["--dev".into(), "/dev".into()],
        Mount::Seal { at: to } => vec!["--remount-ro".into(), at(to)],
    }
}

/// The bubblewrap in one of these directories, if it is new enough.
///
/// # Errors
/// When there is none, or it is too old.
pub fn found(path: &[PathBuf]) -> Result<PathBuf, WallError> {
    let found = path.iter().map(|dir| dir.join("bwrap")).find(|file| file.is_file());
    found.ok_or_else(|| WallError::Machine {
        missing: "bubblewrap is not installed".to_owned(),
        remedy: "apt-get install bubblewrap (0.8.0 or newer)".to_owned(),
    })
}

/// Builds walls around `command`, which ends at once, to see whether this machine lets it.
///
/// # Errors
/// When it does not, with what bubblewrap says and what may be done.
pub fn tried(program: &Path, command: &[&OsStr]) -> Result<(), WallError> {
    let walls = ["--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--ro-bind", "/", "/"];
    let made = ["--proc", "/proc", "--dev", "/dev", "--"];
    let said = Command::new(program).args(walls).args(made).args(command).env_clear().output();
    let said = said.map_err(|error| WallError::path(program, error))?;
    if said.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&said.stderr);
    let why = why.lines().next().unwrap_or("it says nothing").trim().to_owned();
    Err(WallError::Machine {
        missing: format!("bubblewrap cannot build walls here: {why}"),
        remedy: WHEN_BUILDING_FAILS.to_owned(),
    })
}

/// Its version.
///
/// # Errors
/// When it does not say one, or is too old.
pub fn version(program: &Path) -> Result<String, WallError> {
    Asked::of(program)?.version()
}

/// A bubblewrap that was asked for its version, and answers while something else is done.
#[derive(Debug)]
pub struct Asked<'a> {
    program: &'a Path,
    answering: Child,
}

impl<'a> Asked<'a> {
    /// Asks it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn of(program: &'a Path) -> Result<Self, WallError> {
        let mut command = Command::new(program);
        command.arg("--version").env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let answering = command.spawn().map_err(|error| WallError::path(program, error))?;
        Ok(Self { program, answering })
    }

    /// What it answered.
    ///
    /// # Errors
    /// When it does not say a version, or is too old.
    pub fn version(self) -> Result<String, WallError> {
        let Self { program, answering } = self;
        let said = answering.wait_with_output().map_err(|error| WallError::path(program, error))?;
        let text = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        let mut parts =
            text.trim_start_matches("bubblewrap ").split('.').map(|part| part.parse::<u32>().ok());
        let (major, minor) = (parts.next().flatten(), parts.next().flatten());
        match (major, minor, parts.next().flatten().unwrap_or(0)) {
            (Some(major), Some(minor), patch) if (major, minor, patch) >= OLDEST => {
                Ok(format!("{major}.{minor}.{patch}"))
            }
            _ => Err(WallError::Machine {
                missing: format!("{} is too old or says no version: {text:?}", program.display()),
                remedy: "install bubblewrap 0.8.0 or newer".to_owned(),
            }),
        }
    }
}
