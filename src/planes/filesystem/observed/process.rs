//! One process, held by its directory below `/proc` (proc(5)): another that gets its number later is never taken for it.

use std::ffi::CString;
use std::os::fd::OwnedFd;

use rustix::fs::{CWD, Mode, OFlags, openat, readlinkat};
use rustix::io::{Errno, read};

/// The longest that is read, in bytes: no command line is longer (execve(2), three quarters of `_STK_LIM`).
const LONGEST: usize = 6 << 20;
/// Read at a time: most command lines, and every `stat`, at once.
const PIECE: usize = 4096;

/// A process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    directory: OwnedFd,
}

impl Process {
    /// None when there is none of this number, or it may not be looked at.
    pub(super) fn open(pid: u32) -> Option<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(CWD, format!("/proc/{pid}"), flags, Mode::empty()).ok()?;
        Some(Self { pid, directory })
    }

    /// Where a link of its directory leads.
    pub(super) fn link(&self, name: &str) -> Option<CString> {
        readlinkat(&self.directory, name, Vec::with_capacity(256)).ok()
    }

    /// What a file of its directory says now.
    pub(super) fn file(&self, name: &str) -> Option<Vec<u8>> {
        let file = self.opened(name, OFlags::RDONLY)?;
        let mut said = vec![0; PIECE];
        let mut known = 0;
        loop {
            match read(&file, said.get_mut(known..)?) {
                Ok(0) => break,
                Ok(more) => known += more,
                Err(Errno::INTR) => {}
                Err(_) => return None,
            }
            if known == LONGEST {
                break;
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
