//! Why something is not a scope item: the field, and what to do about it.

/// A scope item was refused. Names the field by JSON pointer (RFC 6901) and never repeats its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {remedy}", if pointer.is_empty() { "scope item" } else { pointer })]
pub struct ScopeError {
    pointer: String,
    remedy: &'static str,
}

impl ScopeError {
    pub(super) fn new(pointer: impl Into<String>, remedy: &'static str) -> Self {
        Self { pointer: pointer.into(), remedy }
    }

    /// The offending field, relative to the item; empty for the item as a whole.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// What to do, as an imperative.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        self.remedy
    }

    /// The same error seen from the document that holds the item, for example under `/items/0`.
    #[must_use]
    pub fn under(self, parent: &str) -> Self {
        Self { pointer: format!("{parent}{}", self.pointer), ..self }
    }
}

/// One pointer step. Field names come from agents: what is not plainly printable is escaped, and long names are cut.
pub(super) fn step(parent: &str, name: &str) -> String {
    const LONGEST: usize = 64;
    let shown: String = name.chars().take(LONGEST).flat_map(char::escape_default).collect();
    format!("{parent}/{}", shown.replace('~', "~0").replace('/', "~1"))
}
