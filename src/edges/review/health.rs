//! Whether the broker lives, whether it can serve, and what it has counted. For machines: no key, and nothing about anybody.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use prometheus_client::encoding::text::encode;

use crate::domain::problem::{Problem, ProblemKind};
use crate::edges::state::Edge;

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "It lives")))]
pub(super) async fn alive() -> StatusCode {
    StatusCode::OK
}

/// The store answers, so something could be put on record.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, description = "It is ready"), (status = 503, description = "It is not")))]
pub(super) async fn ready(State(edge): State<Edge>) -> Result<StatusCode, Problem> {
    edge.broker().head().await.map(|_| StatusCode::OK)
}

/// The counters, in the OpenMetrics text format.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, description = "OpenMetrics", body = String, content_type = "application/openmetrics-text")))]
pub(super) async fn metrics(State(edge): State<Edge>) -> Result<impl IntoResponse, Problem> {
    let mut text = String::new();
    encode(&mut text, edge.registry())
        .map_err(|_| Problem::new(ProblemKind::Internal, "The counters could not be written."))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text))
}
