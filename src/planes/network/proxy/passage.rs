//! A connection of a run to a host that something granted to it opens: on record before it is dialled, counted both ways, never with
//! a credential, and cut when what opened it ends.
//!
//! A tunnel is not looked into. Only its first words are read: they must be TLS, and name the very host that was granted (A02, A04).

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Proxy;
use super::destination::OpenHost;
use super::dial::{self, Stream};
use super::gate::{Caller, Opening};
use super::reason::Refused;
use super::record::{CLIENT_GONE, CUT, UNREACHABLE};
use super::respond;
use crate::base::id::ConnectionId;
use crate::domain::connection::ConnectionEnd;
use crate::domain::problem::Problem;

/// The longest first words of TLS (RFC 8446 §4: a handshake message in a few records).
const MAX_HELLO_BYTES: usize = 64 * 1024;
/// The first words were not TLS for this host.
const NOT_THE_HOST: &str = "server_name";

/// A connection on record that has not ended. Dropped, it is told how it ended.
pub(super) struct Passing {
    proxy: Arc<Proxy>,
    id: ConnectionId,
    tally: Arc<Tally>,
    _watched: DropGuard,
}

/// What is known of a connection so far.
struct Tally {
    up: AtomicU64,
    down: AtomicU64,
    broken: Mutex<Option<&'static str>>,
}

impl Passing {
    /// Puts the connection on record. `closing` is cancelled when it is to end.
    pub(super) async fn begin(
        proxy: &Arc<Proxy>,
        caller: &Caller,
        host: &OpenHost,
        closing: CancellationToken,
    ) -> Result<Self, Problem> {
        let opening = Opening {
            caller: caller.clone(),
            to: host.to.clone(),
            grant: host.grant,
            address: host.addresses.first(),
        };
        let passage = proxy.parts.gate.open(opening).await?;
        proxy.counters.passages.one_more();
        let broken = Mutex::new(Some(CLIENT_GONE));
        let tally = Arc::new(Tally { up: AtomicU64::new(0), down: AtomicU64::new(0), broken });
        let over = CancellationToken::new();
        let (watched, told) = (over.clone().drop_guard(), Arc::clone(&tally));
        proxy.parts.tasks.spawn(async move {
            tokio::select! {
                () = over.cancelled() => return,
                () = passage.cut.cancelled() => {}
                () = tokio::time::sleep(passage.life) => {}
            }
            told.ended(Some(CUT));
            closing.cancel();
        });
        Ok(Self { proxy: Arc::clone(proxy), id: passage.id, tally, _watched: watched })
    }

    /// Dials the host, and counts what goes either way.
    pub(super) async fn dial(&self, host: &OpenHost) -> Result<Counted<impl Stream + use<>>, Refused> {
        match dial::connect_tcp(&self.proxy, host.addresses.as_slice()).await {
            Ok(io) => Ok(Counted { io, tally: Arc::clone(&self.tally) }),
            Err(error) => {
                tracing::info!(error = &error as &dyn std::error::Error, "a granted host was not reached");
                self.ended(Some(UNREACHABLE));
                Err(Refused::UNREACHABLE)
            }
        }
    }

    /// How it ends; what is said first counts. `None`: as it should.
    pub(super) fn ended(&self, broken: Option<&'static str>) {
        self.tally.ended(broken);
    }
}

impl Tally {
    fn ended(&self, why: Option<&'static str>) {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        if *broken == Some(CLIENT_GONE) {
            *broken = why;
        }
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        let broken = *self.tally.broken.lock().unwrap_or_else(PoisonError::into_inner);
        let end = ConnectionEnd {
            bytes_up: self.tally.up.load(Ordering::Relaxed),
            bytes_down: self.tally.down.load(Ordering::Relaxed),
            broken: broken.map(str::to_owned),
        };
        let (proxy, id) = (Arc::clone(&self.proxy), self.id);
        self.proxy.parts.tasks.spawn(async move { proxy.parts.gate.close(id, end).await });
    }
}

/// Answers a `CONNECT` to an open host, and carries what follows.
pub(super) async fn tunnel<IO: Stream>(proxy: &Arc<Proxy>, mut agent: IO, caller: Caller, host: OpenHost) {
    let closing = CancellationToken::new();
    let linger = proxy.settings.limits.linger;
    let passing = match Passing::begin(proxy, &caller, &host, closing.clone()).await {
        Ok(passing) => passing,
        Err(problem) => return respond::last_word(proxy, agent, problem, linger).await,
    };
    let mut there = match passing.dial(&host).await {
        Ok(there) => there,
        Err(refused) => return respond::last_word(proxy, agent, refused.problem(), linger).await,
    };
    tokio::select! {
        () = carry(proxy, (&mut agent, &mut there), (&caller, &host), &passing) => {}
        () = closing.cancelled() => {}
        () = proxy.parts.tasks.stopping() => {}
    }
}

async fn carry<IO: Stream>(
    proxy: &Proxy,
    (agent, there): (&mut IO, &mut Counted<impl Stream>),
    (caller, host): (&Caller, &OpenHost),
    passing: &Passing,
) {
    if agent.write_all(b"HTTP/1.1 200 Connection Established\r\n\r\n").await.is_err() {
        return;
    }
    let said = tokio::time::timeout(proxy.settings.limits.head, first_words(agent, &host.origin.host)).await;
    let hello = match said.unwrap_or(Err(Refused::TOO_SLOW)) {
        Ok(hello) => hello,
        Err(refused) => {
            proxy.counters.refused.one_more();
            passing.ended(Some(NOT_THE_HOST));
            proxy.parts.gate.refuse(host.attempt(caller), refused).await;
            return;
        }
    };
    let carried = async {
        there.write_all(&hello).await?;
        tokio::io::copy_bidirectional(agent, there).await
    };
    passing.ended(carried.await.is_err().then_some("connection_broke"));
}

/// The ClientHello, as it was sent, if it is one for `host`. An address has no name in TLS (RFC 6066 §3).
async fn first_words<IO: Stream>(agent: &mut IO, host: &str) -> Result<Vec<u8>, Refused> {
    let mut acceptor = rustls::server::Acceptor::default();
    let (mut said, mut space) = (Vec::new(), [0; 4096]);
    while said.len() < MAX_HELLO_BYTES {
        let read = agent.read(&mut space).await.map_err(|_| Refused::NOT_TLS)?;
        let mut fresh = space.get(..read).filter(|fresh| !fresh.is_empty()).ok_or(Refused::NOT_TLS)?;
        said.extend_from_slice(fresh);
        while !fresh.is_empty() {
            if acceptor.read_tls(&mut fresh).map_err(|_| Refused::NOT_TLS)? == 0 {
                return Err(Refused::NOT_TLS);
            }
            let Some(hello) = acceptor.accept().map_err(|_| Refused::NOT_TLS)? else { continue };
            let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
            let named = hello.client_hello().server_name().map(str::to_ascii_lowercase);
            let same = if address { named.is_none() } else { named.as_deref() == Some(host) };
            return if same { Ok(said) } else { Err(Refused::SERVER_NAME) };
        }
    }
    Err(Refused::NOT_TLS)
}

/// A connection to a host whose bytes are counted.
pub(super) struct Counted<IO> {
    io: IO,
    tally: Arc<Tally>,
}

impl<IO: AsyncRead + Unpin> AsyncRead for Counted<IO> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.io).poll_read(cx, buffer))?;
        let read = buffer.filled().len().saturating_sub(before);
        this.tally.down.fetch_add(read as u64, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Counted<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.io).poll_write(cx, bytes))?;
        this.tally.up.fetch_add(written as u64, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
