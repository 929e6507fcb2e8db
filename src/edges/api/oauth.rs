//! Refusals of the OAuth endpoints (RFC 6749 §5.2). What an agent may not learn is `invalid_grant`, whatever the reason (design §14).

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};

use crate::domain::problem::{Problem, ProblemKind};
use crate::edges::problem::companion;
use crate::edges::state::Edge;
use crate::edges::wire::OAuthError;

/// A refusal in the words of RFC 6749.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    kind: ProblemKind,
    code: &'static str,
    description: String,
}

impl Refusal {
    /// `invalid_request`, because of this parameter.
    pub(super) fn invalid(parameter: &str, what: &str) -> Self {
        Self::from(crate::edges::problem::invalid(parameter, what))
    }

    /// A code of its own.
    pub(super) fn of(code: &'static str, description: &str) -> Self {
        Self { kind: ProblemKind::RequestInvalid, code, description: description.to_owned() }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let field = problem.more.get("field").and_then(|field| field.as_str());
        let code = match (problem.kind, field) {
            (ProblemKind::RequestInvalid, Some("resource" | "audience")) => "invalid_target",
            (ProblemKind::RequestInvalid, Some("scope"))
            | (ProblemKind::ScopeExceeds | ProblemKind::ScopeInvalid, _) => "invalid_scope",
            (ProblemKind::TokenInvalid | ProblemKind::NotFound, _) => "invalid_grant",
            (ProblemKind::Unauthenticated, _) => "invalid_client",
            (ProblemKind::LedgerUnavailable | ProblemKind::RateLimited, _) => "temporarily_unavailable",
            (ProblemKind::Internal, _) => "server_error",
            _ => "invalid_request",
        };
        Self { kind: problem.kind, code, description: problem.detail }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match self.code {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            "temporarily_unavailable" | "server_error" => {
                StatusCode::from_u16(self.kind.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
            }
            _ => StatusCode::BAD_REQUEST,
        };
        let body = OAuthError { error: self.code.to_owned(), error_description: ascii(&self.description) };
        let mut response =
            (status, [(header::PRAGMA, HeaderValue::from_static("no-cache"))], Json(body)).into_response();
        if let Some((name, value)) = companion(self.kind) {
            drop(response.headers_mut().insert(name, value));
        }
        response
    }
}

/// `error_description` takes only %x20-21 / %x23-5B / %x5D-7E (RFC 6749 §5.2).
fn ascii(text: &str) -> String {
    let plain = |c: char| match c {
        '"' => '\'',
        ' '..='!' | '#'..='[' | ']'..='~' => c,
        _ => '?',
    };
    text.chars().map(plain).collect()
}

/// Another extractor, refusing in the words of RFC 6749.
pub(super) struct OAuth<E>(pub(super) E);

impl<E: FromRequestParts<Edge, Rejection = Problem>> FromRequestParts<Edge> for OAuth<E> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Refusal> {
        E::from_request_parts(parts, edge).await.map(Self).map_err(Refusal::from)
    }
}

/// The same for what reads the body.
pub(super) struct OAuthBody<E>(pub(super) E);

impl<E: FromRequest<Edge, Rejection = Problem>> FromRequest<Edge> for OAuthBody<E> {
    type Rejection = Refusal;

    async fn from_request(request: Request, edge: &Edge) -> Result<Self, Refusal> {
        E::from_request(request, edge).await.map(Self).map_err(Refusal::from)
    }
}

#[cfg(test)]
mod tests {
    use super::{Refusal, ascii};
    use crate::domain::problem::{Problem, ProblemKind};
    use crate::edges::problem::invalid;

    #[test]
    fn every_problem_has_a_code_of_the_standard() {
        let code = |problem| Refusal::from(problem).code;
        assert_eq!(code(invalid("audience", "no")), "invalid_target");
        assert_eq!(code(invalid("scope", "no")), "invalid_scope");
        assert_eq!(code(invalid("grant_type", "must be there")), "invalid_request");
        assert_eq!(code(Problem::new(ProblemKind::TokenInvalid, "")), "invalid_grant");
        assert_eq!(code(Problem::new(ProblemKind::Unauthenticated, "")), "invalid_client");
        assert_eq!(code(Problem::new(ProblemKind::ScopeExceeds, "")), "invalid_scope");
        for kind in ProblemKind::ALL {
            assert!(!code(Problem::new(*kind, "")).is_empty());
        }
    }

    #[test]
    fn h01_a_description_is_printable_ascii_without_quotes() {
        assert_eq!(ascii("a \"b\" \\ \u{1b}[2J ü"), "a 'b' ? ?[2J ?");
    }
}
