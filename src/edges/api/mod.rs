//! What agents and layers reach: asking, exchanging, authorizing, reporting, and what is public about it.

mod approvals;
mod authorize;
mod discovery;
mod events;
mod layer;
mod me;
mod oauth;
mod runs;
mod token;
mod why;

pub(super) use approvals::{Wait, ask};
pub(super) use runs::told;

use std::sync::LazyLock;

use axum::Router;
use axum::response::Json;
use utoipa::openapi::OpenApi;
use utoipa_axum::routes;

use super::caller::{AgentCaller, LayerCaller};
use super::route::{self, Route};
use super::state::Edge;

/// Every route of the agent listener.
#[must_use]
pub fn table() -> Vec<Route> {
    vec![
        Route::of::<AgentCaller>(routes!(approvals::request)),
        Route::of::<AgentCaller>(routes!(approvals::list)),
        Route::of::<AgentCaller>(routes!(approvals::show)).waiting(),
        Route::of::<AgentCaller>(routes!(approvals::cancel)),
        Route::of::<AgentCaller>(routes!(runs::start)),
        Route::of::<AgentCaller>(routes!(runs::tell)),
        Route::of::<AgentCaller>(routes!(runs::keep)),
        Route::of::<AgentCaller>(routes!(runs::files)),
        Route::of::<AgentCaller>(routes!(runs::end)),
        Route::of::<AgentCaller>(routes!(me::me)),
        Route::of::<AgentCaller>(routes!(why::why)),
        Route::of::<LayerCaller>(routes!(authorize::described)),
        Route::of::<LayerCaller>(routes!(authorize::behind)),
        Route::of::<LayerCaller>(routes!(authorize::root)),
        Route::of::<LayerCaller>(routes!(events::report)),
        Route::of::<LayerCaller>(routes!(layer::me)),
        Route::of::<AgentCaller>(routes!(token::exchange)),
        Route::of::<AgentCaller>(routes!(token::introspect)),
        Route::of::<AgentCaller>(routes!(token::revoke)),
        Route::open(routes!(discovery::metadata)),
        Route::open(routes!(discovery::jwks)),
        Route::open(routes!(openapi)),
    ]
}

/// The router of the agent listener.
pub fn router(edge: Edge) -> Router {
    route::router(edge, table())
}

/// The OpenAPI document of the agent listener.
#[must_use]
pub fn document() -> OpenApi {
    let about = "Ask for scope, wait for people, exchange the approval for a short-lived token.";
    let base = super::openapi::base("Exeat, agent listener", about, "agent_key");
    route::document(super::openapi::with_layers(base), table())
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "about", responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub(super) async fn openapi() -> Json<&'static OpenApi> {
    static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(document);
    Json(&DOCUMENT)
}
