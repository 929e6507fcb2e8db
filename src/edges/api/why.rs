//! Why: what would become of a request of the agent's own.

use axum::extract::State;
use axum::response::Json;

use crate::broker::Asker;
use crate::domain::problem::Problem;
use crate::edges::caller::AgentCaller;
use crate::edges::extract::StrictJson;
use crate::edges::problem::invalid;
use crate::edges::state::Edge;
use crate::edges::why;
use crate::edges::wire::{SecretText, WhyAnswer, WhyBody};

/// Says what would become of a request, and what would have to be granted. Nothing is sent, counted or put on record.
#[utoipa::path(post, path = "/v1/why", tag = "approvals", request_body = WhyBody,
    responses((status = 200, description = "What the verdict would be", body = WhyAnswer)))]
pub(super) async fn why(
    AgentCaller(agent): AgentCaller,
    State(edge): State<Edge>,
    StrictJson(body): StrictJson<WhyBody>,
) -> Result<Json<WhyAnswer>, Problem> {
    let asker = match (&body.token, body.run, body.agent) {
        (Some(token), None, None) => Asker::Token(&agent, SecretText::reveal(token)),
        (None, Some(run), None) => Asker::Run(run, Some(agent.id)),
        (None, None, None) => Asker::Agent(agent.id),
        (_, _, Some(_)) => return Err(invalid("/agent", "an agent asks about itself")),
        (Some(_), Some(_), _) => return Err(invalid("/token", "give a token or a run, not both")),
    };
    Ok(Json(why::answer(edge.broker().why(asker, (&body.method, &body.url)).await?)))
}
