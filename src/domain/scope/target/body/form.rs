//! Forms (`application/x-www-form-urlencoded`), compared as the bytes that are sent, as queries are.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::BodyFault;
use super::json::folded;
use crate::domain::scope::percent::{Place, check};

/// A form in which each name occurs once.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::domain::scope) struct Form(String);

impl Form {
    pub(super) fn read(text: &str) -> Result<Self, BodyFault> {
        check(text, Place::Query).map_err(|_| BodyFault::Form)?;
        let form = Self(text.to_owned());
        let mut seen = BTreeSet::new();
        // `a[]`, `a[0]` and `a.b` become part of `a` for some readers (D12).
        let base = |name: &str| folded(name.split(['[', '.', '%', '+']).next().unwrap_or_default());
        let once = form.pairs().all(|(name, _)| !name.is_empty() && seen.insert(base(name)));
        if once { Ok(form) } else { Err(BodyFault::Form) }
    }

    /// Names and values as they are sent.
    pub(in crate::domain::scope) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.0.split('&').filter(|pair| !(pair.is_empty() && self.0.is_empty()));
        pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }

    /// Each name with the list of its one value.
    pub(in crate::domain::scope) fn listed(&self) -> Map<String, Value> {
        self.pairs().map(|(name, value)| (name.to_owned(), Value::from(vec![value]))).collect()
    }
}
