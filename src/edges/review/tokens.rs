//! Ending one token.

use axum::extract::State;
use axum::http::StatusCode;

use crate::base::id::TokenId;
use crate::domain::problem::Problem;
use crate::edges::caller::Revoker;
use crate::edges::extract::Id;
use crate::edges::state::Edge;

/// Ends a token. True when this returns (I9).
#[utoipa::path(post, path = "/v1/tokens/{id}/revoke", tag = "approvals", params(("id" = String, Path)),
    responses((status = 204, description = "Revoked")))]
pub(super) async fn revoke(
    Revoker(person): Revoker,
    State(edge): State<Edge>,
    Id(id): Id<TokenId>,
) -> Result<StatusCode, Problem> {
    edge.broker().revoke_token(&person, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
