//! Layers: other people's proxies and sandboxes, and what each may do.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json};

use crate::base::id::LayerId;
use crate::broker::NewLayer;
use crate::domain::problem::Problem;
use crate::edges::caller::{AnyPerson, Operator};
use crate::edges::extract::{Id, StrictJson};
use crate::edges::state::Edge;
use crate::edges::view;
use crate::edges::wire::{LayerBody, LayerEnrolled, LayerList, SecretText};

/// Lists the layers, removed ones too.
#[utoipa::path(get, path = "/v1/layers", tag = "setup",
    responses((status = 200, description = "The layers", body = LayerList)))]
pub(super) async fn list(AnyPerson(_person): AnyPerson, State(edge): State<Edge>) -> Json<LayerList> {
    let layers = edge.broker().catalog().layers();
    Json(LayerList { layers: layers.iter().map(|layer| view::layer(layer)).collect() })
}

/// Enrols a layer. Its key is in this answer and nowhere else.
#[utoipa::path(post, path = "/v1/layers", tag = "setup", request_body = LayerBody,
    responses((status = 201, description = "Enrolled", body = LayerEnrolled)))]
pub(super) async fn enrol(
    Operator(person): Operator,
    State(edge): State<Edge>,
    StrictJson(body): StrictJson<LayerBody>,
) -> Result<impl IntoResponse, Problem> {
    let LayerBody { name, form, upstreams, agents, inject, expires_in } = body;
    let new = NewLayer { name, form, upstreams, agents, inject, expires_in };
    let (layer, key) = edge.broker().enrol_layer(&person, new).await?;
    let key = SecretText::new(key.shown_once().to_owned());
    Ok((StatusCode::CREATED, Json(LayerEnrolled { layer: view::layer(&layer), key })))
}

/// Removes a layer: its key ends.
#[utoipa::path(post, path = "/v1/layers/{id}/remove", tag = "setup", params(("id" = String, Path)),
    responses((status = 204, description = "Removed")))]
pub(super) async fn remove(
    Operator(person): Operator,
    State(edge): State<Edge>,
    Id(id): Id<LayerId>,
) -> Result<StatusCode, Problem> {
    edge.broker().remove_layer(&person, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
