//! A WebSocket after its 101: bytes both ways, followed, masked on their way down and counted, until both sides closed, one left, or the use is cut. One use (G11).

use std::time::Duration;

use http::response::Parts;
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use super::reason::Refused;
use super::record::{ActiveUse, REQUEST_BROKE, UPSTREAM_BROKE};
use super::respond::Reply;
use super::socket_mask::{Direction, SocketMask};
use super::sockets::Followed;
use super::{Proxy, upgrade};

/// Bytes that may be on their way in one direction.
const ROOM: usize = 16 * 1024;
/// What a client is told when its use is cut: a close frame that says "policy violation" (RFC 6455 §7.4.1).
const CLOSED: [u8; 4] = [0x88, 2, 0x03, 0xf0];

/// A connection that becomes a WebSocket.
pub(super) struct Switch {
    pub(super) client: OnUpgrade,
    pub(super) upstream: OnUpgrade,
    pub(super) masking: SocketMask,
    pub(super) active: ActiveUse,
}

/// How one direction ended.
enum End {
    /// With a close frame, or after the other side's.
    Closed,
    /// Without.
    Left,
    /// With something that is no frame.
    Broke(Refused),
}

/// The 101 as it goes to the client.
pub(super) fn answer(mut parts: Parts) -> Response<Reply> {
    parts.status = StatusCode::SWITCHING_PROTOCOLS;
    upgrade::switching(&mut parts.headers);
    Response::from_parts(parts, Empty::new().map_err(|never| match never {}).boxed_unsync())
}

impl Switch {
    /// Carries what is said until it ends; `closing` cuts it.
    pub(super) async fn carry(self, proxy: &Proxy, closing: CancellationToken) {
        let (Ok(client), Ok(upstream)) = tokio::join!(self.client, self.upstream) else {
            return self.active.broke(UPSTREAM_BROKE);
        };
        let (mut client, upstream) = (TokioIo::new(client), TokioIo::new(upstream));
        let mut down = self.masking;
        let linger = proxy.settings.limits.linger;
        let cut = tokio::select! {
            () = both((&mut client, upstream), &mut down, &self.active, linger) => false,
            () = closing.cancelled() => true,
            () = proxy.parts.tasks.stopping() => true,
        };
        self.active.tally().masked(down.masked());
        let last = async {
            if cut && down.is_between() {
                client.write_all(&CLOSED).await?;
            }
            client.shutdown().await
        };
        // It may have left by now.
        drop(tokio::time::timeout(linger, last).await);
    }
}

async fn both(
    (client, upstream): (&mut TokioIo<Upgraded>, TokioIo<Upgraded>),
    down: &mut SocketMask,
    active: &ActiveUse,
    linger: Duration,
) {
    let ((client_reads, client_writes), tally) = (tokio::io::split(client), active.tally());
    let (upstream_reads, upstream_writes) = tokio::io::split(upstream);
    let mut up = Followed::of_client();
    let upwards = one_way((client_reads, upstream_writes), &mut up, |bytes| tally.sent(bytes));
    let downwards = one_way((upstream_reads, client_writes), down, |bytes| tally.received(bytes));
    let (mut upwards, mut downwards) = (std::pin::pin!(upwards), std::pin::pin!(downwards));
    tokio::select! {
        end = &mut upwards => match end {
            End::Broke(refused) => {
                tracing::debug!(%refused, "a client broke its WebSocket");
                return active.broke(REQUEST_BROKE);
            }
            End::Left => return,
            // Whoever has closed may still hear the other side do so.
            End::Closed => drop(tokio::time::timeout(linger, downwards).await),
        },
        end = &mut downwards => match end {
            End::Broke(_) | End::Left => return active.broke(UPSTREAM_BROKE),
            End::Closed => drop(tokio::time::timeout(linger, upwards).await),
        },
    }
    active.completed();
}

async fn one_way(
    (mut from, mut to): (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    followed: &mut impl Direction,
    count: impl Fn(usize),
) -> End {
    let mut space = vec![0; ROOM];
    loop {
        let read = match from.read(&mut space).await {
            Ok(read) if read > 0 => read,
            _ => return End::Left,
        };
        let bytes = match followed.pass(space.get(..read).unwrap_or_default()) {
            Ok(bytes) => bytes,
            Err(refused) => return End::Broke(refused),
        };
        count(read);
        if to.write_all(&bytes).await.is_err() || to.flush().await.is_err() {
            return End::Left;
        }
        if followed.has_closed() {
            return End::Closed;
        }
    }
}
