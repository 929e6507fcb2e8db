//! Asking, looking and waiting, taking back: an agent's own approvals. Another agent's are not there.

use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json};
use serde::Deserialize;

use crate::base::id::ApprovalId;
use crate::broker::{Ask, AskedLimits};
use crate::domain::problem::Problem;
use crate::edges::caller::AgentCaller;
use crate::edges::extract::{Id, IdempotencyKey, StrictJson, StrictQuery};
use crate::edges::problem::invalid;
use crate::edges::state::Edge;
use crate::edges::view;
use crate::edges::wire::{ApprovalView, OwnApprovals, RequestBody};

/// The longest wait, in seconds.
const LONGEST_WAIT: u64 = 60;
/// The longest list.
const LONGEST_LIST: u32 = 1000;

/// Asks for an approval.
///
/// The same key with the same body gives the same approval; so does a second ask for what is still pending.
#[utoipa::path(post, path = "/v1/approvals", tag = "approvals", request_body = RequestBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters")),
    responses((status = 201, description = "Asked", body = ApprovalView),
        (status = 200, description = "Asked before", body = ApprovalView)))]
pub(super) async fn request(
    AgentCaller(agent): AgentCaller,
    State(edge): State<Edge>,
    IdempotencyKey(key): IdempotencyKey,
    StrictJson(body): StrictJson<RequestBody>,
) -> Result<impl IntoResponse, Problem> {
    let asked = edge.broker().request(&agent, ask(body), key).await?;
    let location = format!("/v1/approvals/{}", asked.approval.statement.approval);
    let status = if asked.new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, [(header::LOCATION, location)], Json(view::approval(&edge, &asked.approval))))
}

/// How long to wait for a decision.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::edges) struct Wait {
    /// Seconds, at most 60. Returns early when the approval is no longer pending.
    #[serde(default)]
    #[param(maximum = 60)]
    wait: u64,
}

impl Wait {
    /// How long, if that is not too long.
    pub(in crate::edges) fn checked(&self) -> Result<Duration, Problem> {
        if self.wait > LONGEST_WAIT {
            return Err(invalid("wait", "at most 60 seconds; ask again to wait longer"));
        }
        Ok(Duration::from_secs(self.wait))
    }
}

/// Shows an approval as its asker may see it, and may wait for its decision.
#[utoipa::path(get, path = "/v1/approvals/{id}", tag = "approvals", params(("id" = String, Path), Wait),
    responses((status = 200, description = "The approval", body = ApprovalView)))]
pub(super) async fn show(
    AgentCaller(agent): AgentCaller,
    State(edge): State<Edge>,
    Id(id): Id<ApprovalId>,
    StrictQuery(query): StrictQuery<Wait>,
) -> Result<Json<ApprovalView>, Problem> {
    let seen = edge.broker().own_approval(&agent, id, query.checked()?).await?;
    Ok(Json(view::approval(&edge, &seen.approval)))
}

/// How many to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// At most this many; 100 when left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Lists the agent's own approvals, newest first.
#[utoipa::path(get, path = "/v1/approvals", tag = "approvals", params(Page),
    responses((status = 200, description = "The approvals", body = OwnApprovals)))]
pub(super) async fn list(
    AgentCaller(agent): AgentCaller,
    State(edge): State<Edge>,
    StrictQuery(page): StrictQuery<Page>,
) -> Result<Json<OwnApprovals>, Problem> {
    let limit = crate::edges::extract::limit(page.limit, LONGEST_LIST)?;
    let seen = edge.broker().own_approvals(&agent, limit).await?;
    let approvals = seen.iter().map(|seen| view::approval(&edge, &seen.approval)).collect();
    Ok(Json(OwnApprovals { approvals }))
}

/// Takes a request back that nobody has decided.
#[utoipa::path(post, path = "/v1/approvals/{id}/cancel", tag = "approvals", params(("id" = String, Path)),
    responses((status = 200, description = "Cancelled", body = ApprovalView)))]
pub(super) async fn cancel(
    AgentCaller(agent): AgentCaller,
    State(edge): State<Edge>,
    Id(id): Id<ApprovalId>,
) -> Result<Json<ApprovalView>, Problem> {
    let seen = edge.broker().cancel(&agent, id).await?;
    Ok(Json(view::approval(&edge, &seen.approval)))
}

pub(in crate::edges) fn ask(body: RequestBody) -> Ask {
    let limits = body.limits.unwrap_or_default();
    Ask {
        identity: body.identity.map(String::from),
        items: body.items,
        reason: body.reason.into(),
        step: body.step.unwrap_or_default(),
        limits: AskedLimits {
            expires_in: limits.expires_in,
            max_uses: limits.max_uses,
            max_tokens: limits.max_tokens,
        },
        run: body.run,
    }
}
