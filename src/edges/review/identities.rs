//! Acting identities: whom upstreams will see.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json};

use crate::domain::problem::Problem;
use crate::edges::caller::{AnyPerson, Operator};
use crate::edges::extract::StrictJson;
use crate::edges::state::Edge;
use crate::edges::wire::{IdentityBody, IdentityList};

/// Lists the acting identities.
#[utoipa::path(get, path = "/v1/identities", tag = "setup",
    responses((status = 200, description = "The acting identities", body = IdentityList)))]
pub(super) async fn list(AnyPerson(_person): AnyPerson, State(edge): State<Edge>) -> Json<IdentityList> {
    Json(IdentityList { identities: edge.broker().catalog().identities().to_vec() })
}

/// Names an acting identity.
#[utoipa::path(post, path = "/v1/identities", tag = "setup", request_body = IdentityBody,
    responses((status = 201, description = "Named", body = IdentityBody)))]
pub(super) async fn add(
    Operator(person): Operator,
    State(edge): State<Edge>,
    StrictJson(body): StrictJson<IdentityBody>,
) -> Result<impl IntoResponse, Problem> {
    edge.broker().add_identity(&person, body.identity.clone()).await?;
    Ok((StatusCode::CREATED, Json(body)))
}
