//! No file comes to lend whoever runs it the identity of its owner or group (set-user-id and set-group-id, inode(7)): what a run leaves
//! in its workspace is not run inside alone, nor by its owner alone.

use libc as sys;
use seccompiler::SeccompCmpArgLen::Dword;
use seccompiler::SeccompCmpOp::MaskedEq;

use super::super::calls::{FCHMODAT2, TMPFILE};
use super::{Rules, Test, rule};

/// The bits of a mode that do.
const LENDING: [u64; 2] = [0o4000, 0o2000];

/// For every call that gives a file its mode.
pub(super) fn rules() -> Result<Rules, seccompiler::BackendError> {
    let mut rules = Rules::new();
    // Each with the argument that holds the mode, and the one that holds the open flags, if it is an open.
    for (call, mode, flags) in [
        (sys::SYS_fchmod, 1, None),
        (sys::SYS_fchmodat, 2, None),
        (FCHMODAT2, 2, None),
        (sys::SYS_mknodat, 2, None),
        (sys::SYS_openat, 3, Some(2)),
        #[cfg(target_arch = "x86_64")]
        (sys::SYS_chmod, 1, None),
        #[cfg(target_arch = "x86_64")]
        (sys::SYS_mknod, 1, None),
        #[cfg(target_arch = "x86_64")]
        (sys::SYS_creat, 1, None),
        #[cfg(target_arch = "x86_64")]
        (sys::SYS_open, 2, Some(1)),
    ] {
        // An open has a mode only where it makes a file.
        let makes = [sys::O_CREAT, TMPFILE].map(|flag| u64::from(flag.unsigned_abs()));
        let given = |flag: u64| flags.map(|argument| (argument, Dword, MaskedEq(flag), flag));
        for bit in LENDING {
            for makes in if flags.is_some() { makes.as_slice() } else { &[0] } {
                let lends = (mode, Dword, MaskedEq(bit), bit);
                let tests: Vec<Test> = given(*makes).into_iter().chain([lends]).collect();
                rules.entry(call).or_default().push(rule(&tests)?);
            }
        }
    }
    Ok(rules)
}
