//! Takes a JSON object apart field by field and refuses what nobody asked for.

use serde_json::{Map, Value};

use super::error::{ScopeError, step};

/// The longest list in an item, before members that say the same are merged.
pub(super) const MAX_LIST: usize = 64;

/// The fields of one JSON object, and which of them were read.
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
    pointer: &'a str,
    read: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(value: &'a Value, pointer: &'a str) -> Result<Self, ScopeError> {
        let object = value.as_object().ok_or_else(|| ScopeError::new(pointer, "send a JSON object"))?;
        Ok(Self { object, pointer, read: Vec::new() })
    }

    /// A field that may be absent. `null` is a value like any other, and no field takes it.
    pub(super) fn optional(&mut self, name: &'static str) -> Option<(&'a Value, String)> {
        self.read.push(name);
        self.object.get(name).map(|value| (value, step(self.pointer, name)))
    }

    /// A text field that must be there.
    pub(super) fn text(&mut self, name: &'static str) -> Result<&'a str, ScopeError> {
        let (value, pointer) = self.required(name)?;
        value.as_str().ok_or_else(|| ScopeError::new(pointer, "send a text"))
    }

    /// A list of texts that must be there, not empty and not over-long; each member goes through `parse`.
    pub(super) fn list<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Result<Vec<T>, ScopeError> {
        let (value, pointer) = self.required(name)?;
        texts(value, &pointer, parse)
    }

    /// Refuses every field that was not read (I13).
    pub(super) fn finish(self) -> Result<(), ScopeError> {
        match self.object.keys().find(|name| !self.read.contains(&name.as_str())) {
            Some(name) => Err(ScopeError::new(step(self.pointer, name), "remove this unknown field")),
            None => Ok(()),
        }
    }

    fn required(&mut self, name: &'static str) -> Result<(&'a Value, String), ScopeError> {
        let pointer = step(self.pointer, name);
        self.optional(name).ok_or_else(|| ScopeError::new(pointer, "add this field"))
    }
}

/// A list of texts, each through `parse`.
pub(super) fn texts<T>(
    value: &Value,
    pointer: &str,
    parse: impl Fn(&str) -> Result<T, &'static str>,
) -> Result<Vec<T>, ScopeError> {
    let list = value.as_array().ok_or_else(|| ScopeError::new(pointer, "send a list of texts"))?;
    if list.is_empty() {
        return Err(ScopeError::new(pointer, "name at least one"));
    }
    if list.len() > MAX_LIST {
        return Err(ScopeError::new(pointer, "name at most 64"));
    }
    let member = |(index, value): (usize, &Value)| {
        let at = |remedy| ScopeError::new(format!("{pointer}/{index}"), remedy);
        parse(value.as_str().ok_or_else(|| at("send a text"))?).map_err(at)
    };
    list.iter().enumerate().map(member).collect()
}
