//! What was recorded, made once more and judged by what decides.
//!
//! A value that the log does not have is taken from the grant: rules list values as granted or not at all, so that one value of a name is
//! as good as another. A body of which the names alone are known is taken for one that fits.

use std::fmt::Write as _;

use serde_json::Value;

use super::git::{changes, is_push};
use super::recorded::{Body, Request};
use crate::domain::name::Name;
use crate::domain::scope::{Access, BodyFacts, HttpTarget, Push, ScopeItem};
use crate::domain::upstream::Scheme;

/// Whether each of these requests is allowed by one of the items.
pub(super) fn all_http(granted: &ScopeItem, items: &[ScopeItem], requests: &[Request]) -> bool {
    let written = serde_json::to_value(granted).unwrap_or_default();
    requests.iter().all(|request| {
        let Some(target) = target(granted.upstream(), request, &query(request, written.get("query"))) else {
            return false;
        };
        items.iter().any(|item| item.allows_request(&target) || item.may_allow(&target))
    })
}

/// The same for git.
pub(super) fn all_git(granted: &ScopeItem, items: &[ScopeItem], requests: &[Request]) -> bool {
    let ScopeItem::Git(item) = granted else { return false };
    let service = if item.access() == Access::Read { "git-upload-pack" } else { "git-receive-pack" };
    requests.iter().all(|request| {
        let query =
            if request.query.names.is_empty() { String::new() } else { format!("?service={service}") };
        let Some(target) = target(granted.upstream(), request, &query) else { return false };
        let push = request.body.as_ref().filter(|_| is_push(request)).and_then(push);
        match push {
            Some(push) => {
                let target = target.with_body(BodyFacts::push(push));
                items.iter().any(|item| item.allows_request(&target))
            }
            None => items.iter().any(|item| item.allows_request(&target) || item.may_allow(&target)),
        }
    })
}

fn target(upstream: Option<&Name>, request: &Request, query: &str) -> Option<HttpTarget> {
    let raw = format!("{}{query}", request.raw_path);
    HttpTarget::new(upstream?.clone(), Scheme::Https, "localhost", 443, request.method.as_str(), &raw).ok()
}

/// A query of the same names, with values that were granted.
fn query(request: &Request, granted: Option<&Value>) -> String {
    let value = |name: &String| match granted {
        None => Some("1"),
        // The parameter that carried the token is not judged, and not part of what was granted.
        Some(rule) => rule.get(name)?.get(0)?.as_str().map(|value| if value == "*" { "1" } else { value }),
    };
    let pairs = request.query.names.iter().filter_map(|name| Some(format!("{name}={}", value(name)?)));
    let pairs: Vec<String> = pairs.collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

/// The push again, up to its pack.
fn push(body: &Body) -> Option<Push> {
    let (none, old, new) = ("0".repeat(40), "1".repeat(40), "2".repeat(40));
    let mut sent = String::new();
    for (change, name) in changes(body)? {
        let (before, after) = match change {
            "create" => (&none, &new),
            "update" => (&old, &new),
            "delete" => (&old, &none),
            _ => return None,
        };
        let line = format!("{before} {after} {name}\n");
        write!(sent, "{:04x}{line}", line.len() + 4).ok()?;
    }
    sent.push_str("0000");
    Push::read(sent.as_bytes()).ok()?
}
