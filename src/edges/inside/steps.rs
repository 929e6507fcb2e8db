//! The harness of a run says what it is doing.

use axum::extract::State;
use axum::http::StatusCode;

use super::RunCaller;
use crate::broker::Told;
use crate::domain::problem::Problem;
use crate::edges::api::told;
use crate::edges::extract::StrictJson;
use crate::edges::problem::invalid;
use crate::edges::state::Edge;
use crate::edges::wire::StepBody;

/// Tells that a step begins (`claimed`) or is over (`over`). A climb is not for what is inside to tell.
#[utoipa::path(post, path = "/v1/steps", tag = "runs", request_body = StepBody,
    responses((status = 204, description = "On record")))]
pub(super) async fn tell(
    caller: RunCaller,
    State(edge): State<Edge>,
    StrictJson(body): StrictJson<StepBody>,
) -> Result<StatusCode, Problem> {
    let told = told(body)?;
    if matches!(told, Told::Climb { .. }) {
        return Err(invalid("/climb", "told from outside the walls, by what holds the agent's key"));
    }
    edge.broker().tell_run(&caller.agent, caller.run, told).await?;
    Ok(StatusCode::NO_CONTENT)
}
