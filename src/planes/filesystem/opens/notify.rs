//! The kernel's side of watching: a filter that stops calls, and the descriptor over which the watcher hears of them.
//!
//! The one room with unsafe code: no library offers `seccomp(2)` with a listener and its ioctls without linking a C library. Each
//! call here passes pointers to values of this frame, of the type the kernel documents for it, and keeps none.
#![expect(unsafe_code, reason = "seccomp(2) with a listener and its ioctls have no safe interface")]

use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};

use super::super::calls::TMPFILE;
use super::call::CALLS;

/// Calls cannot be watched: the kernel is older than 5.5, or a watcher is there already.
#[derive(Debug, thiserror::Error)]
#[error("file opens cannot be watched: {0}")]
pub struct CannotWatch(#[from] io::Error);

/// Calls of watched processes, as they come.
pub(super) struct Calls(OwnedFd);

/// One call, stopped until it is answered.
pub(super) struct Stopped {
    id: u64,
    pub(super) pid: u32,
    pub(super) number: i64,
    arguments: [u64; 6],
}

impl Stopped {
    /// One of the arguments. There are six.
    pub(super) fn argument(&self, index: usize) -> u64 {
        self.arguments.get(index).copied().unwrap_or_default()
    }
}

/// Lets this process and what it starts be watched from now on. The descriptor goes to the watcher; this process keeps none.
/// Without a watcher the calls fail, so whoever cannot be watched opens nothing.
///
/// # Errors
/// When the kernel cannot.
pub(super) fn watch_self() -> Result<OwnedFd, CannotWatch> {
    rustix::thread::set_no_new_privs(true).map_err(io::Error::from)?;
    let listener = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    // Since Linux 5.19: once the watcher has heard of a call, only death interrupts it. Go programs signal themselves all the time.
    match install(listener | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(install(listener)?),
        done => Ok(done?),
    }
}

fn install(flags: libc::c_ulong) -> io::Result<OwnedFd> {
    let mut filter = program();
    let length = u16::try_from(filter.len()).map_err(io::Error::other)?;
    let program = libc::sock_fprog { len: length, filter: filter.as_mut_ptr() };
    // SAFETY: `program` and the filter it points to live until the call returns; the kernel copies them.
    let fd =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
    let fd = RawFd::try_from(fd).map_err(io::Error::other)?;
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us; nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Stops the watched calls of this architecture and lets the rest pass: what may not be called is another filter's. What
/// only names a file (`O_PATH`) or lists a directory (`O_DIRECTORY`) stops nobody.
fn program() -> Vec<libc::sock_filter> {
    const NUMBER: u32 = 0;
    const ARCHITECTURE: u32 = 4;
    const ARGUMENTS: u32 = 16;
    let load = |offset| step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset, 0, 0);
    let jump = |test, value, then, or| step(libc::BPF_JMP | test | libc::BPF_K, value, then, or);
    let answer = |value| step(libc::BPF_RET | libc::BPF_K, value, 0, 0);
    let stop = answer(libc::SECCOMP_RET_USER_NOTIF);
    let pass = answer(libc::SECCOMP_RET_ALLOW);
    let mut program = vec![load(ARCHITECTURE), jump(libc::BPF_JEQ, NATIVE, 1, 0), pass, load(NUMBER)];
    for call in CALLS {
        let answers = match call.flags().and_then(|argument| u32::try_from(argument).ok()) {
            None => vec![stop],
            // The lower half comes first on both architectures.
            Some(argument) => vec![
                load(ARGUMENTS + 8 * argument),
                jump(libc::BPF_JSET, libc::O_PATH.unsigned_abs(), 3, 0),
                jump(libc::BPF_JSET, libc::O_DIRECTORY.unsigned_abs(), 0, 1),
                jump(libc::BPF_JSET, TMPFILE.unsigned_abs(), 0, 1),
                stop,
                pass,
            ],
        };
        let number = u32::try_from(call.number).unwrap_or(u32::MAX);
        let over = u8::try_from(answers.len()).unwrap_or(u8::MAX);
        program.push(jump(libc::BPF_JEQ, number, 0, over));
        program.extend(answers);
    }
    program.push(pass);
    program
}

/// Audit's number for the architecture (linux/audit.h): machine, 64 bits, little-endian.
#[cfg(target_arch = "x86_64")]
const NATIVE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const NATIVE: u32 = 0xc000_00b7;

fn step(code: u32, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    // All codes of classic BPF fit 16 bits.
    libc::sock_filter { code: u16::try_from(code).unwrap_or_default(), jt, jf, k }
}

impl Calls {
    /// Hears from the watched processes over the descriptor that [`watch_self`] gave.
    pub(super) fn over(descriptor: OwnedFd) -> Self {
        // Since Linux 6.6: wake caller and watcher on one core in turns, which halves the time of a call. Older ones do without.
        let together: u64 = 1;
        // SAFETY: this ioctl takes its argument by value.
        let _ = unsafe { libc::ioctl(descriptor.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, together) };
        Self(descriptor)
    }

    /// The next call; none when nobody is left to be watched.
    ///
    /// # Errors
    /// When the kernel refuses the descriptor.
    pub(super) fn next(&self) -> io::Result<Option<Stopped>> {
        loop {
            // SAFETY: all bytes zero is a value of this plain structure, and what the kernel wants to be given.
            let mut heard: libc::seccomp_notif = unsafe { std::mem::zeroed() };
            // SAFETY: the kernel writes one structure of this type, which lives until the call returns.
            let done =
                unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut heard) };
            if done == 0 {
                return Ok(Some(Stopped {
                    id: heard.id,
                    pid: heard.pid,
                    number: i64::from(heard.data.nr),
                    arguments: heard.data.args,
                }));
            }
            match io::Error::last_os_error() {
                error if error.raw_os_error() == Some(libc::EINTR) => {}
                // The caller died meanwhile, or nobody is left.
                error if error.raw_os_error() == Some(libc::ENOENT) => {
                    if self.is_alone()? {
                        return Ok(None);
                    }
                }
                error => return Err(error),
            }
        }
    }

    /// Whether the last watched process has ended.
    fn is_alone(&self) -> io::Result<bool> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut wanted = [PollFd::new(&self.0, PollFlags::IN)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        rustix::io::retry_on_intr(|| poll(&mut wanted, Some(&now)))?;
        Ok(wanted.iter().any(|fd| fd.revents().contains(PollFlags::HUP)))
    }

    /// Lets the call happen as if nobody had looked. False when its caller does not wait any more: then what was read of its memory
    /// may be another's.
    pub(super) fn go_on(&self, call: &Stopped) -> bool {
        let continued = u32::try_from(libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE).unwrap_or_default();
        let mut answer = libc::seccomp_notif_resp { id: call.id, val: 0, error: 0, flags: continued };
        // SAFETY: the kernel reads one structure of this type, which lives until the call returns.
        let done =
            unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer) };
        done == 0
    }
}

/// Copies what another process has in its memory at `address`; how many bytes, none when it may not be read.
pub(super) fn peek(pid: u32, address: u64, into: &mut [u8]) -> Option<usize> {
    let here = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let there = libc::iovec {
        iov_base: std::ptr::with_exposed_provenance_mut(usize::try_from(address).ok()?),
        iov_len: into.len(),
    };
    let pid = libc::pid_t::try_from(pid).ok()?;
    // SAFETY: the kernel writes at most the length of `into`, which is borrowed until the call returns; the address is the other
    // process's and is never followed here.
    let read = unsafe { libc::process_vm_readv(pid, &raw const here, 1, &raw const there, 1, 0) };
    usize::try_from(read).ok()
}

/// Takes over a descriptor that this process was started with.
///
/// # Errors
/// When it is not open, or one of the three standard streams.
pub(super) fn inherited(number: RawFd) -> io::Result<OwnedFd> {
    let standard = (0..=libc::STDERR_FILENO).contains(&number);
    // SAFETY: this call takes no pointer.
    if standard || number < 0 || unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: it is open, and was left to this process by the one that started it, for this; nothing here has it yet.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}
