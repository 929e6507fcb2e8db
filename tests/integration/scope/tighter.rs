//! What the tighter grant promises, for every grant and all that was used of it.

use std::collections::BTreeSet;

use exeat::domain::report::smallest;
use exeat::domain::scope::{HttpTarget, ScopeItem, Target, subset};
use exeat::domain::upstream::Scheme;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::generate::{item, target};
use super::item as parsed;

/// The line that the log has of a use.
fn line(target: &Target) -> String {
    target.to_string()
}

/// Paths with ids and words in them, so that there is something to merge and something that must not be.
fn path() -> impl Strategy<Value = String> {
    vec(select(&["a", "b", "7", "8", "9a", "v1", "v2", "*"][..]), 1..4)
        .prop_map(|parts| format!("/{}", parts.join("/")))
}

fn request() -> impl Strategy<Value = HttpTarget> {
    let query = select(&["", "?page=1", "?page=2&sort=up", "?flag", "?x*y=1"][..]);
    (select(&["GET", "HEAD", "POST"][..]), path(), query).prop_map(|(method, path, query)| {
        let upstream = "api".parse().expect("a name");
        let raw = format!("{path}{query}");
        HttpTarget::new(upstream, Scheme::Https, "api.example.com", 443, method, &raw).expect("plain")
    })
}

fn grant() -> impl Strategy<Value = ScopeItem> {
    let patterns =
        vec(select(&["/**", "/a/**", "/a/*", "/*/b", "/*/*", "/a/7", "/a/*/7", "/*/*/*"][..]), 1..4);
    let query = select(vec![None, Some(json!({})), Some(json!({"page": ["*"], "sort": ["up", "down"]}))]);
    (patterns, vec(select(&["GET", "HEAD", "POST"][..]), 1..3), query).prop_map(|(paths, methods, query)| {
        let mut value = json!({"type": "http", "upstream": "api", "methods": methods, "paths": paths});
        if let Some(query) = query {
            value["query"] = query;
        }
        parsed(&value)
    })
}

fn holds(granted: &ScopeItem, used: &[&Target]) -> Result<Vec<ScopeItem>, TestCaseError> {
    let lines: BTreeSet<String> = used.iter().map(|target| line(target)).collect();
    let tighter = smallest(granted, &lines);
    for item in &tighter {
        prop_assert!(subset(item, granted), "{} is not within {}", item, granted);
    }
    for target in used {
        prop_assert!(
            tighter.iter().any(|item| item.allows(target)),
            "{} is refused, was {}",
            target,
            granted
        );
    }
    Ok(tighter)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_used_is_allowed_again_and_nothing_that_was_not_granted(
        granted in item(), targets in vec(target(), 60), most in 1..12_usize,
    ) {
        let used: Vec<&Target> = targets.iter().filter(|target| granted.allows(target)).take(most).collect();
        if used.is_empty() {
            return Ok(());
        }
        let _ = holds(&granted, &used)?;
    }

    #[test]
    fn the_same_of_requests_with_ids_in_whatever_order(
        granted in grant(), requests in vec(request(), 40), most in 1..30_usize,
    ) {
        let targets: Vec<Target> = requests.into_iter().map(Target::from).collect();
        let mut used: Vec<&Target> = targets.iter().filter(|target| granted.allows(target)).take(most).collect();
        if used.is_empty() {
            return Ok(());
        }
        let tighter = holds(&granted, &used)?;
        used.reverse();
        prop_assert_eq!(holds(&granted, &used)?, tighter);
    }
}
