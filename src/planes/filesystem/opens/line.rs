//! The line between the watcher and whoever will be watched: over it goes the one descriptor that the kernel gives.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd, RawFd};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

use super::notify::{CannotWatch, inherited, watch_self};

/// The watcher's end.
#[derive(Debug)]
pub struct Line(OwnedFd);

/// The other end, for the process that will be watched.
#[derive(Debug)]
pub struct TheirLine(OwnedFd);

impl Line {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no more descriptors.
    pub fn open() -> io::Result<(Self, TheirLine)> {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        Ok((Self(ours), TheirLine(theirs)))
    }

    /// What the kernel gave to the process at the other end; none when it ended without.
    ///
    /// # Errors
    /// When the line breaks.
    pub fn listener(&self) -> io::Result<Option<OwnedFd>> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut received = RecvAncillaryBuffer::new(&mut space);
        let (mut byte, flags) = ([0], RecvFlags::CMSG_CLOEXEC);
        rustix::io::retry_on_intr(|| {
            recvmsg(&self.0, &mut [IoSliceMut::new(&mut byte)], &mut received, flags)
        })?;
        Ok(received.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        }))
    }
}

impl TheirLine {
    /// The next process that is started inherits it, by this number.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn hand_on(&self) -> io::Result<RawFd> {
        fcntl_setfd(&self.0, FdFlags::empty())?;
        Ok(self.0.as_raw_fd())
    }

    /// The one that was inherited; nothing that is started from here has it.
    ///
    /// # Errors
    /// When that number is no open descriptor.
    pub fn inherited(number: RawFd) -> io::Result<Self> {
        let line = inherited(number)?;
        fcntl_setfd(&line, FdFlags::CLOEXEC)?;
        Ok(Self(line))
    }

    /// Lets this process, and all that it will start, be watched from the other end from now on.
    ///
    /// # Errors
    /// When the kernel cannot.
    pub fn watch_me(self) -> Result<(), CannotWatch> {
        let listener = watch_self()?;
        let descriptors = [listener.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut sent = SendAncillaryBuffer::new(&mut space);
        // There is room for one.
        let _ = sent.push(SendAncillaryMessage::ScmRights(&descriptors));
        sendmsg(&self.0, &[IoSlice::new(&[1])], &mut sent, SendFlags::NOSIGNAL).map_err(io::Error::from)?;
        Ok(())
    }
}
