//! The mounts of a run, in the order in which they are made.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::inside::{EXEAT, SOCKET, TRUST, WALLS};
use super::protect::Protection;
use super::trust::{Trust, java_beside};
use super::widen::GRANTED;

/// One step in making the run's filesystem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mount {
    /// What is at `from` shows at `at`. `from` is a real path; it is opened without following any link.
    Bind {
        /// Outside.
        from: PathBuf,
        /// Inside.
        at: PathBuf,
        /// Whether it may be written.
        write: bool,
    },
    /// A filesystem in memory, at most so large.
    Memory {
        /// Inside.
        at: PathBuf,
        /// Bytes.
        bytes: u64,
        /// Permissions of its top.
        mode: u32,
    },
    /// A symbolic link.
    Link {
        /// Where it leads.
        to: PathBuf,
        /// Inside.
        at: PathBuf,
    },
    /// A file with this content, read-only.
    Text {
        /// What it says.
        content: Vec<u8>,
        /// Inside.
        at: PathBuf,
    },
    /// The processes of the run.
    Processes,
    /// The harmless devices.
    Devices,
    /// From here on read-only; what is mounted on it stays as it is.
    Seal {
        /// Inside.
        at: PathBuf,
    },
}

/// What the mounts are made from. Every path is real: absolute, and no part of it a symbolic link.
#[derive(Clone, Debug)]
pub struct Ground<'a> {
    /// Of the system, where it exists, in the order of the profile. These may be symbolic links.
    pub system: &'a [PathBuf],
    /// Read-only beside it.
    pub read: &'a [PathBuf],
    /// Read and written.
    pub write: &'a [PathBuf],
    /// The home directory, which is empty inside.
    pub home: &'a Path,
    /// The workspace.
    pub workspace: &'a Path,
    /// Whether it may be written.
    pub writable: bool,
    /// What in it may not.
    pub protection: &'a Protection,
    /// Exeat itself, which is the shim.
    pub program: &'a Path,
    /// The run's own socket.
    pub socket: &'a Path,
    /// Bytes of each filesystem in memory.
    pub scratch: u64,
    /// Whether more may be granted later.
    pub widen: bool,
}

/// Files with a content of their own.
#[derive(Clone, Debug)]
pub struct Texts {
    /// Whom the run's programs trust: the system's authorities and Exeat's.
    pub trust: Trust,
    /// What the shim is told.
    pub walls: Vec<u8>,
}

/// Bytes of `/run`, into which nothing is written.
const SMALL: u64 = 1024 * 1024;
/// Where programs look for authorities that heed no variable.
const SYSTEM_TRUST: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// The mounts, in order: the system, what is made anew, what is granted, what is protected in it, and the seals.
#[must_use]
pub fn mounts(ground: &Ground<'_>, texts: Texts) -> Vec<Mount> {
    let mut all: Vec<Mount> = ground.system.iter().filter_map(|path| of_system(path)).collect();
    all.extend(made_anew(ground));
    for at in SYSTEM_TRUST.map(PathBuf::from) {
        let shown = ground.system.iter().any(|path| at.starts_with(path));
        if shown && fs::symlink_metadata(&at).is_ok_and(|found| found.is_file()) {
            all.push(Mount::Text { content: texts.trust.pem.clone(), at });
        }
    }
    all.push(bind(ground.program, EXEAT, false));
    all.push(bind(ground.socket, SOCKET, true));
    all.push(Mount::Text { content: texts.trust.pem, at: TRUST.into() });
    all.extend(texts.trust.java.map(|content| Mount::Text { content, at: java_beside(Path::new(TRUST)) }));
    all.push(Mount::Text { content: texts.walls, at: WALLS.into() });
    all.extend(granted(ground));
    all.extend(protected(ground.protection));
    if ground.widen {
        all.push(Mount::Memory { at: GRANTED.into(), bytes: SMALL, mode: 0o755 });
        all.push(Mount::Seal { at: GRANTED.into() });
    }
    all.extend(["/run", "/dev", "/"].map(|at| Mount::Seal { at: at.into() }));
    all
}

fn made_anew(ground: &Ground<'_>) -> Vec<Mount> {
    let memory = |at: &Path, bytes, mode| Mount::Memory { at: at.to_owned(), bytes, mode };
    let mut all = vec![
        Mount::Processes,
        Mount::Devices,
        memory(Path::new("/dev/shm"), ground.scratch, 0o1777),
        memory(Path::new("/tmp"), ground.scratch, 0o1777),
        Mount::Link { to: "/tmp".into(), at: "/var/tmp".into() },
        memory(Path::new("/run"), SMALL, 0o755),
    ];
    // A home that is the root would cover everything; then /tmp is the home.
    if ground.home != Path::new("/") {
        all.push(memory(ground.home, ground.scratch, 0o700));
    }
    all
}

/// What is granted, the outermost first, so that no grant covers another.
fn granted(ground: &Ground<'_>) -> Vec<Mount> {
    let read = ground.read.iter().map(|path| (path.as_path(), false));
    let write = ground.write.iter().map(|path| (path.as_path(), true));
    let all: BTreeSet<(&Path, bool)> =
        read.chain(write).chain([(ground.workspace, ground.writable)]).collect();
    all.into_iter().map(|(path, write)| bind(path, path, write)).collect()
}

fn protected(protection: &Protection) -> Vec<Mount> {
    let open = protection.anchored.iter().map(|path| (path, true));
    let shut = protection.shut.iter().chain(&protection.barred).chain(protection.held.keys());
    let all: BTreeSet<(&PathBuf, bool)> = open.chain(shut.map(|path| (path, false))).collect();
    all.into_iter().map(|(path, write)| bind(path, path, write)).collect()
}

/// A symbolic link stays one; what is not there is left out.
fn of_system(path: &Path) -> Option<Mount> {
    let found = fs::symlink_metadata(path).ok()?;
    if found.is_symlink() {
        return Some(Mount::Link { to: fs::read_link(path).ok()?, at: path.to_owned() });
    }
    let real = fs::canonicalize(path).ok()?;
    Some(bind(&real, path, false))
}

fn bind(from: &Path, at: impl Into<PathBuf>, write: bool) -> Mount {
    Mount::Bind { from: from.to_owned(), at: at.into(), write }
}
