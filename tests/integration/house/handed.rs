//! Descriptors that are handed over on a Unix socket (`SCM_RIGHTS`, unix(7)), as a shim does with connections.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

/// The most at once, here.
const MOST: usize = 8;

/// Sends these bytes, and the descriptors with them.
pub(crate) fn hand_over(to: impl AsFd, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    assert!(descriptors.is_empty() || beside.push(SendAncillaryMessage::ScmRights(descriptors)));
    let sent = sendmsg(to, &[IoSlice::new(bytes)], &mut beside, SendFlags::NOSIGNAL).unwrap();
    assert_eq!(sent, bytes.len());
}

/// Reads what there is, and the descriptors that came with it.
pub(crate) fn received(from: impl AsFd) -> (Vec<u8>, Vec<OwnedFd>) {
    let (mut bytes, mut descriptors) = (vec![0; 65536], Vec::new());
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let mut into = [IoSliceMut::new(&mut bytes)];
    let read = recvmsg(from, &mut into, &mut beside, RecvFlags::CMSG_CLOEXEC).map_or(0, |read| read.bytes);
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(came) = message {
            descriptors.extend(came);
        }
    }
    bytes.truncate(read);
    (bytes, descriptors)
}
