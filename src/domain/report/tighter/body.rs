//! Rules about queries and bodies, with what was not seen left out. Values stay as they were granted: the log has none.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::recorded::{Body, Query};

/// The query rule that these need, `null` for none.
pub(super) fn query(granted: Option<&Value>, queries: &[&Query]) -> Value {
    let names: BTreeSet<&String> = queries.iter().flat_map(|query| &query.names).collect();
    let unnamed = queries.iter().any(|query| query.unnamed);
    match granted {
        Some(granted) if unnamed => granted.clone(),
        // A name that was not granted is that of the parameter which carried the token: it is not judged.
        Some(granted) => only(granted, &|name| names.iter().any(|seen| *seen == name)),
        None if unnamed => Value::Null,
        None => names.into_iter().map(|name| (name.clone(), json!(["*"]))).collect(),
    }
}

/// The body rule that these need.
pub(super) fn rule(granted: &Value, bodies: &[Option<&Body>]) -> Value {
    let narrowed = || {
        let (kind, rule) = granted.as_object()?.iter().next()?;
        let told: Option<Vec<&Body>> =
            bodies.iter().map(|body| body.filter(|body| body.complete && body.kind == *kind)).collect();
        let seen: BTreeSet<&str> =
            told?.into_iter().flat_map(|body| &body.names).map(String::as_str).collect();
        let rule = match kind.as_str() {
            "json_rpc" => calls(rule, &seen),
            "graphql" => graphql(rule, &seen),
            "form" => only(rule, &|name| seen.contains(name)),
            _ => return None,
        };
        Some(json!({ kind.as_str(): rule }))
    };
    narrowed().unwrap_or_else(|| granted.clone())
}

/// The members of this object whose names are these.
fn only(granted: &Value, keep: &dyn Fn(&str) -> bool) -> Value {
    let members = granted.as_object().into_iter().flatten();
    members.filter(|(name, _)| keep(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The texts of each list that were seen; a list of which none was is left out.
fn lists(rule: &Value, names: &[&str], seen: &BTreeSet<&str>) -> Map<String, Value> {
    let list = |name: &&str| {
        let list = rule.get(*name)?.as_array()?;
        let kept: Vec<&Value> =
            list.iter().filter(|text| text.as_str().is_some_and(|text| seen.contains(text))).collect();
        (!kept.is_empty()).then(|| ((*name).to_owned(), json!(kept)))
    };
    names.iter().filter_map(list).collect()
}

fn calls(rule: &Value, seen: &BTreeSet<&str>) -> Value {
    Value::Object(lists(rule, &["methods", "tools"], seen))
}

fn graphql(rule: &Value, seen: &BTreeSet<&str>) -> Value {
    let mut narrowed = lists(rule, &["operations", "fields", "names"], seen);
    if !narrowed.contains_key("operations") {
        narrowed.clear();
    }
    // Hashes are not recorded, only that one was sent.
    if let Some(hashes) = rule.get("persisted").filter(|_| seen.contains("persisted")) {
        drop(narrowed.insert("persisted".to_owned(), hashes.clone()));
    }
    Value::Object(narrowed)
}
