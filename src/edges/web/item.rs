//! A scope item as a person reads it: by its fields, each with its values, and how much it lets an agent do.

use serde_json::Value;

use crate::domain::scope::{ScopeItem, Weight};
use crate::edges::view::json;

/// One item.
pub(super) struct ItemWords {
    /// On one line.
    pub(super) line: String,
    /// The control plane.
    pub(super) plane: String,
    /// How much it lets an agent do, in one word.
    pub(super) weight: &'static str,
    /// Its fields and their values.
    pub(super) fields: Vec<(String, Vec<String>)>,
    /// The item itself, to be narrowed.
    pub(super) json: String,
}

impl ItemWords {
    pub(super) fn of(item: &ScopeItem) -> Self {
        let value = json(item);
        Self {
            line: item.to_string(),
            plane: item.plane().to_string(),
            weight: weight(item.weight()),
            fields: value.as_object().into_iter().flatten().filter_map(field).collect(),
            json: serde_json::to_string_pretty(&value).unwrap_or_default(),
        }
    }
}

/// In one word.
pub(super) const fn weight(weight: Weight) -> &'static str {
    match weight {
        Weight::Reads => "reads",
        Weight::Reaches => "reaches",
        Weight::Changes => "changes",
    }
}

/// What is said beside the item anyway is left out.
fn field((name, value): (&String, &Value)) -> Option<(String, Vec<String>)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match value {
        _ if name == "type" || name == "identity" => None,
        Value::Array(values) => Some((name.clone(), values.iter().map(text).collect())),
        other => Some((name.clone(), vec![text(other)])),
    }
}
