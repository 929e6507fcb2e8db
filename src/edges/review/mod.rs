//! What people reach: deciding, ending, installing, reading.

mod agents;
mod approvals;
mod credentials;
mod export;
mod health;
mod identities;
mod keys;
mod layers;
mod ledger;
mod me;
mod people;
mod reports;
mod tokens;
mod upstreams;
mod why;

use std::sync::LazyLock;

use axum::Router;
use axum::response::Json;
use utoipa::openapi::OpenApi;
use utoipa_axum::routes;

use super::caller::{AnyPerson, Operator, Reviewer, Revoker};
use super::route::{self, Route};
use super::state::Edge;
use super::web;

/// Every route of the review listener: the pages, and what programs call.
#[must_use]
pub fn table() -> Vec<Route> {
    let mut table = web::table();
    table.extend(called());
    table
}

fn called() -> Vec<Route> {
    vec![
        Route::of::<AnyPerson>(routes!(approvals::list)),
        Route::of::<AnyPerson>(routes!(approvals::show)),
        Route::of::<Reviewer>(routes!(approvals::decide)),
        Route::of::<Revoker>(routes!(approvals::revoke)),
        Route::of::<Revoker>(routes!(tokens::revoke)),
        Route::of::<AnyPerson>(routes!(upstreams::list)),
        Route::of::<Operator>(routes!(upstreams::put)),
        Route::of::<AnyPerson>(routes!(identities::list)),
        Route::of::<Operator>(routes!(identities::add)),
        Route::of::<AnyPerson>(routes!(credentials::list)),
        Route::of::<Operator>(routes!(credentials::put)),
        Route::of::<AnyPerson>(routes!(agents::list)),
        Route::of::<Operator>(routes!(agents::enrol)),
        Route::of::<Operator>(routes!(agents::remove)),
        Route::of::<AnyPerson>(routes!(layers::list)),
        Route::of::<Operator>(routes!(layers::enrol)),
        Route::of::<Operator>(routes!(layers::remove)),
        Route::of::<AnyPerson>(routes!(people::list)),
        Route::of::<Operator>(routes!(people::add)),
        Route::of::<Operator>(routes!(people::remove)),
        Route::of::<Operator>(routes!(keys::rotate)),
        Route::of::<Operator>(routes!(keys::rotate_vault)),
        Route::of::<AnyPerson>(routes!(ledger::entries)),
        Route::of::<AnyPerson>(routes!(ledger::checkpoint)),
        Route::of::<AnyPerson>(routes!(ledger::proof)),
        Route::of::<AnyPerson>(routes!(ledger::consistency)),
        Route::of::<AnyPerson>(routes!(export::export)),
        Route::of::<AnyPerson>(routes!(reports::about)),
        Route::of::<AnyPerson>(routes!(reports::between)),
        Route::of::<AnyPerson>(routes!(why::why)),
        Route::of::<AnyPerson>(routes!(me::me)),
        Route::of::<AnyPerson>(routes!(me::login_link)),
        Route::open(routes!(health::alive)),
        Route::open(routes!(health::ready)),
        Route::open(routes!(health::metrics)),
        Route::open(routes!(openapi)),
    ]
}

/// The router of the review listener.
pub fn router(edge: Edge) -> Router {
    route::router(edge, table())
}

/// The OpenAPI document of the review listener.
#[must_use]
pub fn document() -> OpenApi {
    let about = "Decide, end and install; read the log and what it proves.";
    route::document(super::openapi::base("Exeat, review listener", about, "review_key"), table())
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "about", responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub(super) async fn openapi() -> Json<&'static OpenApi> {
    static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(document);
    Json(&DOCUMENT)
}
