//! A request in the clear to an open host: sent on as it is, on a connection of its own, without a credential of ours.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, Response, StatusCode, Uri, Version};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;

use super::destination::OpenHost;
use super::gate::Caller;
use super::head::{Framing, Head, MAX_HEAD_BYTES, MAX_HEADERS};
use super::passage::Passing;
use super::reason::Refused;
use super::record::UPSTREAM_BROKE;
use super::respond::Reply;
use super::verdicts::Turn;
use super::{Proxy, hop};
use crate::domain::key::{KeyKind, looks_like};
use crate::domain::problem::Problem;
use crate::domain::token::looks_like_token;

/// One request to an open host, and its answer as it comes.
pub(super) async fn send(
    (proxy, caller, host): (&Arc<Proxy>, &Caller, &OpenHost),
    (head, path): (&Head, &str),
    request: Request<Incoming>,
    (closing, turn): (CancellationToken, Turn),
) -> Result<Response<Reply>, Problem> {
    let request = match fit(head, host, path, request) {
        Ok(request) => request,
        Err(refused) => return Err(proxy.parts.gate.refuse(host.attempt(caller), refused).await),
    };
    let passing = Passing::begin(proxy, caller, host, closing).await?;
    let there = passing.dial(host).await.map_err(Refused::problem)?;
    let broke = |_| {
        passing.ended(Some(UPSTREAM_BROKE));
        Refused::UNREACHABLE.problem()
    };
    let mut client = http1::Builder::new();
    client.max_headers(MAX_HEADERS * 2).max_buf_size(4 * MAX_HEAD_BYTES);
    let (mut sender, connection) = client.handshake(TokioIo::new(there)).await.map_err(broke)?;
    proxy.parts.tasks.spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to a granted host ended early");
        }
    });
    let response = sender.send_request(request).await.map_err(broke)?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        passing.ended(Some(UPSTREAM_BROKE));
        return Err(Refused::UNREACHABLE.problem());
    }
    let (mut parts, body) = response.into_parts();
    hop::strip_response(&mut parts.headers);
    parts.version = Version::HTTP_11;
    let body = Carried { body, passing, _sender: sender, _turn: turn };
    Ok(Response::from_parts(parts, body.map_err(Into::into).boxed_unsync()))
}

fn fit(
    head: &Head,
    host: &OpenHost,
    path: &str,
    request: Request<Incoming>,
) -> Result<Request<Incoming>, Refused> {
    let (mut parts, body) = request.into_parts();
    hop::strip_request(&mut parts.headers, None)?;
    refuse_ours(&parts.headers, path)?;
    let ambiguous = Refused::ambiguous("target");
    parts.uri = path.parse::<Uri>().map_err(|_| ambiguous)?;
    if parts.uri.path_and_query().map(http::uri::PathAndQuery::as_str) != Some(path) {
        return Err(ambiguous);
    }
    let name = host.origin.to_string().split_off(host.origin.scheme.as_str().len() + "://".len());
    parts.headers.insert(header::HOST, name.parse().map_err(|_| Refused::ambiguous("host"))?);
    if head.framing == Framing::Chunked {
        parts.headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    Ok(Request::from_parts(parts, body))
}

/// Nothing that is worth something here leaves for a host that nobody governs: tokens, placeholders, keys (E08).
fn refuse_ours(headers: &HeaderMap, path: &str) -> Result<(), Refused> {
    let ours = |text: &str| {
        let word = |word: &str| {
            looks_like_token(word)
                || [KeyKind::Agent, KeyKind::Review, KeyKind::Placeholder]
                    .iter()
                    .any(|kind| looks_like(*kind, word))
        };
        text.split(|c: char| !(c.is_ascii_alphanumeric() || "_-.".contains(c))).any(word)
    };
    let in_value = |value: &HeaderValue| {
        let text = String::from_utf8_lossy(value.as_bytes());
        let inner = text.split(' ').filter_map(|word| STANDARD.decode(word).ok());
        let mut inner = inner.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        ours(&text) || inner.any(|text| ours(&text))
    };
    if ours(path) || headers.values().any(in_value) { Err(Refused::OURS_ELSEWHERE) } else { Ok(()) }
}

/// A response body on its way down; its end is the end of its connection.
struct Carried {
    body: Incoming,
    passing: Passing,
    /// Kept, because hyper ends the connection when nobody can send on it any more.
    _sender: http1::SendRequest<Incoming>,
    _turn: Turn,
}

impl Body for Carried {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let frame = std::task::ready!(Pin::new(&mut this.body).poll_frame(cx));
        Poll::Ready(match frame.map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(data))) => Some(Ok(Frame::data(data))),
            Some(Err(error)) => {
                this.passing.ended(Some(UPSTREAM_BROKE));
                Some(Err(error))
            }
            // Trailers end here.
            Some(Ok(Err(_))) | None => {
                this.passing.ended(None);
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        // hyper does not ask again for a body it knows to be at its end.
        if self.body.is_end_stream() {
            self.passing.ended(None);
        }
    }
}
