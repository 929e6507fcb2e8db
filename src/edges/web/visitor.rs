//! Who looks at a page: a person whose session lasts.

use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;

use super::page::Trouble;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::session::Known;
use crate::edges::caller::known;
use crate::edges::state::Edge;

/// A person with a session. Whoever has none is sent to where they get one.
pub(super) struct Visitor(pub(super) Known);

impl FromRequestParts<Edge> for Visitor {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Trouble> {
        let found = known(parts, edge).await;
        // A key that a program shows is not for pages: forms are told by their session alone.
        let found = found.and_then(|known| match known.session {
            Some(_) => Ok(known),
            None => Err(Problem::new(ProblemKind::Unauthenticated, "Sign in.")),
        });
        found.map(Self).map_err(|problem| match parts.method {
            Method::GET => Trouble::back_to(problem, parts.uri.path()),
            _ => problem.into(),
        })
    }
}
