//! People: who decides, installs and audits.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json};

use crate::base::id::PersonId;
use crate::domain::problem::Problem;
use crate::edges::caller::{AnyPerson, Operator};
use crate::edges::extract::{Id, StrictJson};
use crate::edges::state::Edge;
use crate::edges::view;
use crate::edges::wire::{PersonAdded, PersonBody, PersonList, SecretText};

/// Lists the people, removed ones too.
#[utoipa::path(get, path = "/v1/people", tag = "setup",
    responses((status = 200, description = "The people", body = PersonList)))]
pub(super) async fn list(AnyPerson(_person): AnyPerson, State(edge): State<Edge>) -> Json<PersonList> {
    let people = edge.broker().catalog().people();
    Json(PersonList { people: people.iter().map(|person| view::person(person)).collect() })
}

/// Adds a person. Their review key is in this answer and nowhere else.
#[utoipa::path(post, path = "/v1/people", tag = "setup", request_body = PersonBody,
    responses((status = 201, description = "Added", body = PersonAdded)))]
pub(super) async fn add(
    Operator(operator): Operator,
    State(edge): State<Edge>,
    StrictJson(body): StrictJson<PersonBody>,
) -> Result<impl IntoResponse, Problem> {
    let (person, key) = edge.broker().add_person(&operator, body.name, body.roles).await?;
    let review_key = SecretText::new(key.shown_once().to_owned());
    let added = PersonAdded { person: person.id, name: person.name, roles: person.roles, review_key };
    Ok((StatusCode::CREATED, Json(added)))
}

/// Removes a person: their key stops working, their decisions stay (F20).
#[utoipa::path(post, path = "/v1/people/{id}/remove", tag = "setup", params(("id" = String, Path)),
    responses((status = 204, description = "Removed")))]
pub(super) async fn remove(
    Operator(operator): Operator,
    State(edge): State<Edge>,
    Id(id): Id<PersonId>,
) -> Result<StatusCode, Problem> {
    edge.broker().remove_person(&operator, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
