//! Why: what would become of a request of a run or of an agent.

use axum::extract::State;
use axum::response::Json;

use crate::broker::Asker;
use crate::domain::problem::Problem;
use crate::edges::caller::AnyPerson;
use crate::edges::extract::StrictJson;
use crate::edges::problem::invalid;
use crate::edges::state::Edge;
use crate::edges::why;
use crate::edges::wire::{WhyAnswer, WhyBody};

/// Says what would become of a request. Nothing is sent, counted or put on record.
#[utoipa::path(post, path = "/v1/why", tag = "approvals", request_body = WhyBody,
    responses((status = 200, description = "What the verdict would be", body = WhyAnswer)))]
pub(super) async fn why(
    AnyPerson(_person): AnyPerson,
    State(edge): State<Edge>,
    StrictJson(body): StrictJson<WhyBody>,
) -> Result<Json<WhyAnswer>, Problem> {
    let asker = match (body.run, body.agent, &body.token) {
        (Some(run), None, None) => Asker::Run(run, None),
        (None, Some(agent), None) => Asker::Agent(agent),
        (_, _, Some(_)) => return Err(invalid("/token", "a token is its agent's; ask about the agent")),
        _ => return Err(invalid("/run", "give a run or an agent")),
    };
    Ok(Json(why::answer(edge.broker().why(asker, (&body.method, &body.url)).await?)))
}
