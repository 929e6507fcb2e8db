//! One process, held by its directory below `/proc` (proc(5)): another that gets its number later is never taken for it.

use std::cell::OnceCell;
use std::ffi::CString;
use std::os::fd::OwnedFd;

use rustix::fs::{CWD, Mode, OFlags, openat, readlinkat};
use rustix::io::{Errno, pread};

/// The longest that is read, in bytes: no command line is longer (execve(2), three quarters of `_STK_LIM`).
const LONGEST: usize = 6 << 20;
/// Read at a time: most command lines, and every `stat`, at once.
const PIECE: usize = 4096;

/// A process. Its files stay open once they were read: what they say is made anew at each reading.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    directory: OwnedFd,
    stat: OnceCell<OwnedFd>,
    command: OnceCell<OwnedFd>,
}

impl Process {
    /// None when there is none of this number, or it may not be looked at.
    pub(super) fn open(pid: u32) -> Option<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(CWD, format!("/proc/{pid}"), flags, Mode::empty()).ok()?;
        Some(Self { pid, directory, stat: OnceCell::new(), command: OnceCell::new() })
    }

    /// Where a link of its directory leads.
    pub(super) fn link(&self, name: &str) -> Option<CString> {
        readlinkat(&self.directory, name, Vec::with_capacity(256)).ok()
    }

    /// What proc_pid_stat(5) says now.
    pub(super) fn stat(&self) -> Option<Vec<u8>> {
        self.said(&self.stat, "stat")
    }

    /// What proc_pid_cmdline(5) says now.
    pub(super) fn command(&self) -> Option<Vec<u8>> {
        self.said(&self.command, "cmdline")
    }

    fn said(&self, kept: &OnceCell<OwnedFd>, name: &str) -> Option<Vec<u8>> {
        let file = if let Some(file) = kept.get() {
            file
        } else {
            let opened = self.opened(name, OFlags::RDONLY)?;
            kept.get_or_init(|| opened)
        };
        let mut said = vec![0; PIECE];
        let mut known = 0;
        while known < LONGEST {
            let room = said.get_mut(known..)?;
            let all = room.len();
            match pread(file, room, known as u64) {
                // Less than there is room for is the end: the kernel makes the whole at once.
                Ok(more) if more < all => {
                    known += more;
                    break;
                }
                Ok(more) => known += more,
                Err(Errno::INTR) => {}
                Err(_) => return None,
            }
            said.resize((known + PIECE).min(LONGEST), 0);
        }
        said.truncate(known);
        Some(said)
    }

    /// A file or directory of its own.
    pub(super) fn opened(&self, name: &str, flags: OFlags) -> Option<OwnedFd> {
        openat(&self.directory, name, flags | OFlags::CLOEXEC, Mode::empty()).ok()
    }
}
