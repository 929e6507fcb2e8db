//! HTTP items: which requests to one upstream may carry its credential.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::error::ScopeError;
use super::fields::Fields;
use super::method::Method;
use super::path::{Segments, canonical};
use super::percent::{Place, check};
use super::query::QueryRule;
use super::target::HttpTarget;
use crate::domain::identity::Identity;
use crate::domain::name::Name;

/// Requests to one upstream, by method, path and query, that carry its credential for one acting identity.
///
/// A request is allowed when its method is listed, some path pattern matches and the query rule, if there is one, holds.
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
}

/// An absolute path pattern; its literals are spelt as they are sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct PathPattern(Segments);

impl HttpItem {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, ScopeError> {
        let upstream = fields
            .text("upstream")?
            .parse()
            .map_err(|_| ScopeError::new("/upstream", "name an upstream in 1 to 64 of a-z 0-9 . _ -"))?;
        let identity = fields.optional("identity").map(identity).transpose()?;
        let methods = fields.list("methods", |text| {
            text.parse::<Method>().map_err(|_| "name one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
        })?;
        let paths = fields.list("paths", PathPattern::parse)?;
        let query = fields.optional("query").map(|(value, at)| QueryRule::parse(value, &at)).transpose()?;
        fields.optional("delivery").map(delivery).transpose()?;
        Ok(Self {
            upstream,
            identity,
            methods: canonical(methods, |_, _| false),
            paths: canonical(paths, |a, b| a.0.within(&b.0)),
            query,
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
        match &self.identity {
            Some(named) if named != identity => {
                Err(ScopeError::new("/identity", "name the identity the request is for, or leave it out"))
            }
            _ => Ok(Self { identity: Some(identity.clone()), ..self }),
        }
    }

    pub(in crate::domain) fn allows(&self, target: &HttpTarget) -> bool {
        self.upstream == *target.upstream()
            && self.methods.contains(&target.method())
            && self.paths.iter().any(|pattern| pattern.0.allow(target.segments()))
            && self.query.as_ref().is_none_or(|rule| rule.allows(target.query_pairs()))
    }

    pub(super) fn within(&self, other: &Self) -> bool {
        let query = match (&self.query, &other.query) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(a), Some(b)) => a.within(b),
        };
        query
            && self.upstream == other.upstream
            && self.identity == other.identity
            && self.methods.iter().all(|method| other.methods.contains(method))
            && self.paths.iter().all(|a| other.paths.iter().any(|b| a.0.within(&b.0)))
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
        self.identity.iter().try_for_each(|identity| write!(f, " as {identity}"))
    }
}

impl PathPattern {
    fn parse(text: &str) -> Result<Self, &'static str> {
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

fn identity((value, pointer): (&Value, String)) -> Result<Identity, ScopeError> {
    let parsed = value.as_str().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| ScopeError::new(pointer, "name an acting identity as user:NAME or service:NAME"))
}

fn delivery((value, pointer): (&Value, String)) -> Result<(), ScopeError> {
    if value.as_str() == Some("inject") {
        return Ok(());
    }
    Err(ScopeError::new(pointer, "leave this out or say inject, the only delivery this version knows"))
}
