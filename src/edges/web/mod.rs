//! The pages: what people see and decide, made on the server. Everything works without a script but what moves by itself.
//!
//! A page shows what the broker says and sends forms back to it. No page holds a rule: who may do what is checked where it is done.

mod approval;
mod assets;
mod events;
mod inbox;
mod installed;
mod item;
mod log;
mod login;
mod page;
mod report;
mod runs;
mod visitor;
mod words;
mod you;

use axum::routing::{get, post};
use utoipa::openapi::path::HttpMethod::{Get, Post};

use super::caller::Access;
use super::route::Route;
use crate::domain::principal::Role;

/// Any person: who may do what, is checked where it is done.
const PEOPLE: Access = Access::Person(&Role::ALL);

/// Every page, and every form that a page sends.
pub(super) fn table() -> Vec<Route> {
    let open = |method, path, handler| Route::page(Access::Anyone, method, path, handler);
    let people = |method, path, handler| Route::page(PEOPLE, method, path, handler);
    vec![
        open(Get, "/login", get(login::ask)),
        open(Post, "/login", post(login::log_in)),
        open(Get, "/assets/app.css", get(assets::style)),
        open(Get, "/assets/app.js", get(assets::script)),
        open(Get, "/assets/icon.svg", get(assets::icon)),
        people(Post, "/logout", post(login::log_out)),
        people(Get, "/", get(inbox::inbox)),
        people(Get, "/inbox", get(inbox::rows)),
        people(Get, "/events", get(events::events)),
        people(Get, "/approvals", get(inbox::all)),
        people(Get, "/approvals/{id}", get(approval::show)),
        people(Post, "/approvals/{id}", post(approval::decide)),
        people(Post, "/approvals/{id}/narrow", post(approval::narrow)),
        people(Post, "/approvals/{id}/challenge", post(approval::challenge)),
        people(Post, "/approvals/{id}/end", post(approval::end)),
        people(Get, "/you", get(you::show)),
        people(Post, "/you/passkeys/begin", post(you::begin)),
        people(Post, "/you/passkeys", post(you::register)),
        people(Post, "/you/passkeys/remove", post(you::remove)),
        people(Get, "/runs", get(runs::list)),
        people(Get, "/runs/{id}", get(runs::show)),
        people(Get, "/reports/{subject}", get(report::show)),
        people(Get, "/log", get(log::list)),
        people(Get, "/log/{index}", get(log::entry)),
        people(Get, "/installed", get(installed::show)),
    ]
}
