//! Whose key this is.

use axum::response::Json;

use crate::edges::caller::AnyPerson;
use crate::edges::wire::PersonMe;

/// Shows the person who holds the key.
#[utoipa::path(get, path = "/v1/me", tag = "about", responses((status = 200, description = "The person", body = PersonMe)))]
pub(super) async fn me(AnyPerson(person): AnyPerson) -> Json<PersonMe> {
    Json(PersonMe { person: person.id, name: person.name.clone(), roles: person.roles.clone() })
}
