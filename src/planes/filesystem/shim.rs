//! The shim: from a port on loopback, inside, to the run's own socket. It names the process behind each connection and hands the
//! connection over; nothing passes through it.
//!
//! A thread of its own, one connection after the other: naming asks the kernel and waits for nobody.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::observed::{Owners, Preface};

/// After a connection that could not be taken.
const PAUSE: Duration = Duration::from_millis(20);

/// Serves connections as long as this process lives.
///
/// # Errors
/// When there is no listener, or no thread.
pub fn serve(listener: TcpListener, socket: PathBuf) -> io::Result<()> {
    let port = listener.local_addr()?.port();
    let serving = move || {
        let mut owners = Owners::default();
        loop {
            match listener.accept() {
                // Whoever opened the connection learns from its end that there is no way out now.
                Ok((stream, peer)) => drop(lead(&stream, peer, port, &socket, &mut owners)),
                // Out of descriptors, or gone before it was accepted: the next one may go better, a little later.
                Err(_) => thread::sleep(PAUSE),
            }
        }
    };
    thread::Builder::new().name("way out".to_owned()).spawn(serving).map(drop)
}

/// The connection itself goes to the run's socket, with the line that names its process.
fn lead(
    stream: &TcpStream,
    peer: SocketAddr,
    port: u16,
    socket: &Path,
    owners: &mut Owners,
) -> io::Result<()> {
    // First, so that whoever listens there wakes up meanwhile.
    let out = UnixStream::connect(socket)?;
    let line = Preface::of(peer, port, owners).line();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    let handed = [stream.as_fd()];
    beside.push(SendAncillaryMessage::ScmRights(&handed));
    // As a whole: this waits for room, and what goes along is with the first byte.
    sendmsg(&out, &[IoSlice::new(&line)], &mut beside, SendFlags::NOSIGNAL)?;
    Ok(())
}
