//! Looking at approvals, deciding them, ending them. Who decides is whose key it is (F03).

use axum::extract::State;
use axum::response::Json;
use serde::Deserialize;

use crate::base::id::ApprovalId;
use crate::broker::{Answer, Answers};
use crate::domain::problem::Problem;
use crate::edges::caller::{AnyPerson, Reviewer, Revoker};
use crate::edges::extract::{Id, StrictJson, StrictQuery, limit};
use crate::edges::problem::invalid;
use crate::edges::state::Edge;
use crate::edges::view;
use crate::edges::wire::{ApprovalList, ApprovalReview, DecisionBody};

/// Which approvals to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Only those in this state.
    state: Option<String>,
    /// At most this many; 100 when left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

const STATES: [&str; 7] = ["pending", "approved", "spent", "denied", "cancelled", "expired", "revoked"];

/// Lists approvals, newest first.
#[utoipa::path(get, path = "/v1/approvals", tag = "approvals", params(Which),
    responses((status = 200, description = "The approvals", body = ApprovalList)))]
pub(super) async fn list(
    AnyPerson(_person): AnyPerson,
    State(edge): State<Edge>,
    StrictQuery(which): StrictQuery<Which>,
) -> Result<Json<ApprovalList>, Problem> {
    if which.state.as_deref().is_some_and(|state| !STATES.contains(&state)) {
        return Err(invalid("state", &format!("expected one of {}", STATES.join(", "))));
    }
    let seen = edge.broker().approvals(which.state, limit(which.limit, 1000)?).await?;
    let approvals = seen.iter().map(|seen| view::review(&edge, &seen.approval)).collect();
    Ok(Json(ApprovalList { approvals }))
}

/// Shows an approval with the full statement: what a decision is about.
#[utoipa::path(get, path = "/v1/approvals/{id}", tag = "approvals", params(("id" = String, Path)),
    responses((status = 200, description = "The approval", body = ApprovalReview)))]
pub(super) async fn show(
    AnyPerson(_person): AnyPerson,
    State(edge): State<Edge>,
    Id(id): Id<ApprovalId>,
) -> Result<Json<ApprovalReview>, Problem> {
    let seen = edge.broker().approval(id).await?;
    Ok(Json(view::review(&edge, &seen.approval)))
}

/// Decides, item by item, over the digest of the statement that was shown.
#[utoipa::path(post, path = "/v1/approvals/{id}/decision", tag = "approvals", params(("id" = String, Path)),
    request_body = DecisionBody, responses((status = 200, description = "Decided", body = ApprovalReview)))]
pub(super) async fn decide(
    Reviewer(person): Reviewer,
    State(edge): State<Edge>,
    Id(id): Id<ApprovalId>,
    StrictJson(body): StrictJson<DecisionBody>,
) -> Result<Json<ApprovalReview>, Problem> {
    let approval = edge.broker().decide(&person, id, answers(body)).await?;
    Ok(Json(view::review(&edge, &approval)))
}

/// Ends an approval and its tokens. True when this returns (I9).
#[utoipa::path(post, path = "/v1/approvals/{id}/revoke", tag = "approvals", params(("id" = String, Path)),
    responses((status = 200, description = "Revoked", body = ApprovalReview)))]
pub(super) async fn revoke(
    Revoker(person): Revoker,
    State(edge): State<Edge>,
    Id(id): Id<ApprovalId>,
) -> Result<Json<ApprovalReview>, Problem> {
    let approval = edge.broker().revoke(&person, id).await?;
    Ok(Json(view::review(&edge, &approval)))
}

fn answers(body: DecisionBody) -> Answers {
    let answer = |answer: crate::edges::wire::Answer| Answer {
        index: answer.index,
        verdict: answer.decision,
        narrow: answer.narrow,
    };
    Answers {
        statement_digest: body.statement_digest.to_string(),
        items: body.items.into_iter().map(answer).collect(),
        reason: body.reason.map(String::from),
        assertion: body.assertion,
    }
}
