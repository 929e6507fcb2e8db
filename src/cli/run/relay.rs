//! Copies between two descriptors on a thread of its own: terminals are read with calls that wait.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;
use std::thread::JoinHandle;

use rustix::pipe::{PipeFlags, pipe_with};

use crate::cli::failure::Failure;

/// Copies until one side ends. A terminal whose last program has ended gives an error; that is its end.
pub(super) fn copy(mut from: File, mut to: File) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(read) = from.read(&mut buffer) {
            let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { return };
            if to.write_all(bytes).is_err() {
                return;
            }
        }
    })
}

/// A descriptor of our own for the same file.
pub(super) fn own(stream: impl AsFd) -> Result<File, Failure> {
    let copied: OwnedFd = rustix::io::fcntl_dupfd_cloexec(stream, 3).map_err(std::io::Error::from)?;
    Ok(File::from(copied))
}

/// What the command gets in place of a terminal that it must not hold, and the thread that copies to it.
pub(super) fn out(terminal: impl AsFd) -> Result<(Stdio, JoinHandle<()>), Failure> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC).map_err(std::io::Error::from)?;
    Ok((Stdio::from(write), copy(File::from(read), own(terminal)?)))
}

/// The same for a terminal that it reads from. Nobody waits for that thread: it waits for a person.
pub(super) fn into(terminal: impl AsFd) -> Result<Stdio, Failure> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC).map_err(std::io::Error::from)?;
    drop(copy(own(terminal)?, File::from(write)));
    Ok(Stdio::from(read))
}
