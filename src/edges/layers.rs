//! What surrounds every route of a listener, from the outside in: security headers, panics, where the request says it goes, a span and
//! counters; then, at the route, its turn and its time.

use std::any::Any;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;

use super::problem::not_found;
use super::state::{Edge, Listener};
use crate::domain::problem::{Problem, ProblemKind};
use crate::planes::network::forward_auth;

/// How long a request may take until the head of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// It is answered at once.
    Prompt,
    /// It may wait for somebody.
    Waiting,
}

/// A prompt answer takes no longer.
const PROMPT: Duration = Duration::from_secs(15);
/// A wait, and what surrounds it, takes no longer.
const WAITING: Duration = Duration::from_secs(75);

/// Puts the layers around a router.
pub(super) fn around(router: Router<Edge>, edge: Edge) -> Router {
    router
        .fallback(async || not_found())
        .method_not_allowed_fallback(async || {
            Problem::new(ProblemKind::MethodNotAllowed, "The Allow header says which are.")
        })
        .layer(from_fn_with_state(edge.clone(), observe))
        .layer(from_fn_with_state(edge.clone(), expected_here))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(map_response(secured))
        .with_state(edge)
}

/// A request's turn and its time. The turn is over with the head of the answer.
pub(super) async fn in_time(
    State((edge, pace)): State<(Edge, Pace)>,
    request: Request,
    next: Next,
) -> Response {
    let (turns, limit) = match pace {
        Pace::Prompt => (edge.turns(), PROMPT),
        Pace::Waiting => (edge.waits(), WAITING),
    };
    let Ok(_turn) = turns.try_acquire_owned() else {
        return Problem::new(ProblemKind::RateLimited, "Too many requests at once; try again.")
            .into_response();
    };
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        let detail = "It was given up; what it asked for may have been done. Look before asking again.";
        Problem::new(ProblemKind::TimedOut, detail).into_response()
    })
}

async fn expected_here(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    // In the question of a layer every header but its key is the original request's; the key is the one thing that counts.
    let question = edge.listener() == Listener::Agent && forward_auth::is_question(request.uri().path());
    if question {
        return next.run(request).await;
    }
    match edge.hosts().check(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// A span with the pattern, never the path: a path may hold what somebody pasted there.
async fn observe(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let (listener, method) = (edge.listener(), request.method().clone());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map(MatchedPath::as_str);
    let span = tracing::info_span!("request", listener = listener.name(), %method, route, status = tracing::field::Empty);
    let began = edge.broker().now();
    let response = next.run(request).instrument(span.clone()).await;
    let (took, status) = (began.until(edge.broker().now()), response.status().as_u16());
    span.record("status", status);
    edge.metrics().answered(listener, &method, route, status, took);
    response
}

/// Never the panic's own words: they may hold anything (J01).
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a request panicked");
    Problem::new(ProblemKind::Internal, "It is in the log of the broker; nothing was answered half.")
        .into_response()
}

/// Nothing here is kept, framed, guessed at or linked from. A page says itself what it may load.
async fn secured(mut response: Response) -> Response {
    let said: [(HeaderName, &str); 6] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in said {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
