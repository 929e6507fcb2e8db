//! What a live token allows, and what is said when it does not.

use exeat::domain::access::{Means, decide};
use exeat::domain::scope::{ScopeItem, Target};
use serde_json::json;

use super::fixture::{NOW, item, live, target, usual_items};

fn means() -> Means {
    Means {
        id: "use_01900000000070008000000000000008".parse().unwrap(),
        upstream: "ups_01900000000070008000000000000009".parse().unwrap(),
        credential: "crd_0190000000007000800000000000000a".parse().unwrap(),
        credential_version: 3,
        address: Some("192.0.2.7:443".parse().unwrap()),
        via: None,
        step: exeat::domain::step::SeenStep::default(),
        at: NOW,
    }
}

#[test]
fn the_first_item_that_allows_counts() {
    for (method, path, index) in [
        ("GET", "/repos/acme/app/pulls?state=open", 0),
        ("GET", "/repos/acme/app/issues", 0),
        ("POST", "/repos/acme/app/issues", 1),
    ] {
        let permit = decide(live(usual_items()), target(method, path)).unwrap();
        assert_eq!((permit.item(), permit.target()), (index, &target(method, path)));
    }
}

#[test]
fn a_use_says_who_what_and_where_with_query_values_masked() {
    let token = live(usual_items());
    let (id, approval, run) = (token.token().id(), token.token().approval(), token.token().run());
    let permit = decide(token, target("GET", "/repos/acme/app/pulls?key=s3cret")).unwrap();
    let (start, sent) = permit.into_use(means());
    assert_eq!((start.token, start.approval, start.run), (id, approval, run));
    assert_eq!(start.identity.to_string(), "service:ci-bot");
    assert_eq!((start.item, start.credential_version, start.at), (0, 3, NOW));
    assert_eq!(start.target, "GET https://api.github.com/repos/acme/app/pulls?key=***");
    assert_eq!(sent.path_and_query(), "/repos/acme/app/pulls?key=s3cret");
}

#[test]
fn a_denial_names_the_smallest_item_that_would_have_allowed_it() {
    for (method, path, missing) in [
        ("DELETE", "/repos/acme/app/issues", "/repos/acme/app/issues"),
        ("GET", "/repos/acme/other/issues?page=2", "/repos/acme/other/issues"),
        ("GET", "/", "/"),
        ("GET", "/repos/acme/", "/repos/acme/"),
        ("GET", "/a%20b", "/a%20b"),
    ] {
        let denial = decide(live(usual_items()), target(method, path)).unwrap_err();
        assert_eq!(denial.missing(), Some(&item(&[method], missing)), "{method} {path}");
        assert_eq!(denial.target(), &target(method, path));
        let asked = denial.missing().unwrap();
        assert!(asked.allows(&Target::Http(target(method, path))));
    }
}

#[test]
fn a_denial_never_suggests_more_than_was_attempted() {
    for path in ["/a/*", "/**", "/a/b*c"] {
        let denial = decide(live(usual_items()), target("GET", path)).unwrap_err();
        assert_eq!(denial.missing(), None, "{path}");
    }
}

#[test]
fn i4_an_item_for_another_identity_allows_nothing() {
    let other = ScopeItem::parse(&json!({
        "type": "http", "upstream": "github", "identity": "user:alice@example.com", "methods": ["GET"], "paths": ["/**"],
    }))
    .unwrap();
    let denial = decide(live(vec![other]), target("GET", "/user")).unwrap_err();
    assert_eq!(denial.missing(), Some(&item(&["GET"], "/user")));
}

#[test]
fn i4_the_upstream_sees_the_identity_of_the_token() {
    let unnamed = ScopeItem::parse(&json!({
        "type": "http", "upstream": "github", "methods": ["GET"], "paths": ["/**"],
    }))
    .unwrap();
    let permit = decide(live(vec![unnamed]), target("GET", "/user")).unwrap();
    assert_eq!(permit.into_use(means()).0.identity.to_string(), "service:ci-bot");
}

#[test]
fn items_of_other_planes_allow_no_request() {
    let network = ScopeItem::parse(&json!({"type": "network", "hosts": ["api.github.com:443"]})).unwrap();
    assert!(decide(live(vec![network]), target("GET", "/user")).is_err());
}

#[test]
fn a_token_for_one_upstream_allows_nothing_at_another() {
    let elsewhere = exeat::domain::scope::HttpTarget::new(
        "gitlab".parse().unwrap(),
        exeat::domain::upstream::Scheme::Https,
        "api.github.com",
        443,
        "GET",
        "/repos/acme/app/issues",
    )
    .unwrap();
    assert!(decide(live(usual_items()), elsewhere).is_err());
}
