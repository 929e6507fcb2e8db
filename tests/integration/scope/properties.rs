//! What `subset`, `parse` and targets promise for every input.

use std::collections::BTreeSet;

use exeat::domain::scope::{HttpTarget, ScopeItem, covers, subset};
use exeat::domain::upstream::Scheme;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::generate::{any_json, hostile_text, item, rewritten, siblings, target, written};
use super::{get, get_target, reads};

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn subset_is_reflexive(a in item()) {
        prop_assert!(subset(&a, &a));
    }

    #[test]
    fn subset_both_ways_means_equal_in_canonical_form(a in item(), b in item()) {
        prop_assert_eq!(subset(&a, &b) && subset(&b, &a), a == b);
        prop_assert_eq!(a.to_string() == b.to_string(), a == b);
    }

    #[test]
    fn subset_is_transitive(a in item(), b in item(), c in item()) {
        for (a, b, c) in [(&a, &b, &c), (&a, &c, &b), (&b, &a, &c), (&b, &c, &a), (&c, &a, &b), (&c, &b, &a)] {
            if subset(a, b) && subset(b, c) {
                prop_assert!(subset(a, c));
            }
        }
    }

    #[test]
    fn what_a_subset_allows_the_whole_allows(
        a in item(), b in item(), targets in prop::collection::vec(target(), 12),
    ) {
        for (a, b) in [(&a, &b), (&b, &a)] {
            if subset(a, b) {
                for target in &targets {
                    prop_assert!(!a.allows(target) || b.allows(target), "{} in {} but not in {}", target, a, b);
                }
            }
        }
    }

    #[test]
    fn what_a_narrower_sibling_allows_the_wider_allows(
        (a, b) in siblings(), targets in prop::collection::vec(target(), 40),
    ) {
        for (a, b) in [(&a, &b), (&b, &a)] {
            let escaped = targets.iter().find(|target| a.allows(target) && !b.allows(target));
            prop_assert!(!subset(a, b) || escaped.is_none(), "{:?} in {} but not in {}", escaped, a, b);
        }
    }

    #[test]
    fn a_covered_item_is_a_subset_of_the_one_that_covers_it(
        granted in prop::collection::vec(item(), 0..6), asked in item(),
    ) {
        match covers(&granted, &asked) {
            Some(index) => prop_assert!(subset(&asked, &granted[index])),
            None => prop_assert!(granted.iter().all(|item| !subset(&asked, item))),
        }
    }

    #[test]
    fn reading_what_was_written_changes_nothing(value in written()) {
        let item = super::item(&value);
        let text = serde_json::to_vec(&item).unwrap();
        prop_assert_eq!(&ScopeItem::from_json(&text).unwrap(), &item);
        prop_assert_eq!(&serde_json::from_slice::<ScopeItem>(&text).unwrap(), &item);
        let again = ScopeItem::parse(&serde_json::to_value(&item).unwrap()).unwrap();
        prop_assert_eq!(serde_json::to_vec(&again).unwrap(), text);
    }

    #[test]
    fn the_same_item_written_another_way_is_the_same_item((one, other) in rewritten()) {
        prop_assert_eq!(super::item(&one), super::item(&other));
    }

    #[test]
    fn canonical_form_allows_what_was_written(value in written(), target in target()) {
        // Each written member by itself, against the item in which spare members were removed.
        let whole = super::item(&value);
        let field = match value["type"].as_str().unwrap() {
            "network" => "hosts",
            "git" => "repositories",
            _ => "paths",
        };
        let by_member = value[field].as_array().unwrap().iter().any(|member| {
            let mut one = value.clone();
            one[field] = Value::from(vec![member.clone()]);
            super::item(&one).allows(&target)
        });
        prop_assert_eq!(whole.allows(&target), by_member);
    }

    #[test]
    fn no_json_makes_parse_panic(value in any_json()) {
        if let Ok(item) = ScopeItem::parse(&value) {
            let text = serde_json::to_vec(&item).unwrap();
            prop_assert_eq!(&ScopeItem::from_json(&text).unwrap(), &item);
            prop_assert!(!item.to_string().chars().any(char::is_control));
        }
    }

    #[test]
    fn no_bytes_make_from_json_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(ScopeItem::from_json(&bytes).is_err());
    }

    #[test]
    fn no_text_makes_a_target_panic(host in ".{0,20}", port: u16, method in "[A-Za-z]{0,8}", raw in ".{0,60}") {
        let upstream = "api".parse().unwrap();
        if let Ok(target) = HttpTarget::new(upstream, Scheme::Https, &host, port, &method, &raw) {
            prop_assert_eq!(target.path_and_query(), raw);
        }
    }

    #[test]
    fn d02_every_reader_sees_the_path_that_was_judged(text in hostile_text()) {
        let raw = format!("/{text}");
        if let Ok(target) = get(&raw) {
            prop_assert_eq!(target.path_and_query(), raw.as_str());
            prop_assert!(raw.bytes().all(|b| b.is_ascii_graphic()));
            let path = raw.split('?').next().unwrap();
            prop_assert_eq!(lenient(path), strict(path));
            prop_assert_eq!(decoded(&decoded(path)), decoded(path));
        }
    }

    #[test]
    fn the_token_leaves_its_query_parameter_and_the_credential_takes_its_place(
        before in "(x=1&|y&|)", after in "(&z=2|&|)", token in "[A-Za-z0-9._-]{1,40}", credential: Vec<u8>,
    ) {
        let (target, taken) = get(&format!("/a?{before}key={token}{after}")).unwrap().without_query("key").unwrap();
        prop_assert_eq!(taken.as_str(), token);
        let without = format!("/a?{before}key={after}");
        prop_assert_eq!(target.path_and_query(), without.as_str());
        let encoded: String = credential.iter().map(|b| match b {
            b'-' | b'.' | b'_' | b'~' => char::from(*b).to_string(),
            b if b.is_ascii_alphanumeric() => char::from(*b).to_string(),
            b => format!("%{b:02X}"),
        }).collect();
        let sent = format!("/a?{before}key={encoded}{after}");
        let placed = target.placed(&credential).unwrap();
        prop_assert_eq!(placed.as_str(), sent.as_str());
    }
}

/// A server that decodes first, takes `\` for `/`, drops path parameters and trailing dots, and then cleans up.
fn lenient(path: &str) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let decoded = decoded(path).replace('\\', "/");
    for part in decoded.split('/') {
        let name = part.split(';').next().unwrap_or_default();
        match name.trim_end_matches(['.', ' ', '\0']) {
            "" if name == ".." => drop(kept.pop()),
            "" => {}
            name => kept.push(name.to_owned()),
        }
    }
    kept
}

/// A server that splits first and then decodes, and otherwise takes each segment as it is.
fn strict(path: &str) -> Vec<String> {
    let name = |part: &str| decoded(part).split(';').next().unwrap_or_default().to_owned();
    path.split('/').filter(|part| !part.is_empty()).map(name).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = text.as_bytes();
    let mut out = Vec::new();
    while let Some((first, rest)) = bytes.split_first() {
        let pair = rest.get(..2).and_then(|two| hex::decode(two).ok()).filter(|_| *first == b'%');
        out.push(pair.as_ref().map_or(*first, |byte| byte[0]));
        bytes = if pair.is_some() { &rest[2..] } else { rest };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A property over inputs that never meet proves nothing: the generators must reach every outcome often.
#[test]
fn the_generators_reach_both_answers_and_overlaps() {
    let mut runner = TestRunner::deterministic();
    let mut sample = |n: usize| -> Vec<ScopeItem> {
        (0..n).map(|_| item().new_tree(&mut runner).unwrap().current()).collect()
    };
    let items = sample(160);
    let mut runner = TestRunner::deterministic();
    let targets: Vec<_> = (0..400).map(|_| target().new_tree(&mut runner).unwrap().current()).collect();
    let allowed: Vec<BTreeSet<usize>> =
        items.iter().map(|item| (0..targets.len()).filter(|&t| item.allows(&targets[t])).collect()).collect();
    let (mut proper, mut apart, mut overlapping, mut chains) = (0, 0, 0, 0);
    for (a, in_a) in items.iter().zip(&allowed) {
        for (b, in_b) in items.iter().zip(&allowed) {
            let inside = subset(a, b);
            proper += usize::from(inside && a != b);
            apart += usize::from(!inside);
            overlapping += usize::from(!inside && !subset(b, a) && !in_a.is_disjoint(in_b));
            if inside && a != b {
                chains += items.iter().filter(|c| *c != b && subset(b, c)).count();
            }
        }
    }
    assert!(proper > 300, "{proper} proper subsets");
    assert!(apart > 3000, "{apart} pairs that are no subsets");
    assert!(overlapping > 500, "{overlapping} pairs that only overlap");
    assert!(chains > 300, "{chains} chains of three");
    let hits: usize = allowed.iter().map(BTreeSet::len).sum();
    assert!(hits > 1000 && hits < items.len() * targets.len() / 2, "{hits} allowed targets");
}

/// For single patterns the answer is exact: everything up to depth three, against a matcher written another way.
#[test]
fn subset_of_path_patterns_is_exactly_inclusion() {
    let patterns: Vec<String> = rows(&["a", "b", "*"], 2, &["", "/", "/**"]);
    let paths: Vec<String> = rows(&["a", "b", "c"], 4, &["", "/"]);
    let targets: Vec<_> = paths.iter().map(|path| get_target(path)).collect();
    let items: Vec<ScopeItem> = patterns.iter().map(|pattern| super::item(&reads(&[pattern]))).collect();
    let mut allowed = Vec::new();
    for (item, pattern) in items.iter().zip(&patterns) {
        let by_item: BTreeSet<_> = (0..paths.len()).filter(|&i| item.allows(&targets[i])).collect();
        let by_oracle: BTreeSet<_> = (0..paths.len()).filter(|&i| oracle(pattern, &paths[i])).collect();
        assert_eq!(by_item, by_oracle, "{pattern}");
        allowed.push(by_item);
    }
    for (a, in_a) in items.iter().zip(&allowed) {
        for (b, in_b) in items.iter().zip(&allowed) {
            assert_eq!(subset(a, b), in_a.is_subset(in_b), "{a} within {b}");
        }
    }
}

/// The same for query rules: every rule over two names and two values, every query of up to two pairs.
#[test]
fn subset_of_query_rules_is_exactly_inclusion() {
    let values = [None, Some(json!(["1"])), Some(json!(["2"])), Some(json!(["1", "2"])), Some(json!(["*"]))];
    let mut items = vec![super::item(&reads(&["/a"]))];
    for (x, y) in values.iter().flat_map(|x| values.iter().map(move |y| (x, y))) {
        let rule =
            [("x", x), ("y", y)].into_iter().filter_map(|(name, v)| Some((name.to_owned(), v.clone()?)));
        let mut value = reads(&["/a"]);
        value["query"] = Value::Object(rule.collect());
        items.push(super::item(&value));
    }
    let pairs: Vec<String> =
        ["x", "y", "z"].iter().flat_map(|n| ["1", "2", "3"].map(|v| format!("{n}={v}"))).collect();
    let mut queries = vec!["/a".to_owned()];
    queries.extend(pairs.iter().map(|one| format!("/a?{one}")));
    queries.extend(pairs.iter().flat_map(|one| pairs.iter().map(move |two| format!("/a?{one}&{two}"))));
    let targets: Vec<_> = queries.iter().map(|query| get_target(query)).collect();
    for (a, b) in items.iter().flat_map(|a| items.iter().map(move |b| (a, b))) {
        let included = targets.iter().all(|target| !a.allows(target) || b.allows(target));
        assert_eq!(subset(a, b), included, "{a} within {b}");
    }
}

/// Every row of up to `length` parts, with each of the ends; `/` stands for the empty row.
fn rows(parts: &[&str], length: usize, ends: &[&str]) -> Vec<String> {
    let mut bodies = vec![String::new()];
    let mut last = bodies.clone();
    for _ in 0..length {
        last = last.iter().flat_map(|body| parts.iter().map(move |part| format!("{body}/{part}"))).collect();
        bodies.extend(last.clone());
    }
    let all = bodies.iter().flat_map(|body| ends.iter().map(move |end| format!("{body}{end}")));
    all.filter(|row| !row.is_empty()).collect()
}

fn oracle(pattern: &str, path: &str) -> bool {
    fn go(pattern: &[&str], path: &[&str]) -> bool {
        match (pattern, path) {
            ([], []) | (["**"], _) => true,
            (["*", pattern @ ..], [part, path @ ..]) => !part.is_empty() && go(pattern, path),
            ([literal, pattern @ ..], [part, path @ ..]) => literal == part && go(pattern, path),
            _ => false,
        }
    }
    go(&pattern[1..].split('/').collect::<Vec<_>>(), &path[1..].split('/').collect::<Vec<_>>())
}
