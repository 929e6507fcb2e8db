//! `http` items: the methods that were used, each with its paths, and each of these with the query and body that were seen there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::pattern::{Merge, Pattern, merged};
use super::recorded::Request;
use super::{Detail, body, with};
use crate::domain::scope::{Method, ScopeItem, subset};

/// More items than this for one that was granted are no help to whoever decides.
const MAX_PARTS: usize = 8;

/// Query and body, as JSON texts; what has the same ones may stand in one item.
type Rules = (String, String);

pub(super) fn proposal(
    detail: Detail,
    granted: &ScopeItem,
    written: &Map<String, Value>,
    requests: &[Request],
) -> Option<Vec<ScopeItem>> {
    let fits = |pattern: &Pattern| {
        let item = with(written, [("paths", json!([format!("/{pattern}")]))]);
        item.is_some_and(|item| subset(&item, granted))
    };
    let methods: BTreeSet<Method> = requests.iter().map(|one| one.method).collect();
    let of = |method: Option<Method>| -> BTreeSet<Pattern> {
        let mine = requests.iter().filter(|one| method.is_none_or(|method| method == one.method));
        merged(mine.map(|one| one.path.clone()).collect(), Merge::Ids, &fits)
    };
    if detail == Detail::Single {
        let rules = (written.get("query"), written.get("body"));
        return Some(vec![part(written, &methods, &of(None), (rules.0.cloned(), rules.1.cloned()))?]);
    }
    let mut paths: BTreeMap<(Method, Rules), BTreeSet<Pattern>> = BTreeMap::new();
    for method in methods {
        for pattern in of(Some(method)) {
            let mine: Vec<&Request> =
                requests.iter().filter(|one| one.method == method && pattern.contains(&one.path)).collect();
            let rules = rules(detail, written, &mine);
            let _ = paths.entry((method, rules)).or_default().insert(pattern);
        }
    }
    let mut parts: BTreeMap<(BTreeSet<Pattern>, Rules), BTreeSet<Method>> = BTreeMap::new();
    for ((method, rules), paths) in paths {
        let _ = parts.entry((paths, rules)).or_default().insert(method);
    }
    if parts.len() > MAX_PARTS {
        return None;
    }
    let read = |(query, body): &Rules| (serde_json::from_str(query).ok(), serde_json::from_str(body).ok());
    parts.iter().map(|((paths, rules), methods)| part(written, methods, paths, read(rules))).collect()
}

fn rules(detail: Detail, written: &Map<String, Value>, requests: &[&Request]) -> Rules {
    let (query, rule) = (written.get("query"), written.get("body"));
    let kept = |member: Option<&Value>| member.cloned().unwrap_or(Value::Null);
    if detail == Detail::Paths {
        return (kept(query).to_string(), kept(rule).to_string());
    }
    let queries: Vec<_> = requests.iter().map(|one| &one.query).collect();
    let bodies: Vec<_> = requests.iter().map(|one| one.body.as_ref()).collect();
    let rule = rule.map_or(Value::Null, |rule| body::rule(rule, &bodies));
    (body::query(query, &queries).to_string(), rule.to_string())
}

fn part(
    written: &Map<String, Value>,
    methods: &BTreeSet<Method>,
    paths: &BTreeSet<Pattern>,
    (query, body): (Option<Value>, Option<Value>),
) -> Option<ScopeItem> {
    let methods: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
    let paths: Vec<String> = paths.iter().map(|pattern| format!("/{pattern}")).collect();
    let [query, body] = [query, body].map(Option::unwrap_or_default);
    with(written, [("methods", json!(methods)), ("paths", json!(paths)), ("query", query), ("body", body)])
}
