//! Problems as HTTP answers (RFC 9457). The only place where a [`Problem`] becomes a response, on every listener of ours.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::domain::problem::{Problem, ProblemKind};

/// The media type of a problem (RFC 9457 §6.1).
pub const MEDIA_TYPE: &str = "application/problem+json";

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = as_response(&self, status);
        if let Some((name, value)) = companion(self.kind) {
            drop(response.headers_mut().insert(name, value));
        }
        response
    }
}

/// The problem under another status than its own.
pub(super) fn as_response(problem: &Problem, status: StatusCode) -> Response {
    let headers = [(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))];
    (status, headers, problem.document().to_string()).into_response()
}

/// A request that cannot be read because of this one field, header or parameter.
#[must_use]
pub fn invalid(field: &str, what: &str) -> Problem {
    Problem::new(ProblemKind::RequestInvalid, format!("{field}: {what}.")).with("field", Value::from(field))
}

/// Nothing is here, or nothing this caller may see: one answer for both.
#[must_use]
pub fn not_found() -> Problem {
    Problem::new(ProblemKind::NotFound, "Check the path and the id; /openapi.json lists the paths.")
}

/// The header a status wants beside it: the scheme for a 401 (RFC 9110 §15.5.2), a delay for what will pass.
pub(super) fn companion(kind: ProblemKind) -> Option<(HeaderName, HeaderValue)> {
    match kind {
        ProblemKind::Unauthenticated => {
            Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"exeat\"")))
        }
        ProblemKind::LedgerUnavailable | ProblemKind::RateLimited | ProblemKind::TimedOut => {
            Some((RETRY_AFTER, HeaderValue::from_static("1")))
        }
        _ => None,
    }
}
