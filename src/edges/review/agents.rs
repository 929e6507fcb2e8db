//! Agents: who may ask.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json};

use crate::base::id::AgentId;
use crate::broker::NewAgent;
use crate::domain::problem::Problem;
use crate::edges::caller::{AnyPerson, Operator};
use crate::edges::extract::{Id, StrictJson};
use crate::edges::state::Edge;
use crate::edges::view;
use crate::edges::wire::{AgentBody, AgentEnrolled, AgentList, SecretText};

/// Lists the agents, removed ones too.
#[utoipa::path(get, path = "/v1/agents", tag = "setup",
    responses((status = 200, description = "The agents", body = AgentList)))]
pub(super) async fn list(AnyPerson(_person): AnyPerson, State(edge): State<Edge>) -> Json<AgentList> {
    let agents = edge.broker().catalog().agents();
    Json(AgentList { agents: agents.iter().map(|agent| view::agent(agent)).collect() })
}

/// Enrols an agent. Its key is in this answer and nowhere else.
#[utoipa::path(post, path = "/v1/agents", tag = "setup", request_body = AgentBody,
    responses((status = 201, description = "Enrolled", body = AgentEnrolled)))]
pub(super) async fn enrol(
    Operator(person): Operator,
    State(edge): State<Edge>,
    StrictJson(body): StrictJson<AgentBody>,
) -> Result<impl IntoResponse, Problem> {
    let AgentBody { name, identities, upstreams, on_behalf_of, expires_in } = body;
    let new = NewAgent { name, identities, upstreams, on_behalf_of, expires_in };
    let (agent, key) = edge.broker().enrol_agent(&person, new).await?;
    let key = SecretText::new(key.shown_once().to_owned());
    Ok((StatusCode::CREATED, Json(AgentEnrolled { agent: view::agent(&agent), key })))
}

/// Removes an agent: its key, its tokens, its pending requests.
#[utoipa::path(post, path = "/v1/agents/{id}/remove", tag = "setup", params(("id" = String, Path)),
    responses((status = 204, description = "Removed")))]
pub(super) async fn remove(
    Operator(person): Operator,
    State(edge): State<Edge>,
    Id(id): Id<AgentId>,
) -> Result<StatusCode, Problem> {
    edge.broker().remove_agent(&person, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
