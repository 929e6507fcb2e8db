//! The keys that sign tokens.

use axum::extract::State;
use axum::response::Json;

use crate::domain::problem::Problem;
use crate::edges::caller::Operator;
use crate::edges::state::Edge;
use crate::edges::wire::KeyRotated;

/// Has a new key sign tokens from now on. Tokens signed before stay good for their time.
#[utoipa::path(post, path = "/v1/keys/token/rotate", tag = "setup",
    responses((status = 200, description = "Rotated", body = KeyRotated)))]
pub(super) async fn rotate(
    Operator(person): Operator,
    State(edge): State<Edge>,
) -> Result<Json<KeyRotated>, Problem> {
    edge.broker().rotate_token_key(&person).await.map(|key| Json(KeyRotated { key }))
}
