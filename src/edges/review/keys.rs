//! The keys that sign tokens, and the keys that seal secrets.

use axum::extract::State;
use axum::response::Json;

use crate::domain::problem::Problem;
use crate::edges::caller::Operator;
use crate::edges::state::Edge;
use crate::edges::wire::{KeyRotated, VaultRotated};

/// Has a new key sign tokens from now on. Tokens signed before stay good for their time.
#[utoipa::path(post, path = "/v1/keys/token/rotate", tag = "setup",
    responses((status = 200, description = "Rotated", body = KeyRotated)))]
pub(super) async fn rotate(
    Operator(person): Operator,
    State(edge): State<Edge>,
) -> Result<Json<KeyRotated>, Problem> {
    edge.broker().rotate_token_key(&person).await.map(|key| Json(KeyRotated { key }))
}

/// Makes a new key-encryption key and seals every credential anew under it.
#[utoipa::path(post, path = "/v1/keys/vault/rotate", tag = "setup",
    responses((status = 200, description = "Rotated", body = VaultRotated)))]
pub(super) async fn rotate_vault(
    Operator(person): Operator,
    State(edge): State<Edge>,
) -> Result<Json<VaultRotated>, Problem> {
    let rotated = edge.broker().rotate_vault_key(&person).await?;
    Ok(Json(VaultRotated { version: rotated.version, resealed: rotated.resealed }))
}
