//! One load tool for both servers: connections that ask, wait, and ask again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::claim::{Found, millis, number, quantile};

/// What is asked.
#[derive(Clone)]
pub(crate) struct Shot {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// The header that says who asks, and what it says.
    pub(crate) caller: (&'static str, String),
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
}

/// What came of a load.
pub(crate) struct Load {
    /// Milliseconds of each answer.
    pub(crate) times: Vec<f64>,
    /// Answers that were not a success.
    pub(crate) failed: usize,
    /// Answers in a second.
    pub(crate) rate: f64,
}

impl Load {
    /// The time that a share of the answers took at most.
    pub(crate) fn quantile(&mut self, share: f64) -> f64 {
        quantile(&mut self.times, share)
    }

    /// An error if anything failed: the rate of refusals is not a figure.
    pub(crate) fn clean(self) -> Found<Self> {
        if self.failed == 0 { Ok(self) } else { Err(format!("{} requests failed", self.failed).into()) }
    }
}

/// A connection that is kept.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    /// What moves the bytes; ends with this value.
    _mover: JoinSet<()>,
}

impl Connection {
    /// Connects.
    pub(crate) async fn to(address: SocketAddr) -> Found<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        let mut mover = JoinSet::new();
        drop(mover.spawn(async move { drop(connection.await) }));
        Ok(Self { sender, host: address.to_string(), _mover: mover })
    }

    /// Asks, and reads the answer to its end.
    pub(crate) async fn ask(&mut self, shot: &Shot) -> Found<(u16, Bytes)> {
        let (name, value) = &shot.caller;
        let mut request = Request::builder()
            .method(shot.method.clone())
            .uri(&shot.path)
            .header(header::HOST, &self.host)
            .header(*name, value);
        if !shot.body.is_empty() {
            request = request.header(header::CONTENT_TYPE, shot.content_type);
        }
        self.sender.ready().await?;
        let answer = self.sender.send_request(request.body(Full::new(shot.body.clone()))?).await?;
        let status = answer.status().as_u16();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    }
}

/// Asks once with JSON and gives the JSON of the answer.
pub(crate) async fn call(
    address: SocketAddr,
    method: Method,
    path: &str,
    caller: (&'static str, String),
    body: Option<Value>,
) -> Found<Value> {
    let body = body.map(|value| Bytes::from(value.to_string())).unwrap_or_default();
    let shot = Shot { method, path: path.to_owned(), caller, content_type: "application/json", body };
    let (status, bytes) = Connection::to(address).await?.ask(&shot).await?;
    let text = String::from_utf8_lossy(&bytes);
    if !(200..300).contains(&status) {
        return Err(format!("{path}: {status} {text}").into());
    }
    Ok(if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes)? })
}

/// Asks over `connections` for `time`, each connection the shots in turn.
pub(crate) async fn load(
    address: SocketAddr,
    connections: usize,
    time: Duration,
    shots: &Arc<Vec<Shot>>,
) -> Found<Load> {
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(Connection::to(address).await?);
    }
    let (began, mut tasks) = (Instant::now(), JoinSet::new());
    for (number, mut connection) in open.into_iter().enumerate() {
        let shots = Arc::clone(shots);
        drop(tasks.spawn(async move {
            let (mut times, mut failed) = (Vec::new(), 0);
            for shot in shots.iter().cycle().skip(number) {
                let asked = Instant::now();
                let (status, _) = connection.ask(shot).await?;
                times.push(millis(asked.elapsed()));
                failed += usize::from(!(200..300).contains(&status));
                if began.elapsed() >= time {
                    break;
                }
            }
            Found::Ok((times, failed))
        }));
    }
    let (mut times, mut failed) = (Vec::new(), 0);
    while let Some(done) = tasks.join_next().await {
        let (more, refused) = done??;
        times.extend(more);
        failed += refused;
    }
    let rate = number(times.len()) / began.elapsed().as_secs_f64();
    Ok(Load { times, failed, rate })
}
