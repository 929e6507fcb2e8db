//! Answers of the proxy's own: problem documents, inside a conversation or as the last word on a connection.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::Proxy;
use super::record::Metered;
use crate::domain::problem::{Problem, ProblemKind};

/// A response body: the upstream's, or a problem.
pub(super) type Reply = UnsyncBoxBody<Bytes, hyper::Error>;

/// How much is read after the last word.
const MAX_LINGER_BYTES: u64 = 1024 * 1024;

/// The upstream's body.
pub(super) fn streamed(body: Metered) -> Reply {
    body.boxed_unsync()
}

/// The problem as a response.
pub(super) fn problem(problem: &Problem) -> Response<Reply> {
    let document = problem.document().to_string();
    let body = Full::new(Bytes::from(document)).map_err(|never: Infallible| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(problem.kind.status()).unwrap_or(StatusCode::BAD_GATEWAY);
    for (name, value) in headers(problem.kind) {
        if let Ok(name) = header::HeaderName::from_bytes(name.as_bytes()) {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

fn headers(kind: ProblemKind) -> Vec<(&'static str, &'static str)> {
    let mut headers = vec![("content-type", "application/problem+json"), ("cache-control", "no-store")];
    headers.extend(match kind {
        ProblemKind::ProxyUnauthenticated => {
            Some(("proxy-authenticate", "Basic realm=\"exeat\", charset=\"UTF-8\""))
        }
        ProblemKind::MethodNotAllowed => Some(("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")),
        ProblemKind::LedgerUnavailable => Some(("retry-after", "5")),
        _ => None,
    });
    headers
}

/// Answers with the problem and closes, reading on for a while so that the answer is not lost to a reset.
pub(super) async fn last_word<IO>(proxy: &Proxy, mut io: IO, problem: Problem, linger: Duration)
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    proxy.counters.refused.one_more();
    let document = problem.document().to_string();
    let status = StatusCode::from_u16(problem.kind.status()).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut text =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n", document.len());
    for (name, value) in headers(problem.kind) {
        text.extend([name, ": ", value, "\r\n"]);
    }
    text.extend(["\r\n", &document]);
    let said = async {
        io.write_all(text.as_bytes()).await?;
        io.shutdown().await?;
        tokio::io::copy(&mut io.take(MAX_LINGER_BYTES), &mut tokio::io::sink()).await
    };
    if let Ok(Err(error)) = tokio::time::timeout(linger, said).await {
        tracing::debug!(%error, "a client left before it was answered");
    }
}
