//! Credentials: they go in and never come out (E10).

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONNECTION;
use axum::response::{IntoResponse, Json};

use crate::broker::Catalog;
use crate::domain::problem::Problem;
use crate::edges::caller::{AnyPerson, Operator};
use crate::edges::extract::StrictJson;
use crate::edges::state::Edge;
use crate::edges::wire::{CredentialBody, CredentialList, CredentialView};
use crate::store::SealedCredential;

/// Lists the credentials: everything but the secrets.
#[utoipa::path(get, path = "/v1/credentials", tag = "setup",
    responses((status = 200, description = "The credentials", body = CredentialList)))]
pub(super) async fn list(AnyPerson(_person): AnyPerson, State(edge): State<Edge>) -> Json<CredentialList> {
    let catalog = edge.broker().catalog();
    let credentials = catalog.credentials();
    Json(CredentialList {
        credentials: credentials.iter().filter_map(|sealed| view(&catalog, sealed)).collect(),
    })
}

/// Seals a credential, or the next version of the one for this upstream and identity.
#[utoipa::path(post, path = "/v1/credentials", tag = "setup", request_body = CredentialBody,
    responses((status = 201, description = "Sealed", body = CredentialView)))]
pub(super) async fn put(
    Operator(person): Operator,
    State(edge): State<Edge>,
    StrictJson(body): StrictJson<CredentialBody>,
) -> Result<impl IntoResponse, Problem> {
    let CredentialBody { upstream, identity, secret } = body;
    let sealed = edge.broker().put_credential(&person, &upstream, &identity, secret.into_secret()).await?;
    let view = CredentialView { id: sealed.id, upstream, identity, version: sealed.version };
    // The connection's buffers have held the secret; with the connection they are given back, and wiped.
    Ok((StatusCode::CREATED, [(CONNECTION, "close")], Json(view)))
}

fn view(catalog: &Catalog, sealed: &SealedCredential) -> Option<CredentialView> {
    let upstream = catalog.upstreams().find(|upstream| upstream.id == sealed.upstream)?;
    Some(CredentialView {
        id: sealed.id,
        upstream: upstream.name.clone(),
        identity: sealed.identity.clone(),
        version: sealed.version,
    })
}
