//! The same small request over HTTP/2: many streams at once on one connection, straight and through Exeat, by one client.

use std::time::Instant;

use bytes::Bytes;
use h2::client::{SendRequest, handshake};
use hyper::Request;
use hyper::header::AUTHORIZATION;
use tokio::task::JoinSet;

use super::client::Way;
use super::governed::Governed;
use super::load::{ROUND, sum};
use super::upstream::Upstream;
use super::{CLAIMED, SECRET, rounds, told};
use crate::claim::{Found, note};

/// Streams at once.
const STREAMS: usize = 32;

/// A way and what is sent on it.
struct Many {
    name: &'static str,
    way: Way,
    request: Request<()>,
}

impl Many {
    fn new(name: &'static str, way: Way, port: u16, bearer: &str) -> Found<Self> {
        let request = Request::get(format!("https://localhost:{port}/json"));
        let request = request.header(AUTHORIZATION, format!("Bearer {bearer}")).body(())?;
        Ok(Self { name, way: way.over_http2(), request })
    }

    /// Requests a second.
    async fn rate(&self) -> Found<f64> {
        let stream = self.way.connect().await?;
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(format!("{}: no HTTP/2", self.name).into());
        }
        let (sender, connection) = handshake(stream).await?;
        let mut mover = JoinSet::new();
        drop(mover.spawn(async move { drop(connection.await) }));
        // The first one pays for the connection behind the proxy.
        ask(&sender, &self.request).await?;
        let (began, mut tasks) = (Instant::now(), JoinSet::new());
        for _ in 0..STREAMS {
            let (sender, request) = (sender.clone(), self.request.clone());
            drop(tasks.spawn(async move {
                let mut count = 0;
                while began.elapsed() < ROUND {
                    ask(&sender, &request).await?;
                    count += 1;
                }
                Found::Ok(count)
            }));
        }
        Ok(sum(tasks).await? / began.elapsed().as_secs_f64())
    }
}

/// Both ways, in turns. Nothing is claimed about them.
pub(super) async fn measure(upstream: &Upstream, exeat: &Governed) -> Found {
    let port = upstream.port_of_http2();
    let ways = [
        Many::new("direct", Way::Direct(upstream.target_of_http2()), port, SECRET)?,
        Many::new(CLAIMED, exeat.way(port)?, port, &exeat.token)?,
    ];
    let rates = rounds(&ways, Many::rate).await?;
    for (way, (rate, ratio)) in ways.iter().zip(told(rates)) {
        note(&format!("HTTP/2, {STREAMS} streams, {}, {ratio:.2} of direct", way.name), rate, "/s");
    }
    Ok(())
}

/// Asks on a stream of its own, and reads the answer to its end.
async fn ask(sender: &SendRequest<Bytes>, request: &Request<()>) -> Found {
    let mut sender = sender.clone().ready().await?;
    let (answer, _) = sender.send_request(request.clone(), true)?;
    let answer = answer.await?;
    if answer.status() != 200 {
        return Err(format!("answered {}", answer.status()).into());
    }
    let mut body = answer.into_body();
    while let Some(data) = body.data().await {
        body.flow_control().release_capacity(data?.len())?;
    }
    Ok(())
}
