//! Whose key this is.

use axum::response::Json;

use crate::edges::caller::AgentCaller;
use crate::edges::wire::AgentMe;

/// Shows the agent that holds the key, and what it may ask for.
#[utoipa::path(get, path = "/v1/me", tag = "about", responses((status = 200, description = "The agent", body = AgentMe)))]
pub(super) async fn me(AgentCaller(agent): AgentCaller) -> Json<AgentMe> {
    Json(AgentMe {
        agent: agent.id,
        name: agent.name.clone(),
        identities: agent.identities.clone(),
        upstreams: agent.upstreams.clone(),
        expires_at: agent.expires_at,
    })
}
