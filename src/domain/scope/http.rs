//! HTTP items: which requests to one upstream may carry its credential.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::body::BodyRule;
use super::error::ScopeError;
use super::fields::Fields;
use super::method::Method;
use super::path::{Segments, canonical};
use super::percent::{Place, check};
use super::query::QueryRule;
use super::target::HttpTarget;
use crate::domain::identity::Identity;
use crate::domain::name::Name;

/// Requests to one upstream, by method, path, query and body, that carry its credential for one acting identity.
///
/// A request is allowed when its method is listed, some path pattern matches and the query and body rules, if there are any, hold.
/// The credential is injected on the way (`delivery: inject`, the only delivery there is today).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct HttpItem {
    upstream: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<Identity>,
    methods: Vec<Method>,
    paths: Vec<PathPattern>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<QueryRule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Box<BodyRule>>,
}

/// An absolute path pattern; its literals are spelt as they are sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PathPattern(Segments);

impl HttpItem {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, ScopeError> {
        let (upstream, identity) = whose(fields)?;
        let methods = fields.list("methods", |text| {
            text.parse::<Method>().map_err(|_| "name one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
        })?;
        let paths = fields.list("paths", PathPattern::parse)?;
        let query = fields.optional("query").map(|(value, at)| QueryRule::parse(value, &at)).transpose()?;
        let body = fields.optional("body").map(|(value, at)| BodyRule::parse(value, &at)).transpose()?;
        fields.optional("delivery").map(delivery).transpose()?;
        let query = match &body {
            None => query,
            Some(rule) => {
                bodied(&methods)?;
                // Some servers take from the query what they do not find in the body, or the other way round.
                let query = query.unwrap_or_else(QueryRule::none);
                rule.beside(&query)?;
                Some(query)
            }
        };
        Ok(Self {
            upstream,
            identity,
            methods: canonical(methods, |_, _| false),
            paths: canonical(paths, PathPattern::within),
            query,
            body: body.map(Box::new),
        })
    }

    /// The upstream whose credential is used.
    #[must_use]
    pub const fn upstream(&self) -> &Name {
        &self.upstream
    }

    /// Whom the upstream will see, once chosen.
    #[must_use]
    pub const fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// The methods in canonical order.
    #[must_use]
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// The path patterns in canonical order, as written.
    pub fn paths(&self) -> impl Iterator<Item = String> + '_ {
        self.paths.iter().map(ToString::to_string)
    }

    pub(super) fn with_identity(self, identity: &Identity) -> Result<Self, ScopeError> {
        Ok(Self { identity: Some(chosen(self.identity.as_ref(), identity)?), ..self })
    }

    /// The item says something about bodies.
    #[must_use]
    pub const fn judges_body(&self) -> bool {
        self.body.is_some()
    }

    pub(in crate::domain) fn allows(&self, target: &HttpTarget) -> bool {
        self.allows_but_for_body(target) && self.body.as_ref().is_none_or(|rule| rule.allows(target.body()))
    }

    /// Whether the item allows the target, or would if its body were another.
    pub(in crate::domain) fn allows_but_for_body(&self, target: &HttpTarget) -> bool {
        self.upstream == *target.upstream()
            && self.methods.contains(&target.method())
            && self.paths.iter().any(|pattern| pattern.allow(target.segments()))
            && self.query.as_ref().is_none_or(|rule| rule.allows(target.query_pairs()))
    }

    /// What the body of the target lacks for this item, in plain words.
    pub(in crate::domain) fn body_lacks(&self, target: &HttpTarget) -> Option<String> {
        self.body.as_ref()?.lacks(target.body())
    }

    /// A body rule of the kind of this item's that covers the body of the target.
    pub(in crate::domain) fn body_covering(&self, target: &HttpTarget) -> Option<Value> {
        self.body.as_ref()?.covering(target.body()?)
    }

    pub(super) fn within(&self, other: &Self) -> bool {
        let body = match (&self.body, &other.body) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(a), Some(b)) => a.within(b),
        };
        let query = match (&self.query, &other.query) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(a), Some(b)) => a.within(b),
        };
        query
            && body
            && self.upstream == other.upstream
            && self.identity == other.identity
            && self.methods.iter().all(|method| other.methods.contains(method))
            && self.paths.iter().all(|a| other.paths.iter().any(|b| a.within(b)))
    }
}

impl fmt::Display for HttpItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let methods: Vec<_> = self.methods.iter().map(|method| method.as_str()).collect();
        let paths: Vec<_> = self.paths().collect();
        write!(f, "http {} {} {}", self.upstream, methods.join(","), paths.join(" "))?;
        if let Some(query) = &self.query {
            write!(f, " {query}")?;
        }
        if let Some(body) = &self.body {
            write!(f, " body {body}")?;
        }
        self.identity.iter().try_for_each(|identity| write!(f, " as {identity}"))
    }
}

impl PathPattern {
    pub(super) fn allow<'a>(&self, segments: impl Iterator<Item = &'a str>) -> bool {
        self.0.allow(segments)
    }

    pub(super) fn within(&self, other: &Self) -> bool {
        self.0.within(&other.0)
    }

    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > 1024 {
            return Err("shorten the pattern to 1024 bytes");
        }
        let rest = text.strip_prefix('/').ok_or("begin the path with /")?;
        if text.contains("//") {
            return Err("leave no segment empty");
        }
        let remedy = "write each segment as it is sent: no dot segments, percent-encoded only where needed, in upper case";
        Segments::parse(rest, |part| check(part, Place::Segment).map_err(|_| remedy)).map(Self)
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0)
    }
}

impl Serialize for PathPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The upstream whose credential an item is about, and the acting identity, if it names one.
pub(super) fn whose(fields: &mut Fields<'_>) -> Result<(Name, Option<Identity>), ScopeError> {
    let upstream = fields
        .text("upstream")?
        .parse()
        .map_err(|_| ScopeError::new("/upstream", "name an upstream in 1 to 64 of a-z 0-9 . _ -"))?;
    Ok((upstream, fields.optional("identity").map(identity).transpose()?))
}

/// The identity that was chosen, for an item that names this one or none.
pub(super) fn chosen(named: Option<&Identity>, identity: &Identity) -> Result<Identity, ScopeError> {
    if named.is_some_and(|named| named != identity) {
        return Err(ScopeError::new("/identity", "name the identity the request is for, or leave it out"));
    }
    Ok(identity.clone())
}

fn identity((value, pointer): (&Value, String)) -> Result<Identity, ScopeError> {
    let parsed = value.as_str().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| ScopeError::new(pointer, "name an acting identity as user:NAME or service:NAME"))
}

/// A rule about bodies is for methods that have one (C10).
fn bodied(methods: &[Method]) -> Result<(), ScopeError> {
    let with_body =
        |method: &Method| matches!(method, Method::Post | Method::Put | Method::Patch | Method::Delete);
    if methods.iter().all(with_body) {
        return Ok(());
    }
    Err(ScopeError::new(
        "/methods",
        "name only POST, PUT, PATCH, DELETE beside a body; the others go in an item of their own",
    ))
}

fn delivery((value, pointer): (&Value, String)) -> Result<(), ScopeError> {
    if value.as_str() == Some("inject") {
        return Ok(());
    }
    Err(ScopeError::new(pointer, "leave this out or say inject, the only delivery this version knows"))
}
