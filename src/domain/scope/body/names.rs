//! Lists of names in body rules, and how they are shown.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::inert::Inert;
use crate::domain::scope::error::ScopeError;
use crate::domain::scope::fields::texts;

/// Names, once each, in canonical order.
pub(super) type Names = BTreeSet<String>;

/// A list of names of GraphQL.
pub(super) fn graphql_names((value, pointer): (&Value, String)) -> Result<Names, ScopeError> {
    let name = |text: &str| {
        let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if first && plain && text.len() <= 128 {
            return Ok(text.to_owned());
        }
        Err("write a GraphQL name in full, at most 128 bytes, without *")
    };
    Ok(texts(value, &pointer, name)?.into_iter().collect())
}

/// A list of names that a server gave: printable on one line, in full.
pub(super) fn plain_names((value, pointer): (&Value, String)) -> Result<Names, ScopeError> {
    let name = |text: &str| {
        let inert = text.parse::<Inert<128>>().is_ok();
        if inert && !text.contains('*') {
            return Ok(text.to_owned());
        }
        Err("write the name in full, in 1 to 128 printable characters, without *")
    };
    Ok(texts(value, &pointer, name)?.into_iter().collect())
}

/// Names for one line: quoted and escaped, so that no two lists show alike.
pub(super) fn shown(names: &Names) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(" or ")
}

/// A text in quotes, with everything escaped that is not plain ASCII.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_default())
}

/// Whether `a` is within `b`, where nothing listed means all there are.
pub(super) fn within(a: Option<&Names>, b: Option<&Names>) -> bool {
    match (a, b) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(a), Some(b)) => a.is_subset(b),
    }
}
