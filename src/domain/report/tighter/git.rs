//! `git` items: the repositories that were used, and the refs that were pushed to them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::pattern::{Merge, Pattern, merged};
use super::recorded::{Body, Request};
use super::with;
use crate::domain::scope::{Method, ScopeItem, subset};

/// Where git sends what it does.
const PUSH: &str = "git-receive-pack";

/// One ref of a push, and what became of it.
pub(super) type Change<'a> = (&'a str, &'a str);

/// `None` when something recorded is no request of git's.
pub(super) fn proposal(
    granted: &ScopeItem,
    written: &Map<String, Value>,
    requests: &[Request],
) -> Option<ScopeItem> {
    let repositories: BTreeSet<Pattern> = requests.iter().map(repository).collect::<Option<_>>()?;
    let fits = |pattern: &Pattern| {
        let item = with(written, [("repositories", json!([format!("/{pattern}")]))]);
        item.is_some_and(|item| subset(&item, granted))
    };
    let repositories: Vec<String> =
        merged(repositories, Merge::Many, &fits).iter().map(|pattern| format!("/{pattern}")).collect();
    let (refs, delete) = pushed(granted, written, requests);
    with(written, [("repositories", json!(repositories)), ("refs", refs), ("delete", delete)])
}

/// The refs that were pushed and whether some were deleted; as granted where the log does not tell, or where nothing was pushed.
fn pushed(granted: &ScopeItem, written: &Map<String, Value>, requests: &[Request]) -> (Value, Value) {
    let member = |name: &str| written.get(name).cloned().unwrap_or(Value::Null);
    let pushes = requests.iter().filter(|one| is_push(one));
    let changes: Option<Vec<Vec<Change<'_>>>> =
        pushes.map(|one| one.body.as_ref().and_then(changes)).collect();
    let Some(changes) = changes else { return (member("refs"), member("delete")) };
    let changes: Vec<Change<'_>> = changes.concat();
    let delete = changes.iter().any(|(change, _)| *change == "delete");
    // An item for pushing has to name some ref, also where a push was only tried.
    if changes.is_empty() {
        return (member("refs"), Value::Null);
    }
    let fits = |pattern: &Pattern| {
        let item = with(written, [("refs", json!([pattern.to_string()]))]);
        item.is_some_and(|item| subset(&item, granted))
    };
    let refs = changes.iter().map(|(_, name)| Pattern::of(name)).collect();
    let refs: Vec<String> = merged(refs, Merge::Many, &fits).iter().map(ToString::to_string).collect();
    (json!(refs), if delete { json!(true) } else { Value::Null })
}

/// The repository of a request, by its path.
fn repository(request: &Request) -> Option<Pattern> {
    let tails: [&[&str]; 3] = [&["info", "refs"], &["git-upload-pack"], &[PUSH]];
    tails.into_iter().find_map(|tail| request.path.without(tail))
}

pub(super) fn is_push(request: &Request) -> bool {
    request.method == Method::Post && request.path.without(&[PUSH]).is_some()
}

/// The changes of a push; `None` when not all of them are told.
pub(super) fn changes(body: &Body) -> Option<Vec<Change<'_>>> {
    if body.kind != "git" || !body.complete || !body.names.len().is_multiple_of(2) {
        return None;
    }
    body.names.chunks(2).map(change).collect()
}

fn change(pair: &[String]) -> Option<Change<'_>> {
    match pair {
        [change, name] => Some((change.as_str(), name.as_str())),
        _ => None,
    }
}
