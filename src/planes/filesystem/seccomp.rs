//! The system calls that a run does not have. What is not named here stays; the mounts, namespaces and landlock are the walls
//! that say what may be touched, and this takes away the tools to get around them.
//!
//! A program of another architecture (32-bit, x32) is killed or has no calls at all: its numbers mean something else.

mod lending;

use std::collections::BTreeMap;

use libc as sys;
use seccompiler::SeccompCmpArgLen::Dword;
use seccompiler::SeccompCmpOp::{Eq, MaskedEq, Ne};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter, sock_filter,
};

use super::WallError;

/// Refused whatever their arguments are.
const REFUSED: &[i64] = &[
    // Looking into other processes.
    sys::SYS_ptrace,
    sys::SYS_process_vm_readv,
    sys::SYS_process_vm_writev,
    sys::SYS_pidfd_getfd,
    sys::SYS_kcmp,
    sys::SYS_process_madvise,
    sys::SYS_perf_event_open,
    // Keys of the kernel, which are shared with what is outside.
    sys::SYS_keyctl,
    sys::SYS_add_key,
    sys::SYS_request_key,
    // Programs in the kernel, and faults that user space answers.
    sys::SYS_bpf,
    sys::SYS_userfaultfd,
    // Mounts and namespaces.
    sys::SYS_mount,
    sys::SYS_umount2,
    sys::SYS_move_mount,
    sys::SYS_open_tree,
    sys::SYS_fsopen,
    sys::SYS_fsconfig,
    sys::SYS_fsmount,
    sys::SYS_fspick,
    sys::SYS_mount_setattr,
    sys::SYS_pivot_root,
    sys::SYS_chroot,
    sys::SYS_unshare,
    sys::SYS_setns,
    // Files by handle instead of by path, and watching a whole filesystem.
    sys::SYS_open_by_handle_at,
    sys::SYS_fanotify_init,
    sys::SYS_quotactl,
    sys::SYS_quotactl_fd,
    sys::SYS_lookup_dcookie,
    // The machine.
    sys::SYS_kexec_load,
    sys::SYS_kexec_file_load,
    sys::SYS_init_module,
    sys::SYS_finit_module,
    sys::SYS_delete_module,
    sys::SYS_reboot,
    sys::SYS_swapon,
    sys::SYS_swapoff,
    sys::SYS_acct,
    sys::SYS_syslog,
    sys::SYS_vhangup,
    sys::SYS_settimeofday,
    sys::SYS_clock_settime,
    sys::SYS_sethostname,
    sys::SYS_setdomainname,
    #[cfg(target_arch = "x86_64")]
    sys::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    sys::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    sys::SYS_modify_ldt,
];

/// Not there at all, so that programs take the older call instead, whose arguments a filter can read.
const ABSENT: &[i64] = &[
    sys::SYS_clone3,
    sys::SYS_openat2,
    sys::SYS_io_uring_setup,
    sys::SYS_io_uring_enter,
    sys::SYS_io_uring_register,
];

/// Flags of clone that make a namespace (clone(2)): mount, cgroup, uts, ipc, user, pid, network.
const NAMESPACES: [u64; 7] =
    [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000];

/// Typing into a terminal, and the console's copy and paste (ioctl_tty(2), ioctl_console(2)).
const TYPING: [u64; 2] = [0x5412, 0x541C];

/// `SOCK_NONBLOCK` and `SOCK_CLOEXEC` are flags beside the type.
const KIND: u64 = 0xf;
const STREAM: u64 = 1;
const DATAGRAM: u64 = 2;
const SEQUENCED: u64 = 5;

/// Numbers from here on belong to the x32 ABI.
const X32: u32 = 0x4000_0000;

/// Whose numbers these are.
const ARCH: TargetArch = if cfg!(target_arch = "aarch64") { TargetArch::aarch64 } else { TargetArch::x86_64 };

type Rules = BTreeMap<i64, Vec<SeccompRule>>;
type Test = (u8, SeccompCmpArgLen, SeccompCmpOp, u64);

/// Takes the calls away from this thread, and from everything it will start.
///
/// # Errors
/// When the kernel has no seccomp filters.
pub fn apply() -> Result<(), WallError> {
    for filter in filters().map_err(|error| missing(&error))? {
        apply_filter(&filter).map_err(|error| missing(&error))?;
    }
    Ok(())
}

/// Whether this kernel takes the filters. They are put on a thread that does nothing else.
///
/// # Errors
/// When it does not.
pub fn probe() -> Result<(), WallError> {
    let failed = || missing(&"it could not be tried");
    std::thread::Builder::new().spawn(apply).map_err(|error| missing(&error))?.join().map_err(|_| failed())?
}

fn missing(error: &dyn std::fmt::Display) -> WallError {
    WallError::Machine {
        missing: format!("the kernel takes no seccomp filter: {error}"),
        remedy: "use a kernel with CONFIG_SECCOMP_FILTER, on x86_64 or aarch64".to_owned(),
    }
}

/// Each filter answers in its own way; the kernel asks all of them, and the strictest answer counts.
fn filters() -> Result<Vec<BpfProgram>, seccompiler::BackendError> {
    let mut refused: Rules = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    refused.extend(conditional()?);
    let absent: Rules = ABSENT.iter().map(|call| (*call, Vec::new())).collect();
    let no = |rules, errno: i32| filter(rules, SeccompAction::Errno(errno.unsigned_abs()));
    let refused = no(refused, sys::EPERM)?;
    let absent = x32_refused(no(absent, sys::ENOSYS)?);
    // Programs that lower the limit on core files are told that they did: see `Limits::apply`.
    let pretended = filter(core_limit()?, SeccompAction::Errno(0))?;
    Ok(vec![pretended, absent, refused])
}

fn filter(rules: Rules, action: SeccompAction) -> Result<BpfProgram, seccompiler::BackendError> {
    SeccompFilter::new(rules, SeccompAction::Allow, action, ARCH)?.try_into()
}

fn conditional() -> Result<Rules, seccompiler::BackendError> {
    let inet = [(0, Dword, Ne, 2), (0, Dword, Ne, 10)];
    let mut socket = vec![rule(&inet)?];
    // Plain TCP and UDP: with another protocol, landlock would not know a connection for one.
    socket.push(rule(&[(2, Dword, Ne, 0), (2, Dword, Ne, 6), (2, Dword, Ne, 17)])?);
    for kind in (0..=KIND).filter(|kind| ![STREAM, DATAGRAM].contains(kind)) {
        socket.push(rule(&[(1, Dword, MaskedEq(KIND), kind)])?);
    }
    let mut pair = vec![rule(&[(0, Dword, Ne, 1)])?];
    // A datagram socket of a pair can be connected anew, to a path.
    for kind in (0..=KIND).filter(|kind| ![STREAM, SEQUENCED].contains(kind)) {
        pair.push(rule(&[(1, Dword, MaskedEq(KIND), kind)])?);
    }
    let mut clone = Vec::new();
    for flag in NAMESPACES {
        clone.push(rule(&[(0, Dword, MaskedEq(flag), flag)])?);
    }
    let mut ioctl = Vec::new();
    for request in TYPING {
        ioctl.push(rule(&[(1, Dword, Eq, request)])?);
    }
    // PER_LINUX, PER_LINUX32 and asking which it is; the others weaken the layout of memory.
    let personality = rule(&[(0, Dword, Ne, 0), (0, Dword, Ne, 8), (0, Dword, Ne, 0xffff_ffff)])?;
    let mut rules: Rules = [
        (sys::SYS_socket, socket),
        (sys::SYS_socketpair, pair),
        (sys::SYS_clone, clone),
        (sys::SYS_ioctl, ioctl),
        (sys::SYS_personality, vec![personality]),
    ]
    .into();
    rules.extend(lending::rules()?);
    Ok(rules)
}

fn core_limit() -> Result<Rules, seccompiler::BackendError> {
    let core = u64::from(sys::RLIMIT_CORE);
    let given = (2, SeccompCmpArgLen::Qword, Ne, 0);
    Ok([
        (sys::SYS_prlimit64, vec![rule(&[(1, Dword, Eq, core), given])?]),
        #[cfg(target_arch = "x86_64")]
        (sys::SYS_setrlimit, vec![rule(&[(0, Dword, Eq, core)])?]),
    ]
    .into())
}

fn rule(tests: &[Test]) -> Result<SeccompRule, seccompiler::BackendError> {
    let conditions: Result<Vec<_>, _> = tests
        .iter()
        .map(|(at, length, op, value)| SeccompCondition::new(*at, length.clone(), op.clone(), *value))
        .collect();
    SeccompRule::new(conditions?)
}

/// The program behind a test that answers ENOSYS to every call of the x32 ABI: x32 has the architecture of x86_64, and numbers
/// that no rule names.
fn x32_refused(program: BpfProgram) -> BpfProgram {
    if !cfg!(target_arch = "x86_64") {
        return program;
    }
    // Classic BPF (linux/filter.h): load the number; if it is at least X32, answer ENOSYS (linux/seccomp.h: SECCOMP_RET_ERRNO).
    let load = sock_filter { code: 0x20, jt: 0, jf: 0, k: 0 };
    let test = sock_filter { code: 0x35, jt: 0, jf: 1, k: X32 };
    let answer = sock_filter { code: 0x06, jt: 0, jf: 0, k: 0x0005_0000 | sys::ENOSYS.unsigned_abs() };
    [load, test, answer].into_iter().chain(program).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_filter_fits_the_kernel() {
        for filter in filters().unwrap() {
            assert!(filter.len() < 4096, "{}", filter.len());
        }
    }
}
