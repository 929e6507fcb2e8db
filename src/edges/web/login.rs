//! Signing in, with a review key or a link that is good once, and out.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::page::{Page, Trouble, is_ours};
use super::visitor::Visitor;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::session::SESSION_LIFE;
use crate::edges::cookie;
use crate::edges::extract::{StrictForm, StrictQuery};
use crate::edges::state::Edge;
use crate::edges::wire::SecretText;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    next: String,
    error: Option<String>,
}

/// Where to go on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    next: Option<String>,
}

/// What the form says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shown {
    key: SecretText,
    #[serde(default)]
    next: String,
}

/// Nothing is spent by looking: whoever follows a link on somebody's behalf, as chat servers do, signs nobody in.
pub(super) async fn ask(asked: StrictQuery<Asked>) -> impl IntoResponse {
    let next = asked.0.next.filter(|path| is_ours(path)).unwrap_or_default();
    Page(LoginPage { next, error: None })
}

pub(super) async fn log_in(
    State(edge): State<Edge>,
    StrictForm(shown): StrictForm<Shown>,
) -> Result<Response, Trouble> {
    let next = Some(shown.next).filter(|path| is_ours(path));
    match edge.broker().log_in(shown.key.reveal().trim()).await {
        Ok((_, key)) => {
            let kept = cookie::keep(key.shown_once(), SESSION_LIFE);
            let kept =
                kept.ok_or_else(|| Problem::new(ProblemKind::Internal, "No session could be kept."))?;
            Ok(([(header::SET_COOKIE, kept)], Redirect::to(next.as_deref().unwrap_or("/"))).into_response())
        }
        Err(problem) if problem.kind == ProblemKind::Unauthenticated => {
            let page = LoginPage { next: next.unwrap_or_default(), error: Some(problem.detail.clone()) };
            Ok((StatusCode::UNAUTHORIZED, Page(page)).into_response())
        }
        Err(problem) => Err(problem.into()),
    }
}

pub(super) async fn log_out(Visitor(known): Visitor, State(edge): State<Edge>) -> Result<Response, Trouble> {
    if let Some(session) = known.session {
        edge.broker().end_session(&known, session).await?;
    }
    let forgotten = cookie::forget().map(|value| [(header::SET_COOKIE, value)]);
    Ok((forgotten, Redirect::to("/login")).into_response())
}
