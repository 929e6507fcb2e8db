//! The table of routes as data: a listener is built from its table and from nothing else, so what a test finds in the table is all
//! there is (J03, J08). The OpenAPI document is made from the same rows.

use axum::Router;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::MethodRouter;
use utoipa::openapi::path::{HttpMethod, Operation, PathItem, Paths};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content, OpenApi, Ref, Response};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::caller::{Access, Caller};
use super::layers::{self, Pace};
use super::problem::MEDIA_TYPE;
use super::state::Edge;
use crate::domain::problem::ProblemKind;

/// One row: an operation, who may call it, and how long it may take.
pub struct Route {
    access: Access,
    pace: Pace,
    operation: UtoipaMethodRouter<Edge>,
    /// Whether it answers a browser, with a page: then it is in no document.
    page: bool,
}

impl Route {
    /// A route for anybody.
    pub(super) const fn open(operation: UtoipaMethodRouter<Edge>) -> Self {
        Self { access: Access::Anyone, pace: Pace::Prompt, operation, page: false }
    }

    /// A route whose handler takes a `C`.
    pub(super) const fn of<C: Caller>(operation: UtoipaMethodRouter<Edge>) -> Self {
        Self { access: C::ACCESS, pace: Pace::Prompt, operation, page: false }
    }

    /// A page, or what a page sends.
    pub(super) fn page(access: Access, method: HttpMethod, path: &str, handler: MethodRouter<Edge>) -> Self {
        let mut paths = Paths::new();
        drop(paths.paths.insert(path.to_owned(), PathItem::new(method, Operation::new())));
        Self { access, pace: Pace::Prompt, operation: (Vec::new(), paths, handler), page: true }
    }

    /// The same, and it may wait for somebody.
    pub(super) fn waiting(self) -> Self {
        Self { pace: Pace::Waiting, ..self }
    }

    /// Who may call it.
    #[must_use]
    pub const fn access(&self) -> Access {
        self.access
    }

    /// Whether it is a page, or a form that a page sends: for browsers, by session alone, and in no document.
    #[must_use]
    pub const fn is_page(&self) -> bool {
        self.page
    }

    /// Its methods and path patterns.
    #[must_use]
    pub fn operations(&self) -> Vec<(Method, String)> {
        let (_, paths, _) = &self.operation;
        let methods = |item: &PathItem| {
            let known = [
                (Method::GET, &item.get),
                (Method::HEAD, &item.head),
                (Method::POST, &item.post),
                (Method::PUT, &item.put),
                (Method::PATCH, &item.patch),
                (Method::DELETE, &item.delete),
                (Method::OPTIONS, &item.options),
            ];
            known
                .into_iter()
                .filter(|(_, operation)| operation.is_some())
                .map(|(method, _)| method)
                .collect::<Vec<_>>()
        };
        let pairs = |(path, item): (&String, &PathItem)| {
            methods(item).into_iter().map(|method| (method, path.clone())).collect::<Vec<_>>()
        };
        paths.paths.iter().flat_map(pairs).collect()
    }

    fn documented(self) -> UtoipaMethodRouter<Edge> {
        let (schemas, mut paths, handler) = self.operation;
        for operation in paths.paths.values_mut().flat_map(present) {
            describe(operation, self.access);
        }
        (schemas, paths, handler)
    }

    fn paced(self, edge: &Edge) -> Self {
        let (schemas, paths, handler) = self.operation;
        let handler: MethodRouter<Edge> =
            handler.layer(from_fn_with_state((edge.clone(), self.pace), layers::in_time));
        Self { operation: (schemas, paths, handler), ..self }
    }
}

/// The document of a table, over `base`.
pub(super) fn document(base: OpenApi, table: Vec<Route>) -> OpenApi {
    let router = OpenApiRouter::<Edge>::with_openapi(base);
    let documented = table.into_iter().filter(|route| !route.page);
    documented.fold(router, |router, route| router.routes(route.documented())).into_openapi()
}

/// The router of a table.
pub(super) fn router(edge: Edge, table: Vec<Route>) -> Router {
    let empty = OpenApiRouter::<Edge>::new();
    let routed =
        table.into_iter().fold(empty, |router, route| router.routes(route.paced(&edge).documented()));
    let (router, _) = routed.split_for_parts();
    layers::around(router, edge)
}

fn present(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, head, post, put, patch, delete, options, .. } = item;
    [get, head, post, put, patch, delete, options].into_iter().flatten()
}

/// Says in the document who may call, and what everybody else is told.
fn describe(operation: &mut Operation, access: Access) {
    let (scheme, roles) = match access {
        Access::Anyone | Access::Run => return,
        Access::Agent => ("agent_key", Vec::new()),
        Access::Layer => ("layer_key", Vec::new()),
        Access::Person(roles) => ("review_key", roles.iter().map(|role| role.as_str()).collect()),
    };
    operation.security = Some(vec![SecurityRequirement::new(scheme, Vec::<String>::new())]);
    let mut refuse = |kind: ProblemKind| {
        let schema = Ref::from_schema_name("Problem");
        let content = Content::builder().schema(Some(schema)).build();
        let response = Response::builder().description(kind.title()).content(MEDIA_TYPE, content);
        drop(operation.responses.responses.insert(kind.status().to_string(), response.build().into()));
    };
    refuse(ProblemKind::Unauthenticated);
    if !roles.is_empty() {
        refuse(ProblemKind::RoleRequired);
        let note = format!("Takes the role {}.", roles.join(" or "));
        operation.description = Some(match operation.description.take() {
            Some(text) if !text.is_empty() => format!("{text}\n\n{note}"),
            _ => note,
        });
    }
}
