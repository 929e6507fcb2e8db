//! Upstreams: systems reached with a credential.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json};

use crate::broker::{NewClientCertificate, NewUpstream};
use crate::domain::problem::{Problem, ProblemKind};
use crate::edges::caller::{AnyPerson, Operator};
use crate::edges::extract::StrictJson;
use crate::edges::state::Edge;
use crate::edges::view;
use crate::edges::wire::{UpstreamBody, UpstreamList, UpstreamView};

/// A body with roots in PEM may be this long.
const WITH_ROOTS: usize = 256 * 1024;

/// Lists the upstreams.
#[utoipa::path(get, path = "/v1/upstreams", tag = "setup",
    responses((status = 200, description = "The upstreams", body = UpstreamList)))]
pub(super) async fn list(AnyPerson(_person): AnyPerson, State(edge): State<Edge>) -> Json<UpstreamList> {
    let catalog = edge.broker().catalog();
    Json(UpstreamList { upstreams: catalog.upstreams().map(|upstream| view::upstream(upstream)).collect() })
}

/// Defines an upstream, or the next version of the one with this name.
#[utoipa::path(post, path = "/v1/upstreams", tag = "setup", request_body = UpstreamBody,
    responses((status = 201, description = "Defined", body = UpstreamView)))]
pub(super) async fn put(
    Operator(person): Operator,
    State(edge): State<Edge>,
    StrictJson(body): StrictJson<UpstreamBody, WITH_ROOTS>,
) -> Result<impl IntoResponse, Problem> {
    let UpstreamBody { name, origins, slot, ca_pem, allow_addresses, cookies, .. } = body;
    let client_certificate = match (body.client_certificate, body.client_key) {
        (None, None) => None,
        (Some(chain), Some(key)) => Some(NewClientCertificate { chain, key: key.into_secret() }),
        (Some(_), None) => return Err(alone("/client_key", "the client certificate needs its private key")),
        (None, Some(_)) => return Err(alone("/client_certificate", "the client key needs its certificate")),
    };
    let new = NewUpstream { name, origins, slot, ca_pem, client_certificate, allow_addresses, cookies };
    let upstream = edge.broker().put_upstream(&person, new).await?;
    Ok((StatusCode::CREATED, Json(view::upstream(&upstream))))
}

fn alone(field: &str, what: &str) -> Problem {
    Problem::new(ProblemKind::RequestInvalid, format!("{field}: {what}."))
}
