//! The shim: from a port on loopback, inside, to the run's own socket. It names the process behind each connection and hands the
//! connection over; nothing passes through it.
//!
//! A thread of its own, one connection after the other: naming asks the kernel and waits for nobody.

use std::io::{self, IoSlice, Write as _};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::observed::Observer;

/// After a connection that could not be taken.
const PAUSE: Duration = Duration::from_millis(20);

/// What every line begins with.
const FIRST: &[u8] = b"{";

/// Serves connections as long as this process lives.
///
/// # Errors
/// When there is no listener, or no thread.
pub fn serve(listener: TcpListener, socket: PathBuf) -> io::Result<()> {
    let port = listener.local_addr()?.port();
    let mut way_out = WayOut { socket, door: None, observer: Observer::default() };
    let serving = move || {
        loop {
            match listener.accept() {
                // Whoever opened the connection learns from its end that there is no way out now.
                Ok((stream, peer)) => drop(way_out.lead(&stream, peer, port)),
                // Out of descriptors, or gone before it was accepted: the next one may go better, a little later.
                Err(_) => thread::sleep(PAUSE),
            }
        }
    };
    thread::Builder::new().name("way out".to_owned()).spawn(serving).map(drop)
}

/// The run's socket, as the shim knows it.
struct WayOut {
    socket: PathBuf,
    /// Where the last connection was handed over.
    door: Option<UnixStream>,
    observer: Observer,
}

impl WayOut {
    /// The connection itself goes to the run's socket, and behind it the line that names its process: the broker takes it up while
    /// the process is being named.
    fn lead(&mut self, stream: &TcpStream, peer: SocketAddr, port: u16) -> io::Result<()> {
        let mut door = self.hand_over(stream)?;
        let line = self.observer.preface(peer, port).line();
        door.write_all(line.strip_prefix(FIRST).unwrap_or_default())?;
        // Only with a whole line behind it can it be used again.
        self.door = Some(door);
        Ok(())
    }

    /// By the last way there was one, or where the broker has gone since, by a new one.
    fn hand_over(&mut self, stream: &TcpStream) -> io::Result<UnixStream> {
        if let Some(door) = self.door.take()
            && with_first_byte(&door, stream).is_ok()
        {
            return Ok(door);
        }
        let door = UnixStream::connect(&self.socket)?;
        with_first_byte(&door, stream)?;
        Ok(door)
    }
}

fn with_first_byte(door: &UnixStream, stream: &TcpStream) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    let handed = [stream.as_fd()];
    beside.push(SendAncillaryMessage::ScmRights(&handed));
    sendmsg(door, &[IoSlice::new(FIRST)], &mut beside, SendFlags::NOSIGNAL)?;
    Ok(())
}
