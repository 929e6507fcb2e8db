//! What a layer may do.

use axum::extract::State;
use axum::response::Json;

use crate::edges::caller::LayerCaller;
use crate::edges::state::Edge;
use crate::edges::wire::{LayerMe, LayerUpstream};

/// Shows the layer that holds the key, and what it may do.
#[utoipa::path(get, path = "/v1/layer", tag = "layers",
    responses((status = 200, description = "The layer", body = LayerMe)))]
pub(super) async fn me(LayerCaller(layer): LayerCaller, State(edge): State<Edge>) -> Json<LayerMe> {
    let catalog = edge.broker().catalog();
    let upstreams = layer.upstreams.iter().filter_map(|name| catalog.upstream(name)).map(|upstream| {
        let (name, origins, slot) = (upstream.name.clone(), upstream.origins.clone(), upstream.slot.clone());
        LayerUpstream { name, origins, slot }
    });
    Json(LayerMe {
        layer: layer.id,
        name: layer.name.clone(),
        form: layer.form,
        upstreams: upstreams.collect(),
        agents: layer.agents.clone(),
        inject: layer.inject,
        expires_at: layer.expires_at,
    })
}
