//! The shim: from a port on loopback, inside, to the run's own socket. It names the process behind each connection and looks at
//! nothing that passes.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::Semaphore;

use super::observed::{Owners, Preface};
use crate::base::tasks::Tasks;

/// Connections at a time; the next ones wait.
const CONNECTIONS: usize = 1024;
/// After a connection that could not be taken.
const PAUSE: Duration = Duration::from_millis(20);

/// Serves connections until told to stop.
///
/// # Errors
/// When the listener breaks.
pub async fn serve(listener: TcpListener, socket: PathBuf, tasks: Tasks) -> io::Result<()> {
    let port = listener.local_addr()?.port();
    let (socket, owners) = (Arc::<Path>::from(socket), Arc::new(Mutex::new(Owners::default())));
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let place = Arc::clone(&room).acquire_owned().await.map_err(io::Error::other)?;
        let Ok((stream, peer)) = listener.accept().await else {
            // Out of descriptors, or gone before it was accepted: the next one may go better, a little later.
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (socket, owners) = (Arc::clone(&socket), Arc::clone(&owners));
        tasks.spawn(async move {
            // Whoever opened the connection learns from its end that there is no way out now.
            let _ = lead(stream, peer, port, &socket, &owners).await;
            drop(place);
        });
    }
}

async fn lead(
    mut stream: TcpStream,
    peer: SocketAddr,
    port: u16,
    socket: &Path,
    owners: &Mutex<Owners>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut out = UnixStream::connect(socket).await?;
    let preface = Preface::of(peer, port, &mut owners.lock().unwrap_or_else(PoisonError::into_inner));
    out.write_all(&preface.line()).await?;
    copy_bidirectional(&mut stream, &mut out).await.map(drop)
}
