//! Asking from inside a run, and looking at what the run has asked. What other runs of the agent asked is not there.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json};

use super::RunCaller;
use crate::base::id::ApprovalId;
use crate::domain::problem::Problem;
use crate::edges::api::{Wait, ask};
use crate::edges::extract::{Id, IdempotencyKey, StrictJson, StrictQuery};
use crate::edges::problem::{invalid, not_found};
use crate::edges::state::Edge;
use crate::edges::view;
use crate::edges::wire::{ApprovalView, OwnApprovals, RequestBody};

/// The longest list.
const LONGEST_LIST: u32 = 1000;

/// Asks for an approval, for this run.
#[utoipa::path(post, path = "/v1/approvals", tag = "approvals", request_body = RequestBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters")),
    responses((status = 201, description = "Asked", body = ApprovalView),
        (status = 200, description = "Asked before", body = ApprovalView)))]
pub(super) async fn request(
    caller: RunCaller,
    State(edge): State<Edge>,
    IdempotencyKey(key): IdempotencyKey,
    StrictJson(body): StrictJson<RequestBody>,
) -> Result<impl IntoResponse, Problem> {
    if body.run.is_some_and(|run| run != caller.run) {
        return Err(invalid("/run", "the socket says which run this is; leave it out"));
    }
    let ask = ask(RequestBody { run: Some(caller.run), ..body });
    let observed = caller.observed.as_deref().cloned();
    let asked = edge.broker().request_inside(&caller.agent, ask, key, observed).await?;
    let status = if asked.new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(view::approval(&edge, &asked.approval))))
}

/// Lists what this run has asked, newest first.
#[utoipa::path(get, path = "/v1/approvals", tag = "approvals",
    responses((status = 200, description = "The approvals", body = OwnApprovals)))]
pub(super) async fn list(caller: RunCaller, State(edge): State<Edge>) -> Result<Json<OwnApprovals>, Problem> {
    let seen = edge.broker().own_approvals(&caller.agent, LONGEST_LIST).await?;
    let mine = seen.iter().filter(|seen| seen.approval.statement.run == Some(caller.run));
    let approvals = mine.map(|seen| view::approval(&edge, &seen.approval)).collect();
    Ok(Json(OwnApprovals { approvals }))
}

/// Shows an approval of this run, and may wait for its decision.
#[utoipa::path(get, path = "/v1/approvals/{id}", tag = "approvals", params(("id" = String, Path), Wait),
    responses((status = 200, description = "The approval", body = ApprovalView)))]
pub(super) async fn show(
    caller: RunCaller,
    State(edge): State<Edge>,
    Id(id): Id<ApprovalId>,
    StrictQuery(query): StrictQuery<Wait>,
) -> Result<Json<ApprovalView>, Problem> {
    let mine = edge.broker().own_approval(&caller.agent, id, Duration::ZERO).await?;
    if mine.approval.statement.run != Some(caller.run) {
        return Err(not_found());
    }
    let seen = edge.broker().own_approval(&caller.agent, id, query.checked()?).await?;
    Ok(Json(view::approval(&edge, &seen.approval)))
}
