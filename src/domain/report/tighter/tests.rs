//! What is merged, what is kept, and when the grant stays as it is.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;

fn parsed(value: Value) -> ScopeItem {
    ScopeItem::parse(&value).unwrap()
}

fn http(methods: &[&str], paths: &[&str]) -> Value {
    json!({"type": "http", "upstream": "github", "identity": "service:ci-bot", "methods": methods, "paths": paths})
}

fn with_rules(mut item: Value, query: Value, body: Value) -> Value {
    item["query"] = query;
    item["body"] = body;
    item
}

/// What would have been enough of `granted` for these lines.
fn enough(granted: &Value, lines: &[&str]) -> Vec<Value> {
    let recorded: BTreeSet<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    smallest(&parsed(granted.clone()), &recorded)
        .iter()
        .map(|item| serde_json::to_value(item).unwrap())
        .collect()
}

/// The paths that would have been enough of reading everything.
fn paths(used: &[&str]) -> Value {
    let lines: Vec<String> = used.iter().map(|path| format!("GET https://api.example{path}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut paths: Vec<Value> =
        enough(&http(&["GET", "POST"], &["/**"]), &lines)[0]["paths"].as_array().unwrap().clone();
    paths.sort_by_key(ToString::to_string);
    paths.into()
}

#[test]
fn one_path_is_literal_and_only_its_method_stays() {
    let tighter =
        enough(&http(&["GET", "POST"], &["/repos/**"]), &["GET https://api.example/repos/acme/app"]);
    let mut expected = http(&["GET"], &["/repos/acme/app"]);
    expected["query"] = json!({});
    assert_eq!(tighter, [expected]);
}

#[test]
fn ids_in_one_place_are_merged_and_words_are_listed() {
    assert_eq!(paths(&["/issues/7"]), json!(["/issues/7"]));
    assert_eq!(paths(&["/issues/7", "/issues/8"]), json!(["/issues/*"]));
    assert_eq!(
        paths(&["/issues/7/notes", "/issues/8/notes", "/issues/8"]),
        json!(["/issues/*/notes", "/issues/8"])
    );
    assert_eq!(paths(&["/user/keys", "/user/emails"]), json!(["/user/emails", "/user/keys"]));
    assert_eq!(paths(&["/issues/7", "/issues/new"]), json!(["/issues/7", "/issues/new"]));
    assert_eq!(paths(&["/v1/me", "/v2/me"]), json!(["/v1/me", "/v2/me"]));
    assert_eq!(
        paths(&["/a/1/b/3", "/a/2/b/4"]),
        json!(["/a/1/b/3", "/a/2/b/4"]),
        "they differ in two places"
    );
    assert_eq!(paths(&["/a/1/b/3", "/a/1/b/4", "/a/2/b/3", "/a/2/b/4"]), json!(["/a/*/b/*"]));
    assert_eq!(
        paths(&["/a/1/b/3", "/a/1/b/4", "/a/2/b/3"]),
        json!(["/a/1/b/*", "/a/2/b/3"]),
        "the last place first"
    );
    assert_eq!(paths(&["/a/1", "/a/1/"]), json!(["/a/1", "/a/1/"]), "another length is another path");
}

#[test]
fn more_words_than_are_listed_are_merged_too() {
    let all: Vec<String> = (b'a'..=b'z').map(|letter| format!("/packages/{}", char::from(letter))).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    assert_eq!(paths(&all), json!(["/packages/*"]));
    assert_eq!(paths(&all[..pattern::LISTED]).as_array().unwrap().len(), pattern::LISTED);
}

#[test]
fn nothing_is_merged_that_would_not_be_within_the_grant() {
    let granted = http(&["GET"], &["/issues/7", "/issues/8", "/issues/9"]);
    let tighter = enough(&granted, &["GET https://api.example/issues/7", "GET https://api.example/issues/8"]);
    assert_eq!(tighter[0]["paths"], json!(["/issues/7", "/issues/8"]));
}

#[test]
fn each_method_keeps_its_own_paths_and_those_with_the_same_stand_together() {
    let tighter = enough(
        &http(&["GET", "HEAD", "POST"], &["/**"]),
        &["GET https://a/x", "HEAD https://a/x", "POST https://a/y"],
    );
    let said: Vec<_> = tighter.iter().map(|item| (item["methods"].clone(), item["paths"].clone())).collect();
    assert_eq!(said, [(json!(["GET", "HEAD"]), json!(["/x"])), (json!(["POST"]), json!(["/y"]))]);
}

#[test]
fn of_a_query_the_names_are_known_and_the_values_stay_as_granted() {
    let open = http(&["GET"], &["/**"]);
    assert_eq!(
        enough(&open, &["GET https://a/x?page=***&q=***"])[0]["query"],
        json!({"page": ["*"], "q": ["*"]})
    );
    assert_eq!(
        enough(&open, &["GET https://a/x?***"])[0].get("query"),
        None,
        "what has no name cannot be listed"
    );
    let mut limited = http(&["GET"], &["/**"]);
    limited["query"] = json!({"page": ["1", "2"], "sort": ["*"]});
    assert_eq!(enough(&limited, &["GET https://a/x?page=***"])[0]["query"], json!({"page": ["1", "2"]}));
    assert_eq!(enough(&limited, &["GET https://a/x?***"])[0]["query"], limited["query"]);
    assert_eq!(
        enough(&limited, &["GET https://a/x?api_key=***"])[0]["query"],
        json!({}),
        "the token's own parameter"
    );
}

#[test]
fn a_body_rule_keeps_the_names_that_were_seen() {
    let post = |rule: Value| with_rules(http(&["POST"], &["/mcp"]), json!({}), rule);
    let body = |rule: Value, line: &str| enough(&post(rule), &[line])[0]["body"].clone();
    let tools = json!({"json_rpc": {"methods": ["tools/call", "tools/list"], "tools": ["read", "write"]}});
    assert_eq!(
        body(tools.clone(), "POST https://a/mcp [json_rpc tools/call read]"),
        json!({"json_rpc": {"methods": ["tools/call"], "tools": ["read"]}})
    );
    assert_eq!(
        body(tools.clone(), "POST https://a/mcp [json_rpc tools/list]"),
        json!({"json_rpc": {"methods": ["tools/list"]}})
    );
    assert_eq!(
        body(tools.clone(), "POST https://a/mcp [json_rpc tools/call ***]"),
        tools,
        "a name that is not shown"
    );
    assert_eq!(
        body(tools.clone(), "POST https://a/mcp [json_rpc tools/list +3]"),
        tools,
        "more than are shown"
    );
    let graphql = json!({"graphql": {"operations": ["query", "mutation"], "fields": ["viewer", "node"], "persisted": ["h1"]}});
    assert_eq!(
        body(graphql, "POST https://a/mcp [graphql query Me viewer]"),
        json!({"graphql": {"operations": ["query"], "fields": ["viewer"]}})
    );
    let form = json!({"form": {"a": ["1"], "b": ["*"]}});
    assert_eq!(body(form, "POST https://a/mcp [form a]"), json!({"form": {"a": ["1"]}}));
    let pointers = json!({"json": {"/a": [1, 2]}});
    assert_eq!(body(pointers.clone(), "POST https://a/mcp [json a b]"), pointers, "values are not recorded");
}

#[test]
fn of_git_stay_the_repositories_and_the_refs_that_were_pushed() {
    let git = |access: &str| {
        let mut item =
            json!({"type": "git", "upstream": "github", "repositories": ["/acme/*"], "access": access});
        if access == "write" {
            item["refs"] = json!(["refs/heads/agent/*"]);
            item["delete"] = json!(true);
        }
        item
    };
    let read =
        ["GET https://a/acme/app.git/info/refs?service=***", "POST https://a/acme/app.git/git-upload-pack"];
    let tighter = enough(&git("read"), &read);
    assert_eq!((&tighter[0]["repositories"], tighter.len()), (&json!(["/acme/app.git"]), 1));
    let push = "POST https://a/acme/app.git/git-receive-pack";
    let pushed = |body: &str| enough(&git("write"), &[&format!("{push} {body}")])[0].clone();
    let one = pushed("[git create refs/heads/agent/7]");
    assert_eq!((&one["refs"], one.get("delete")), (&json!(["refs/heads/agent/7"]), None));
    assert_eq!(pushed("[git delete refs/heads/agent/7]")["delete"], json!(true));
    assert_eq!(pushed("[git create *** +2]")["refs"], git("write")["refs"], "not all of it is told");
    let tried = enough(&git("write"), &["GET https://a/acme/app.git/info/refs?service=***"]);
    assert_eq!((&tried[0]["refs"], tried[0].get("delete")), (&git("write")["refs"], None));
}

#[test]
fn of_the_network_stay_the_hosts_that_were_reached() {
    let granted = json!({"type": "network", "hosts": ["*.example.com:443", "crates.io:443"]});
    let tighter = enough(&granted, &["connect a.example.com:443", "connect b.example.com:443"]);
    assert_eq!(tighter[0]["hosts"], json!(["a.example.com:443", "b.example.com:443"]));
}

#[test]
fn what_cannot_be_read_or_said_leaves_the_grant_as_it_was() {
    let granted = http(&["GET"], &["/**"]);
    for line in ["", "GET", "GET /x", "CONNECT https://a/x", "GET https://a/x json", "GET https://elsewhere"]
    {
        assert_eq!(enough(&granted, &[line, "GET https://a/x"]), std::slice::from_ref(&granted), "{line}");
    }
    let long = format!("GET https://a/{}", "x".repeat(1100));
    assert_eq!(enough(&granted, &[&long]), std::slice::from_ref(&granted), "longer than a pattern may be");
    let many: Vec<String> = (0..90).map(|n| format!("GET https://a/{}", "x/".repeat(n))).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(enough(&granted, &many), [granted], "more than an item may list, with nothing in common");
    let star = enough(&http(&["GET"], &["/a/**"]), &["GET https://a/a/x*y"]);
    assert_eq!(star[0]["paths"], json!(["/a/*"]), "no pattern says a star alone");
}

#[test]
fn too_many_different_uses_are_not_kept_whatever_their_order() {
    let lines: Vec<String> = (0..600).map(|n| format!("GET https://a/{n}")).collect();
    let mut seen = Seen::default();
    for line in &lines {
        seen.add(line);
    }
    assert_eq!(seen.lines(), None);
    let (mut one, mut two) = (Seen::default(), Seen::default());
    for (early, late) in lines[..300].iter().zip(&lines[300..]) {
        one.add(early);
        two.add(late);
    }
    assert_eq!((one.lines().unwrap().len(), two.lines().unwrap().len()), (300, 300));
    one.merge(&two);
    assert_eq!(one.lines(), None);
}
