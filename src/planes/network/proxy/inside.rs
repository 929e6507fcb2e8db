//! What a run may say to Exeat itself, through its own socket: `http://exeat.internal/…`. The name is looked up nowhere, and there is
//! nothing at it for anybody else; every real address of Exeat stays refused (B11).

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header;
use http::{HeaderName, Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;

use super::Proxy;
use super::form::Form;
use super::gate::Caller;
use super::head::Head;
use super::reason::Refused;
use super::respond::Reply;
use crate::domain::problem::{Problem, ProblemKind};

/// The name.
pub const HOST: &str = "exeat.internal";
/// The longest body.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// What of a head is heard; who is calling is not among it.
const HEARD: [HeaderName; 4] = [header::HOST, header::CONTENT_TYPE, header::CONTENT_LENGTH, header::ORIGIN];
/// Beside them.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Who answers a run there.
pub trait Inside: Send + Sync + 'static {
    /// Answers one request of `caller`, which is a run.
    fn answer(&self, caller: Caller, request: Request<Bytes>) -> BoxFuture<'_, Response<Bytes>>;
}

/// Whether the request is for there, in the clear.
pub(super) fn is_meant(target: &Form) -> bool {
    matches!(target, Form::Absolute { tls: false, authority, .. }
        if authority.host() == HOST && matches!(authority.port(), None | Some(80)))
}

/// Answers a request of a run.
pub(super) async fn answer(
    proxy: &Proxy,
    caller: Caller,
    (head, path): (&Head, &str),
    request: Request<Incoming>,
) -> Result<Response<Reply>, Problem> {
    let inside = proxy.inside.get().ok_or_else(|| Refused::NOT_GOVERNED.problem())?;
    let (parts, body) = request.into_parts();
    let too_long = |_| Problem::new(ProblemKind::BodyTooLong, "Send at most 64 KiB.");
    let body = Limited::new(body, MAX_BODY_BYTES).collect().await.map_err(too_long)?.to_bytes();
    let mut asked = Request::new(body);
    *asked.method_mut() = head.method.clone();
    *asked.uri_mut() = path.parse().map_err(|_| Refused::ambiguous("target").problem())?;
    for (name, value) in &parts.headers {
        if HEARD.contains(name) || name.as_str() == IDEMPOTENCY_KEY {
            asked.headers_mut().append(name, value.clone());
        }
    }
    let (mut parts, body) = inside.answer(caller, asked).await.into_parts();
    // The length is this hop's own to say.
    parts.headers.remove(header::CONTENT_LENGTH);
    Ok(Response::from_parts(
        parts,
        Full::new(body).map_err(|never: Infallible| match never {}).boxed_unsync(),
    ))
}
