//! What every page has: who looks at it, what it may load, and how it says that something went wrong.

use askama::Template;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};

use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::session::Known;

/// Styles, scripts and what they fetch come from here; forms go here; nothing else is loaded, and nothing frames it (CSP Level 3).
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";

/// Whom a page is shown to, and which part of the pages it belongs to.
pub(super) struct Shell {
    /// Their name.
    pub(super) name: String,
    /// The part: `inbox`, `approvals`, `runs`, `log` or `installed`.
    pub(super) part: &'static str,
    /// The version of Exeat.
    pub(super) version: &'static str,
}

impl Shell {
    pub(super) fn of(known: &Known, part: &'static str) -> Self {
        Self { name: known.name.to_string(), part, version: env!("CARGO_PKG_VERSION") }
    }
}

/// A page.
pub(super) struct Page<T>(pub(super) T);

impl<T: Template> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        match self.0.render() {
            Ok(text) => {
                // `no-referrer` would have browsers say that a form comes from nowhere, which is refused.
                let said: [(HeaderName, HeaderValue); 2] = [
                    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
                    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
                ];
                (said, Html(text)).into_response()
            }
            Err(error) => {
                tracing::error!(%error, "a page could not be made");
                Problem::new(ProblemKind::Internal, "The page could not be made.").into_response()
            }
        }
    }
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage {
    title: &'static str,
    detail: String,
    status: u16,
}

/// A problem, for somebody who looks at pages. Whoever is not signed in is asked to.
pub(super) struct Trouble(Problem, Option<String>);

impl Trouble {
    /// The same, and where to go on from after signing in.
    pub(super) fn back_to(problem: Problem, path: &str) -> Self {
        Self(problem, Some(path.to_owned()))
    }
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Self(problem, None)
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let Self(problem, back) = self;
        if problem.kind == ProblemKind::Unauthenticated {
            let back = back.filter(|path| is_ours(path) && path != "/");
            return Redirect::to(&back.map_or("/login".to_owned(), |path| format!("/login?next={path}")))
                .into_response();
        }
        let status = problem.kind.status();
        let page = TroublePage { title: problem.kind.title(), detail: problem.detail.clone(), status };
        let mut response = Page(page).into_response();
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response
    }
}

/// Whether it is a path of these pages, and nothing that a browser could take for another place (open redirects).
pub(super) fn is_ours(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/_-".contains(&b);
    path.starts_with('/') && !path.starts_with("//") && path.len() <= 200 && path.bytes().all(plain)
}
