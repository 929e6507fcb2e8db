//! What a run reaches of Exeat through its own socket: telling its steps, asking, and looking at what it asked. The same verbs as on
//! the agent listener; which agent and which run is said by the socket, and there is no key.

mod approvals;
mod steps;
mod why;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Request, Response};
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::routes;

use super::caller::{Access, Caller};
use super::route::{self, Route};
use super::state::Edge;
use crate::base::id::RunId;
use crate::domain::principal::Agent;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::step::ObservedStep;
use crate::planes::network::proxy::gate;
use crate::planes::network::proxy::inside::Inside;

/// Every route inside a run.
#[must_use]
pub fn table() -> Vec<Route> {
    vec![
        Route::of::<RunCaller>(routes!(steps::tell)),
        Route::of::<RunCaller>(routes!(approvals::request)),
        Route::of::<RunCaller>(routes!(approvals::list)),
        Route::of::<RunCaller>(routes!(approvals::show)).waiting(),
        Route::of::<RunCaller>(routes!(why::why)),
    ]
}

/// The OpenAPI document of what is reached inside a run.
#[must_use]
pub fn document() -> OpenApi {
    let about = "At http://exeat.internal, through a run's own socket: tell steps, ask, look.";
    route::document(super::openapi::base("Exeat, inside a run", about, "agent_key"), table())
}

/// A run that calls.
pub struct RunCaller {
    /// Its agent.
    pub(super) agent: Arc<Agent>,
    /// The run.
    pub(super) run: RunId,
    /// The process behind the connection.
    pub(super) observed: Option<Arc<ObservedStep>>,
}

impl Caller for RunCaller {
    const ACCESS: Access = Access::Run;
}

impl FromRequestParts<Edge> for RunCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Problem> {
        // Put there by [`Doorway`] alone: nothing that is sent becomes an extension.
        let caller = parts.extensions.get::<gate::Caller>();
        let known = caller.and_then(|caller| Some((caller, caller.run?)));
        let (caller, run) = known.ok_or_else(|| {
            Problem::new(ProblemKind::Unauthenticated, "This is answered through the socket of a run.")
        })?;
        let agent = edge.broker().agent_of_run(caller.agent, run)?;
        Ok(Self { agent, run, observed: caller.observed.clone() })
    }
}

/// Takes what comes through the sockets of runs to the routes above.
pub struct Doorway(Router);

impl Doorway {
    /// The routes, over `edge`.
    #[must_use]
    pub fn new(edge: Edge) -> Self {
        Self(route::router(edge, table()))
    }
}

impl Inside for Doorway {
    fn answer(&self, caller: gate::Caller, request: Request<Bytes>) -> BoxFuture<'_, Response<Bytes>> {
        async move {
            let mut request = request.map(Body::from);
            drop(request.extensions_mut().insert(caller));
            let Ok(response) = self.0.clone().oneshot(request).await;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            Response::from_parts(parts, body)
        }
        .boxed()
    }
}
