//! Answers of the proxy's own: problem documents, inside a conversation or as the last word on a connection.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::Proxy;
use crate::domain::problem::Problem;

/// A response body: the upstream's, or a problem.
pub(super) type Reply = UnsyncBoxBody<Bytes, Broken>;
/// Why a response body broke off.
pub(super) type Broken = Box<dyn std::error::Error + Send + Sync>;

/// How much is read after the last word.
const MAX_LINGER_BYTES: u64 = 1024 * 1024;

/// The problem as 401, for a slot that takes Basic: git and its like keep their password back until they are asked for
/// it (RFC 9110 §15.5.2).
pub(super) fn challenge(problem: Problem) -> Problem {
    problem.with("status", StatusCode::UNAUTHORIZED.as_u16())
}

/// The problem as a response.
pub(super) fn problem(problem: &Problem) -> Response<Reply> {
    let document = problem.document();
    let status = status(&document);
    let body = Full::new(Bytes::from(document.to_string())).map_err(|never: Infallible| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    for (name, value) in headers(status) {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn status(document: &Value) -> StatusCode {
    let status = document.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::BAD_GATEWAY)
}

fn headers(status: StatusCode) -> Vec<(HeaderName, &'static str)> {
    let mut headers =
        vec![(header::CONTENT_TYPE, "application/problem+json"), (header::CACHE_CONTROL, "no-store")];
    headers.extend(match status {
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            Some((header::PROXY_AUTHENTICATE, "Basic realm=\"exeat\""))
        }
        StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, "Basic realm=\"exeat token\"")),
        StatusCode::METHOD_NOT_ALLOWED => {
            Some((header::ALLOW, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"))
        }
        StatusCode::SERVICE_UNAVAILABLE => Some((header::RETRY_AFTER, "5")),
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
    let document = problem.document();
    let (status, document) = (status(&document), document.to_string());
    let mut text =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n", document.len());
    for (name, value) in headers(status) {
        text.extend([name.as_str(), ": ", value, "\r\n"]);
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
