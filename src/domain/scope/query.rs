//! What a request's query may say, when an `http` item limits it.
//!
//! Names and values are compared as the bytes that are sent: `a+b` and `a%20b` are two values, and each must be listed
//! to be allowed. A name without `=` has the empty value.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::error::{ScopeError, step};
use super::fields::{MAX_LIST, texts};
use super::percent::{Place, check};

/// The names that may occur, and the values each may have. No names: no query at all.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub(super) struct QueryRule(BTreeMap<String, Values>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Values {
    Any,
    OneOf(BTreeSet<String>),
}

impl QueryRule {
    pub(super) fn parse(value: &Value, pointer: &str) -> Result<Self, ScopeError> {
        let remedy = "send an object of parameter names, each with the list of its allowed values";
        let object = value.as_object().ok_or_else(|| ScopeError::new(pointer, remedy))?;
        if object.len() > MAX_LIST {
            return Err(ScopeError::new(pointer, "name at most 64"));
        }
        let mut rule = BTreeMap::new();
        for (name, values) in object {
            let at = step(pointer, name);
            part(name).map_err(|remedy| ScopeError::new(at.as_str(), remedy))?;
            if name.is_empty() || name.contains(['*', '=']) {
                return Err(ScopeError::new(at, "name the parameter in full, without * or ="));
            }
            rule.insert(name.clone(), Values::parse(values, &at)?);
        }
        Ok(Self(rule))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether no query is allowed.
    pub(super) fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// No query at all.
    pub(super) const fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Whether every pair, and so every repetition of a name, is allowed (D07).
    pub(super) fn allows<'a>(&self, mut pairs: impl Iterator<Item = (&'a str, &'a str)>) -> bool {
        pairs.all(|(name, value)| self.0.get(name).is_some_and(|values| values.allow(value)))
    }

    pub(super) fn within(&self, other: &Self) -> bool {
        self.0.iter().all(|(name, values)| other.0.get(name).is_some_and(|wider| values.within(wider)))
    }
}

impl fmt::Display for QueryRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no query");
        }
        for (index, (name, values)) in self.0.iter().enumerate() {
            let values = match values {
                Values::Any => "*".to_owned(),
                Values::OneOf(set) => set.iter().map(String::as_str).collect::<Vec<_>>().join(" or "),
            };
            write!(f, "{}{name}={values}", if index == 0 { "?" } else { "&" })?;
        }
        Ok(())
    }
}

impl Values {
    fn parse(value: &Value, pointer: &str) -> Result<Self, ScopeError> {
        let list = texts(value, pointer, |text| part(text).map(|()| text.to_owned()))?;
        if list.iter().all(|text| text == "*") {
            return Ok(Self::Any);
        }
        if list.iter().any(|text| text.contains('*')) {
            return Err(ScopeError::new(
                pointer,
                "write [\"*\"] for any value, or list values in full without *",
            ));
        }
        Ok(Self::OneOf(list.into_iter().collect()))
    }

    fn allow(&self, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(set) => set.contains(value),
        }
    }

    fn within(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Any) => true,
            (Self::Any, Self::OneOf(_)) => false,
            (Self::OneOf(a), Self::OneOf(b)) => a.is_subset(b),
        }
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Any => serializer.collect_seq(["*"]),
            Self::OneOf(set) => serializer.collect_seq(set),
        }
    }
}

/// A name or a value as it stands between `?`, `&` and `=` of a request.
fn part(text: &str) -> Result<(), &'static str> {
    let remedy =
        "write it as it is sent: percent-encoded only where needed, in upper case, at most 1024 bytes";
    if text.len() > 1024 || text.contains('&') {
        return Err(remedy);
    }
    check(text, Place::Query).map_err(|_| remedy)
}
