//! How a connection of a run begins on the run's socket: with the [`preface`], and, with that line's first byte, the TCP connection of
//! the process behind it (`SCM_RIGHTS`, unix(7)). Handed over like that, nothing that passes goes through the shim, which may go on with
//! the next line and the next connection. Whoever cannot hand it over speaks on behind the line.
//!
//! What is handed over stays shared with whoever did: it could be made to block. The socket is for the broker's own user, and a walled
//! agent can make no socket to reach it.

use std::io::{self, Cursor};
use std::mem::MaybeUninit;
use std::net::TcpStream as PlainStream;
use std::os::fd::OwnedFd;

use rustix::net::sockopt::{socket_acceptconn, socket_domain, socket_protocol, socket_type};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SocketType, ipproto,
    recvmsg,
};
use tokio::io::{AsyncReadExt as _, Interest};
use tokio::net::{TcpStream, UnixStream};

use super::dial::Stream;
use super::preface::{self, InvalidPreface, MAX_PREFACE_BYTES};
use crate::domain::step::ObservedStep;

/// What a connection goes on over.
pub(super) enum Goes {
    /// The socket itself, which has said this much already.
    OnHere(Vec<u8>),
    /// What was handed over.
    Over(TcpStream),
}

/// Reads the beginning of a connection: the process behind it, where the shim could tell, and what it goes on over. `None` when there
/// is no further one.
///
/// # Errors
/// When there is no such line, or what came with it is not one TCP connection with nothing behind the line.
pub(super) async fn opening(
    door: &UnixStream,
) -> Result<Option<(Option<ObservedStep>, Goes)>, InvalidPreface> {
    let (mut came, mut handed) = (Vec::with_capacity(MAX_PREFACE_BYTES), None);
    let end = loop {
        let known = came.len();
        let read = door.async_io(Interest::READABLE, || receive(door, &mut came, &mut handed)).await;
        match read.map_err(|_| InvalidPreface)? {
            0 if known == 0 => return Ok(None),
            0 => return Err(InvalidPreface),
            _ => {}
        }
        if let Some(at) = came.iter().skip(known).position(|byte| *byte == b'\n') {
            break known + at;
        }
    };
    let behind = came.split_off(end + 1);
    let observed = preface::parse(came.get(..end).unwrap_or_default())?;
    let goes = match handed {
        None => Goes::OnHere(behind),
        Some(handed) if behind.is_empty() => Goes::Over(connection(handed).map_err(|_| InvalidPreface)?),
        Some(_) => return Err(InvalidPreface),
    };
    Ok(Some((observed, goes)))
}

/// The socket as a stream, from where its first line ended.
pub(super) fn here(door: UnixStream, behind: Vec<u8>) -> impl Stream + 'static {
    let (read, write) = door.into_split();
    tokio::io::join(Cursor::new(behind).chain(read), write)
}

/// Reads as many bytes as a preface may still have, and at most one descriptor in all.
fn receive(door: &UnixStream, came: &mut Vec<u8>, handed: &mut Option<OwnedFd>) -> io::Result<usize> {
    let mut bytes = [0; MAX_PREFACE_BYTES];
    let room = bytes.get_mut(came.len()..).unwrap_or_default();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let read = recvmsg(door, &mut [io::IoSliceMut::new(room)], &mut beside, RecvFlags::CMSG_CLOEXEC)?;
    came.extend(room.iter().take(read.bytes));
    let descriptors = beside.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    for descriptor in descriptors.flatten() {
        if handed.replace(descriptor).is_some() {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    if read.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(read.bytes)
}

/// Of all that a descriptor can be, only a TCP connection.
fn connection(handed: OwnedFd) -> io::Result<TcpStream> {
    let is_ip = [AddressFamily::INET, AddressFamily::INET6].contains(&socket_domain(&handed)?);
    let is_tcp =
        socket_type(&handed)? == SocketType::STREAM && socket_protocol(&handed)? == Some(ipproto::TCP);
    if !is_ip || !is_tcp || socket_acceptconn(&handed)? {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let stream = PlainStream::from(handed);
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    TcpStream::from_std(stream)
}
