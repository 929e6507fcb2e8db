//! What a run may take of the machine.

use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};

use super::WallError;

/// The limits of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Processes and threads of the run.
    pub processes: u64,
    /// Memory of one process, in MiB: what it may write to, not what it reserves.
    pub memory_mib: u64,
    /// Size of one file, in MiB.
    pub file_mib: u64,
    /// Size of each of the run's filesystems in memory, in MiB.
    pub scratch_mib: u64,
    /// Open files of one process.
    pub open_files: u64,
    /// How long the run may last, in seconds.
    pub seconds: u64,
}

const MIB: u64 = 1024 * 1024;
/// No field may be larger: a number beyond it is a mistake.
const LARGEST: u64 = 1 << 32;

impl Limits {
    /// The first field that allows nothing, or more than there can be.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        let fields = [
            ("processes", self.processes),
            ("memory_mib", self.memory_mib),
            ("file_mib", self.file_mib),
            ("scratch_mib", self.scratch_mib),
            ("open_files", self.open_files),
            ("seconds", self.seconds),
        ];
        fields.iter().find(|(_, value)| *value == 0 || *value > LARGEST).map(|(name, _)| *name)
    }

    /// Bytes of each filesystem in memory.
    #[must_use]
    pub const fn scratch_bytes(&self) -> u64 {
        self.scratch_mib.saturating_mul(MIB)
    }

    /// Puts the limits on this process and all that it starts.
    ///
    /// The limit on core files is 1 and not 0: with 1 the kernel gives no dump to a handler that runs outside the walls either
    /// (`core_pattern` with a pipe ignores 0). [`super::seccomp`] keeps it there.
    ///
    /// # Errors
    /// When the machine forbids one.
    pub fn apply(&self) -> Result<(), WallError> {
        let limits = [
            (Resource::Core, 1),
            (Resource::Nproc, self.processes),
            (Resource::Data, self.memory_mib.saturating_mul(MIB)),
            (Resource::Fsize, self.file_mib.saturating_mul(MIB)),
            (Resource::Nofile, self.open_files),
        ];
        for (resource, value) in limits {
            // What is stricter already stays.
            let most = rustix::process::getrlimit(resource).maximum.map_or(value, |most| most.min(value));
            setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).map_err(|error| {
                WallError::Machine {
                    missing: format!("the limit {resource:?} cannot be set: {error}"),
                    remedy: "run where limits may be lowered".to_owned(),
                }
            })?;
        }
        Ok(())
    }
}
