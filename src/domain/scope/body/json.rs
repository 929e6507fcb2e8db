//! JSON bodies by pointer (RFC 6901): each pointer that is named must be there, with one of its values. The rest of the body is
//! free, so that more pointers allow less.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use super::names::quoted;
use crate::domain::inert::Inert;
use crate::domain::scope::error::{ScopeError, step};
use crate::domain::scope::fields::MAX_LIST;

/// The largest integer that every reader of JSON tells from its neighbours (RFC 8259 §6).
const MAX_INTEGER: i64 = (1 << 53) - 1;

/// Pointers, each with the values of which one must stand there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub(in crate::domain::scope) struct JsonRule(BTreeMap<String, BTreeSet<Scalar>>);

/// A value that can be listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(untagged)]
enum Scalar {
    Bool(bool),
    Integer(i64),
    Text(String),
}

impl JsonRule {
    pub(super) fn parse(value: &Value, at: &str) -> Result<Self, ScopeError> {
        let remedy = "send an object of JSON pointers, each with the list of its allowed values";
        let object = value.as_object().ok_or_else(|| ScopeError::new(at, remedy))?;
        if object.is_empty() || object.len() > MAX_LIST {
            return Err(ScopeError::new(at, "name 1 to 64 pointers"));
        }
        let mut rule = BTreeMap::new();
        for (pointer, values) in object {
            let at = step(at, pointer);
            if !is_pointer(pointer) {
                let remedy =
                    "write a JSON pointer: / before each name, ~0 for ~ and ~1 for /, at most 256 bytes";
                return Err(ScopeError::new(at, remedy));
            }
            rule.insert(pointer.clone(), scalars(values, &at)?);
        }
        let inside = |outer: &String, inner: &String| {
            inner.strip_prefix(outer.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        match rule.keys().find(|inner| rule.keys().any(|outer| inside(outer, inner))) {
            Some(inner) => Err(ScopeError::new(
                step(at, inner),
                "leave out a pointer into another one: a value has no members",
            )),
            None => Ok(Self(rule)),
        }
    }

    pub(super) fn allows(&self, body: &Value) -> bool {
        self.first_missing(body).is_none()
    }

    pub(super) fn within(&self, other: &Self) -> bool {
        other.0.iter().all(|(pointer, wider)| self.0.get(pointer).is_some_and(|own| own.is_subset(wider)))
    }

    pub(super) fn lacks(&self, body: &Value) -> Option<String> {
        self.first_missing(body).map(|pointer| format!("the value at {}", quoted(pointer)))
    }

    /// The same pointers with what stands there, as far as it can be listed.
    pub(super) fn covering(&self, body: &Value) -> Option<Value> {
        let found = |pointer: &String| {
            let value = body.pointer(pointer)?;
            Scalar::of(value).ok()?;
            Some((pointer.clone(), Value::from(vec![value.clone()])))
        };
        let found: Option<Map<String, Value>> = self.0.keys().map(found).collect();
        found.map(Value::Object)
    }

    fn first_missing(&self, body: &Value) -> Option<&str> {
        let holds = |pointer: &str, values: &BTreeSet<Scalar>| {
            body.pointer(pointer).is_some_and(|value| values.iter().any(|listed| listed.is(value)))
        };
        self.0.iter().find(|(pointer, values)| !holds(pointer, values)).map(|(pointer, _)| pointer.as_str())
    }
}

impl fmt::Display for JsonRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (pointer, values)) in self.0.iter().enumerate() {
            let values: Vec<_> = values.iter().map(ToString::to_string).collect();
            let and = if index == 0 { "" } else { ", " };
            write!(f, "{and}{} is {}", quoted(pointer), values.join(" or "))?;
        }
        Ok(())
    }
}

impl Scalar {
    fn of(value: &Value) -> Result<Self, &'static str> {
        match value {
            Value::Bool(value) => Ok(Self::Bool(*value)),
            Value::String(text) if text.contains('*') => Err("list texts in full, without *"),
            Value::String(text) if text.is_empty() || text.parse::<Inert<1024>>().is_ok() => {
                Ok(Self::Text(text.clone()))
            }
            Value::Number(number) => number
                .as_i64()
                .filter(|number| (-MAX_INTEGER..=MAX_INTEGER).contains(number))
                .map(Self::Integer)
                .ok_or("list whole numbers between -2^53 and 2^53"),
            _ => {
                Err("list booleans, whole numbers and printable texts of at most 1024 characters on one line")
            }
        }
    }

    /// Compared as a value and never as a spelling: `1.0` and `1e0` are not `1`, because not all take them for it.
    fn is(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Bool(own), Value::Bool(value)) => own == value,
            (Self::Integer(own), Value::Number(number)) => number.as_i64() == Some(*own),
            (Self::Text(own), Value::String(text)) => own == text,
            _ => false,
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Text(text) => f.write_str(&quoted(text)),
        }
    }
}

fn scalars(value: &Value, pointer: &str) -> Result<BTreeSet<Scalar>, ScopeError> {
    let list = value.as_array().ok_or_else(|| ScopeError::new(pointer, "send a list of values"))?;
    if list.is_empty() || list.len() > MAX_LIST {
        return Err(ScopeError::new(pointer, "name 1 to 64 values"));
    }
    let member = |(index, value)| {
        Scalar::of(value).map_err(|remedy| ScopeError::new(format!("{pointer}/{index}"), remedy))
    };
    list.iter().enumerate().map(member).collect()
}

/// A pointer below the root, in its one spelling, that can be shown.
fn is_pointer(text: &str) -> bool {
    let mut escapes = text.split('~').skip(1);
    text.starts_with('/')
        && text.len() <= 256
        && text.parse::<Inert<256>>().is_ok()
        && !text.contains('*')
        && escapes.all(|rest| rest.starts_with(['0', '1']))
}
