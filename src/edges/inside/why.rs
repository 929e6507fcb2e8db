//! Why: what would become of a request of the run.

use axum::extract::State;
use axum::response::Json;

use super::RunCaller;
use crate::broker::Asker;
use crate::domain::problem::Problem;
use crate::edges::extract::StrictJson;
use crate::edges::problem::invalid;
use crate::edges::state::Edge;
use crate::edges::why;
use crate::edges::wire::{WhyAnswer, WhyBody};

/// Says what would become of a request of this run. Nothing is sent, counted or put on record.
#[utoipa::path(post, path = "/v1/why", tag = "approvals", request_body = WhyBody,
    responses((status = 200, description = "What the verdict would be", body = WhyAnswer)))]
pub(super) async fn why(
    caller: RunCaller,
    State(edge): State<Edge>,
    StrictJson(body): StrictJson<WhyBody>,
) -> Result<Json<WhyAnswer>, Problem> {
    let own = body.run.is_none_or(|run| run == caller.run);
    if !own || body.agent.is_some() || body.token.is_some() {
        return Err(invalid("/run", "a run asks about itself"));
    }
    let asker = Asker::Run(caller.run, Some(caller.agent.id));
    Ok(Json(why::answer(edge.broker().why(asker, (&body.method, &body.url)).await?)))
}
