//! Whose key this is, and a link for its holder to sign in with on the pages.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json};

use crate::domain::problem::Problem;
use crate::edges::caller::AnyPerson;
use crate::edges::state::Edge;
use crate::edges::wire::{LoginLink, PersonMe, SecretText};

/// Shows the person who holds the key.
#[utoipa::path(get, path = "/v1/me", tag = "about", responses((status = 200, description = "The person", body = PersonMe)))]
pub(super) async fn me(AnyPerson(person): AnyPerson) -> Json<PersonMe> {
    Json(PersonMe { person: person.id, name: person.name.clone(), roles: person.roles.clone() })
}

/// Makes a link to sign in with on the pages. It is good once, within ten minutes, and in this answer alone.
#[utoipa::path(post, path = "/v1/login-links", tag = "about",
    responses((status = 201, description = "The link", body = LoginLink)))]
pub(super) async fn login_link(
    AnyPerson(person): AnyPerson,
    State(edge): State<Edge>,
) -> Result<impl IntoResponse, Problem> {
    let key = edge.broker().login_link(person.person.id)?;
    let url = SecretText::new(edge.login_url(&key));
    Ok((StatusCode::CREATED, Json(LoginLink { url })))
}
