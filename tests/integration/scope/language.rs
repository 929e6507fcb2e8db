//! What an item may say, and what each word of it means.

use exeat::domain::scope::{Access, FilesystemTarget, HttpTarget, Plane, ScopeItem, Target, covers, subset};
use exeat::domain::upstream::Scheme;
use serde_json::{Value, json};

use super::{connects, get_target, item, reads, refusal};

fn with(field: &str, value: Value) -> Value {
    let mut item = reads(&["/a"]);
    item[field] = value;
    item
}

fn pushes(other: Value) -> Value {
    let mut item = json!({"type": "git", "upstream": "github", "repositories": ["/acme/app.git"], "access": "write",
        "refs": ["refs/heads/agent/*"]});
    item.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    item
}

fn files(access: &str, paths: &[&str]) -> Value {
    json!({"type": "filesystem", "access": access, "paths": paths})
}

fn file(access: Access, path: &str) -> Target {
    FilesystemTarget::new(access, path).unwrap().into()
}

#[test]
fn an_item_is_written_in_canonical_form() {
    let written = json!({
        "type": "http", "upstream": "github", "identity": "service:ci-bot", "delivery": "inject",
        "methods": ["POST", "GET", "GET"],
        "paths": ["/b", "/a/**", "/a/b", "/a/*", "/b"],
        "query": {"state": ["open", "closed", "open"], "page": ["*", "*"]},
    });
    let canonical = json!({
        "type": "http", "upstream": "github", "identity": "service:ci-bot",
        "methods": ["GET", "POST"], "paths": ["/a/**", "/b"],
        "query": {"page": ["*"], "state": ["closed", "open"]},
    });
    let item = item(&written);
    assert_eq!(serde_json::to_value(&item).unwrap(), canonical);
    assert_eq!(
        item.to_string(),
        "http github GET,POST /a/** /b ?page=*&state=closed or open as service:ci-bot"
    );
    assert_eq!(item.plane(), Plane::Secrets);
    assert_eq!(item.upstream().unwrap().as_str(), "github");
}

#[test]
fn what_is_not_known_is_refused_and_named() {
    for (value, pointer) in [
        (json!([]), ""),
        (json!({}), "/type"),
        (json!({"type": "ssh", "upstream": "github"}), "/type"),
        (json!({"type": "git", "upstream": "github"}), "/repositories"),
        (pushes(json!({"access": "both"})), "/access"),
        (pushes(json!({"refs": null})), "/refs"),
        (pushes(json!({"refs": ["heads/a"]})), "/refs/0"),
        (pushes(json!({"refs": ["refs/heads/a*"]})), "/refs/0"),
        (pushes(json!({"refs": ["refs/heads/a..b"]})), "/refs/0"),
        (pushes(json!({"refs": ["refs/heads/a.lock"]})), "/refs/0"),
        (pushes(json!({"delete": "yes"})), "/delete"),
        (pushes(json!({"access": "read"})), "/refs"),
        (pushes(json!({"repositories": ["acme/app.git"]})), "/repositories/0"),
        (json!({"type": "HTTP"}), "/type"),
        (json!({"type": "http"}), "/upstream"),
        (with("body", json!({})), "/body"),
        (with("bo/dy~", json!(1)), "/bo~1dy~0"),
        (with("upstream", json!("GitHub")), "/upstream"),
        (with("upstream", json!(1)), "/upstream"),
        (with("identity", json!("alice")), "/identity"),
        (with("identity", json!(null)), "/identity"),
        (with("methods", json!([])), "/methods"),
        (with("methods", json!("GET")), "/methods"),
        (with("methods", json!(["GET", "get"])), "/methods/1"),
        (with("methods", json!(["TRACE"])), "/methods/0"),
        (with("methods", json!(["*"])), "/methods/0"),
        (with("paths", json!(["/a", 1])), "/paths/1"),
        (with("paths", json!(vec!["/a"; 65])), "/paths"),
        (with("delivery", json!("issue")), "/delivery"),
        (with("query", json!([])), "/query"),
        (with("query", json!({"a": []})), "/query/a"),
        (with("query", json!({"a": ["1", "*"]})), "/query/a"),
        (with("query", json!({"a": ["v*"]})), "/query/a"),
        (with("query", json!({"*": ["1"]})), "/query/*"),
        (with("query", json!({"a=b": ["1"]})), "/query/a=b"),
        (with("query", json!({"a": ["1&b=2"]})), "/query/a/0"),
        (with("query", json!({"a": ["%61"]})), "/query/a/0"),
        (with("query", json!(null)), "/query"),
        (connects(&[]), "/hosts"),
        (json!({"type": "network", "hosts": ["a.example:1"], "access": "read"}), "/access"),
        (files("execute", &["a"]), "/access"),
        (files("read", &[]), "/paths"),
    ] {
        let error = refusal(&value);
        assert_eq!(error.pointer(), pointer, "{value}");
        assert!(!error.remedy().is_empty());
    }
    let nested = refusal(&with("boddy", json!({}))).under("/items/2");
    assert_eq!(nested.to_string(), "/items/2/boddy: remove this unknown field");
}

#[test]
fn an_error_never_shows_the_agents_text_as_it_is() {
    let mut value = reads(&["/a"]);
    value[format!("\u{1b}[31m\u{202e}{}", "x".repeat(10_000))] = json!(1);
    let shown = refusal(&value).to_string();
    assert!(shown.is_ascii() && shown.len() < 600 && !shown.contains('\u{1b}'));
}

#[test]
fn a_name_that_occurs_twice_is_refused() {
    for text in [
        r#"{"type":"http","upstream":"api","methods":["GET"],"methods":["POST"],"paths":["/a"]}"#,
        r#"{"type":"network","type":"network","hosts":["a.example:1"]}"#,
        r#"{"type":"http","upstream":"api","methods":["GET"],"paths":["/a"],"query":{"a":["1"],"\u0061":["2"]}}"#,
    ] {
        assert!(ScopeItem::from_json(text.as_bytes()).is_err(), "{text}");
        assert!(serde_json::from_str::<ScopeItem>(text).is_err(), "{text}");
    }
}

#[test]
fn j12_depth_and_length_are_bounded() {
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    assert!(ScopeItem::from_json(deep.as_bytes()).is_err());
    let long = json!({"type": "network", "hosts": ["a".repeat(70_000)]}).to_string();
    assert!(ScopeItem::from_json(long.as_bytes()).is_err());
}

#[test]
fn a_rest_may_be_empty_and_a_star_may_not() {
    let rest = item(&reads(&["/a/**"]));
    let star = item(&reads(&["/a/*"]));
    let below = item(&reads(&["/a/*/**"]));
    for (path, in_rest, in_star, in_below) in [
        ("/a", true, false, false),
        ("/a/", true, false, false),
        ("/a/b", true, true, true),
        ("/a/b/", true, false, true),
        ("/a/b/c", true, false, true),
        ("/ab", false, false, false),
        ("/", false, false, false),
    ] {
        let target = get_target(path);
        assert_eq!(rest.allows(&target), in_rest, "{path}");
        assert_eq!(star.allows(&target), in_star, "{path}");
        assert_eq!(below.allows(&target), in_below, "{path}");
    }
    assert!(subset(&star, &rest) && subset(&below, &rest) && !subset(&rest, &below));
    assert!(item(&reads(&["/**"])).allows(&get_target("/")));
}

#[test]
fn get_does_not_bring_head_with_it() {
    let name = "api".parse().unwrap();
    let head = HttpTarget::new(name, Scheme::Https, "api.example.com", 443, "HEAD", "/a").unwrap();
    assert!(!item(&reads(&["/a"])).allows(&head.into()));
}

#[test]
fn another_upstream_is_another_thing() {
    let name = "other".parse().unwrap();
    let target = HttpTarget::new(name, Scheme::Https, "api.example.com", 443, "GET", "/a").unwrap();
    assert!(!item(&reads(&["/a"])).allows(&target.into()));
    assert!(!subset(&item(&with("upstream", json!("other"))), &item(&reads(&["/a"]))));
}

#[test]
fn an_empty_query_rule_allows_no_query() {
    let none = item(&with("query", json!({})));
    assert!(none.allows(&get_target("/a")));
    assert!(!none.allows(&get_target("/a?x=1")));
    assert!(!none.allows(&get_target("/a?")));
    assert!(subset(&none, &item(&reads(&["/a"]))) && !subset(&item(&reads(&["/a"])), &none));
}

#[test]
fn a_missing_identity_is_filled_in_and_another_one_is_an_error() {
    let bot = "service:ci-bot".parse().unwrap();
    let alice = "user:alice".parse().unwrap();
    let open = item(&reads(&["/a"]));
    let bots = open.clone().with_identity(&bot).unwrap();
    assert_eq!(bots.identity(), Some(&bot));
    assert_eq!(bots.clone().with_identity(&bot).unwrap(), bots);
    assert_eq!(bots.clone().with_identity(&alice).unwrap_err().pointer(), "/identity");
    assert!(!subset(&open, &bots) && !subset(&bots, &open), "no identity is not any identity");
    let hosts = item(&connects(&["a.example.com:443"]));
    assert_eq!(hosts.clone().with_identity(&bot).unwrap(), hosts);
}

#[test]
fn writing_does_not_bring_reading_with_it() {
    let write = item(&files("write", &["src/**"]));
    assert!(write.allows(&file(Access::Write, "src/a/b.rs")));
    assert!(!write.allows(&file(Access::Read, "src/a/b.rs")));
    assert!(!subset(&item(&files("read", &["src/a"])), &write));
}

#[test]
fn workspace_and_root_are_two_worlds() {
    let everything = item(&files("read", &["/**"]));
    assert!(!everything.allows(&file(Access::Read, "src/a")));
    assert!(!item(&files("read", &["**"])).allows(&file(Access::Read, "/etc/passwd")));
    assert!(!subset(&item(&files("read", &["src/**"])), &everything));
}

#[test]
fn file_paths_have_one_reading() {
    for path in [
        "",
        "/",
        "a//b",
        "a/",
        "./a",
        "a/../b",
        "/a/./b",
        "a\\b",
        "a\0b",
        "a\u{202e}b",
        "a/ b",
        "a/**/b",
        "*.rs",
    ] {
        assert_eq!(refusal(&files("read", &[path])).pointer(), "/paths/0", "{path:?}");
    }
    for path in ["", "/", "a//b", "a/", "./a", "a/../b", "a\\b", "a\nb", "a\u{200b}"] {
        assert!(FilesystemTarget::new(Access::Read, path).is_err(), "{path:?}");
    }
    let docs = item(&files("read", &["docs/日本 1/*"]));
    assert!(docs.allows(&file(Access::Read, "docs/日本 1/a.md")));
}

#[test]
fn the_item_that_covers_is_found_by_index() {
    let granted = [item(&connects(&["a.example.com:443"])), item(&reads(&["/a/**"])), item(&reads(&["/**"]))];
    assert_eq!(covers(&granted, &item(&reads(&["/a/b"]))), Some(1));
    assert_eq!(covers(&granted, &item(&reads(&["/b"]))), Some(2));
    assert_eq!(covers(&granted, &item(&files("read", &["a"]))), None);
}

#[test]
fn no_two_items_show_alike() {
    let paths = |list: &[&str]| item(&files("read", list)).to_string();
    assert_eq!(paths(&["a", "b c"]), "filesystem read a \"b c\"");
    assert_ne!(paths(&["a b"]), paths(&["a", "b"]));
    assert_ne!(paths(&["a\" \"b"]), paths(&["a", "b"]));
    let query = |values: &[&str]| item(&with("query", json!({"x": values}))).to_string();
    assert_ne!(query(&["1|2"]), query(&["1", "2"]));
    assert_ne!(query(&["1+or+2"]), query(&["1", "2"]));
}
