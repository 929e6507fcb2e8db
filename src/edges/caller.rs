//! Who calls, as a type. A handler that takes an [`Operator`] cannot run for anybody else; there is no other check to forget.
//!
//! The key, or a browser's session, is looked up through the broker. Without one, with one that is not known, or with two, the answer is
//! the same.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::cookie;
use super::state::{Edge, Listener};
use crate::domain::approval::Authentication;
use crate::domain::layer::Layer;
use crate::domain::principal::{Agent, Role};
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::session::Known;
use crate::planes::network::forward_auth;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody: what is answered is public.
    Anyone,
    /// An enrolled agent.
    Agent,
    /// An enrolled layer.
    Layer,
    /// A run, through its own socket.
    Run,
    /// A person with one of these roles.
    Person(&'static [Role]),
}

/// A type that only the callers of one kind of route can be turned into.
pub trait Caller: FromRequestParts<Edge, Rejection = Problem> {
    /// Who that is.
    const ACCESS: Access;
}

/// The longest key that is looked at, in bytes (J12).
const LONGEST_KEY: usize = 256;

/// An enrolled agent.
pub struct AgentCaller(pub Arc<Agent>);

impl Caller for AgentCaller {
    const ACCESS: Access = Access::Agent;
}

impl FromRequestParts<Edge> for AgentCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Problem> {
        let key = bearer(&parts.headers).filter(|_| edge.listener() == Listener::Agent);
        match key.and_then(|key| edge.broker().agent_by_key(key)) {
            Some(agent) => Ok(Self(agent)),
            None => Err(unknown(edge, key.is_some(), "Send `Authorization: Bearer AGENT_KEY`.").await),
        }
    }
}

/// An enrolled layer. Its key has a header of its own.
pub struct LayerCaller(pub Arc<Layer>);

impl Caller for LayerCaller {
    const ACCESS: Access = Access::Layer;
}

impl FromRequestParts<Edge> for LayerCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Problem> {
        let key = one(&parts.headers, &forward_auth::KEY).filter(|_| edge.listener() == Listener::Agent);
        match key.and_then(|key| edge.broker().layer_by_key(key)) {
            Some(layer) => Ok(Self(layer)),
            None => Err(unknown(edge, key.is_some(), "Send the layer's key in `Exeat-Layer-Key`.").await),
        }
    }
}

macro_rules! people {
    ($($(#[$doc:meta])* $name:ident = $roles:expr;)+) => {$(
        $(#[$doc])*
        pub struct $name(pub Known);

        impl Caller for $name {
            const ACCESS: Access = Access::Person($roles);
        }

        impl FromRequestParts<Edge> for $name {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Problem> {
                person(parts, edge, $roles).await.map(Self)
            }
        }
    )+};
}

people! {
    /// A person who installs.
    Operator = &[Role::Operator];
    /// A person who decides.
    Reviewer = &[Role::Reviewer];
    /// A person who may end what was granted.
    Revoker = &[Role::Reviewer, Role::Operator];
    /// A person, whatever they do here: who may decide, install or audit may read.
    AnyPerson = &Role::ALL;
}

async fn person(parts: &Parts, edge: &Edge, roles: &'static [Role]) -> Result<Known, Problem> {
    let person = known(parts, edge).await?;
    if roles.iter().any(|role| person.holds(*role)) {
        return Ok(person);
    }
    let names: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    let detail = format!("This takes the role {}.", names.join(" or "));
    Err(Problem::new(ProblemKind::RoleRequired, detail).with("roles", names))
}

/// Who shows a review key, or whose browser shows a session; never both, of which one would not count.
pub(super) async fn known(parts: &Parts, edge: &Edge) -> Result<Known, Problem> {
    let here = edge.listener() == Listener::Review;
    let cookie = cookie::session(&parts.headers)?.filter(|_| here);
    let shown = parts.headers.contains_key(header::AUTHORIZATION);
    let key = bearer(&parts.headers).filter(|_| here && cookie.is_none());
    let person = match (key, &cookie) {
        (Some(key), _) => edge.broker().person_by_key(key).map(|person| Known {
            person,
            authenticated_by: Authentication::ReviewKey,
            session: None,
        }),
        (None, Some(key)) if !shown => edge.broker().person_by_session(key),
        _ => None,
    };
    match person {
        Some(person) => Ok(person),
        None => Err(unknown(edge, shown && here, "Send `Authorization: Bearer REVIEW_KEY`.").await),
    }
}

async fn unknown(edge: &Edge, shown: bool, detail: &str) -> Problem {
    if shown {
        edge.authentication_failed().await;
    }
    Problem::new(ProblemKind::Unauthenticated, detail)
}

/// The bearer credential (RFC 6750 §2.1), if the request carries exactly one `Authorization` (C15).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = one(headers, &header::AUTHORIZATION)?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && key.len() <= LONGEST_KEY).then_some(key)
}

/// The value of a header that is there exactly once.
fn one<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())?.to_str().ok()
}
