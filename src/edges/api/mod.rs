//! What agents reach: asking, exchanging, and what is public about both.

mod approvals;
mod discovery;
mod me;
mod oauth;
mod runs;
mod token;

pub(super) use approvals::{Wait, ask};
pub(super) use runs::told;

use std::sync::LazyLock;

use axum::Router;
use axum::response::Json;
use utoipa::openapi::OpenApi;
use utoipa_axum::routes;

use super::caller::AgentCaller;
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
    route::document(super::openapi::base("Exeat, agent listener", about, "agent_key"), table())
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "about", responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub(super) async fn openapi() -> Json<&'static OpenApi> {
    static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(document);
    Json(&DOCUMENT)
}
