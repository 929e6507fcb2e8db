//! Landlock, the second wall: the same grants as the mounts, kept by another part of the kernel. Beside them, signals and abstract
//! sockets stay inside (ABI 6), and TCP goes nowhere but to the shim where loopback is not granted (ABI 4).
//!
//! What the kernel does not know is left out, and `exeat doctor` says so; the mounts are the first wall.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, LandlockStatus, NetPort, PathBeneath, PathFd,
    RestrictionStatus, Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError,
    Scope,
};

use super::WallError;
use super::inside::{EXEAT, Inside, TRUST};
use super::trust::java_beside;

/// The newest ABI that is asked for. 7 brings the log; 9 keeps sockets by path inside as well.
const NEWEST: ABI = ABI::V9;

/// Restricts this thread, and everything it will start.
///
/// # Errors
/// When a rule cannot be made. That the kernel lacks landlock is none.
pub fn apply(inside: &Inside) -> Result<(), WallError> {
    restrict(inside).map(drop).map_err(|error| WallError::Machine {
        missing: format!("landlock refuses its rules: {error}"),
        remedy: "please report it with `exeat doctor --json`".to_owned(),
    })
}

/// The ABI that this kernel enforces; none without landlock.
#[must_use]
pub fn abi() -> Option<i32> {
    // The library tells it only to whom it restricts, so a thread is restricted that does nothing else.
    let asked = || Ruleset::default().handle_access(AccessFs::Execute)?.create()?.restrict_self();
    let status = std::thread::spawn(asked).join().ok()?.ok()?;
    match status.landlock {
        LandlockStatus::Available { effective_abi, kernel_abi } => {
            Some(kernel_abi.unwrap_or(effective_abi as i32))
        }
        _ => None,
    }
}

fn restrict(inside: &Inside) -> Result<RestrictionStatus, RulesetError> {
    let mut ruleset =
        Ruleset::default().handle_access(AccessFs::from_all(NEWEST))?.scope(Scope::from_all(NEWEST))?;
    if !inside.loopback {
        ruleset = ruleset.handle_access(AccessNet::ConnectTcp)?;
    }
    let mut made = ruleset.create()?;
    if !inside.loopback {
        made = made.add_rule(NetPort::new(inside.port, AccessNet::ConnectTcp))?;
    }
    let all = AccessFs::from_all(NEWEST);
    let look = AccessFs::from_read(NEWEST);
    let java = java_beside(Path::new(TRUST));
    let known = ["/proc", TRUST, EXEAT].map(Path::new).into_iter().chain([java.as_path()]);
    for path in inside.read.iter().map(PathBuf::as_path).chain(known) {
        made = beneath(made, path, look)?;
    }
    let own = ["/tmp", "/dev"].map(Path::new);
    let later = inside.room.iter().map(PathBuf::as_path);
    for path in inside.write.iter().map(PathBuf::as_path).chain(later).chain(own) {
        made = beneath(made, path, all)?;
    }
    made = inherited(made, std::io::stdin())?;
    made = inherited(made, std::io::stdout())?;
    made = inherited(made, std::io::stderr())?;
    made.restrict_self()
}

/// A rule for what is there; what is not there needs none.
fn beneath(
    made: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    let Ok(file) = PathFd::new(path) else { return Ok(made) };
    made.add_rule(PathBeneath::new(file, access))
}

/// Programs open `/dev/stdout` anew. What they were given open they may open again, a directory excepted.
fn inherited(made: RulesetCreated, stream: impl AsFd) -> Result<RulesetCreated, RulesetError> {
    use rustix::fs::FileType;
    let Ok(found) = rustix::fs::fstat(&stream) else { return Ok(made) };
    let kind = FileType::from_raw_mode(found.st_mode);
    let Ok(how) = rustix::fs::fcntl_getfl(&stream) else { return Ok(made) };
    if !matches!(kind, FileType::RegularFile | FileType::CharacterDevice) {
        return Ok(made);
    }
    let mut access = BitFlags::EMPTY;
    let mode = how & rustix::fs::OFlags::RWMODE;
    if mode != rustix::fs::OFlags::WRONLY {
        access |= AccessFs::ReadFile;
    }
    if mode != rustix::fs::OFlags::RDONLY {
        access |= AccessFs::WriteFile;
    }
    if kind == FileType::CharacterDevice {
        access |= AccessFs::IoctlDev;
    }
    made.add_rule(PathBeneath::new(stream, access))
}
