//! Targets beside the attacks: what shows, what is kept, and where the credential goes.

use std::collections::BTreeSet;

use exeat::domain::scope::{Ambiguity, Target};
use serde_json::json;

use super::{connection, get, item, why};

#[test]
fn a_target_shows_names_and_never_values() {
    let target = get("/repos/a/b?per_page=hunter2&hunter3&empty=&sig=a%2Bhunter4").unwrap();
    let shown = "GET https://api.example.com/repos/a/b?per_page=***&***&empty=***&sig=***";
    assert_eq!(target.redacted(), shown);
    assert_eq!(target.to_string(), shown);
    assert!(!format!("{target:?} {}", Target::from(target.clone())).contains("hunter"));
    assert_eq!(target.origin().to_string(), "https://api.example.com");
    assert_eq!(connection("[::1]", 8443).to_string(), "connect [::1]:8443");
}

#[test]
fn the_tokens_parameter_is_not_judged() {
    let (target, token) = get("/a?x=1&key=TOKEN&y=2").unwrap().without_query("key").unwrap();
    assert_eq!(token.as_str(), "TOKEN");
    assert!(!format!("{target:?}{}", target.path_and_query()).contains("TOKEN"));
    let rule = |query| json!({"type": "http", "upstream": "api", "methods": ["GET"], "paths": ["/a"], "query": query});
    assert_eq!(target.placed(b"s e/cr\xFFet").unwrap().as_str(), "/a?x=1&key=s%20e%2Fcr%FFet&y=2");
    let target = Target::from(target);
    assert!(item(&rule(json!({"x": ["1"], "y": ["2"]}))).allows(&target));
    assert!(!item(&rule(json!({"x": ["1"]}))).allows(&target));
}

#[test]
fn c15_the_tokens_parameter_occurs_once_in_any_case() {
    for (raw, name) in [
        ("/a?x=1", "slot_missing"),
        ("/a?key=", "slot_missing"),
        ("/a?key", "slot_missing"),
        ("/a?KEY=t", "slot_missing"),
        ("/a?key=t&key=u", "slot_repeated"),
        ("/a?key=t&Key=foreign", "slot_repeated"),
    ] {
        assert_eq!(get(raw).unwrap().without_query("key").unwrap_err().name(), name, "{raw}");
    }
    assert!(get("/a?x=1").unwrap().placed(b"secret").is_none());
}

#[test]
fn what_real_clients_send_has_one_reading() {
    for raw in [
        "/",
        "/a?",
        "/repos/acme/app/contents/src/main.rs?ref=refs%2Fheads%2Fmain",
        "/repos/acme/app/compare/main...dev",
        "/search/issues?q=repo%3Aacme%2Fapp+is%3Aopen&sort=created",
        "/items?filter[state]=open&fields[]=id&range={a|b}",
        "/v1/projects/acme%20inc/users/alice@example.com:list",
        "/.well-known/openid-configuration",
        "/~user/caf%C3%A9/matrix;v=1/x",
        "/log?message=two%0Alines&percent=100%25",
    ] {
        assert_eq!(why(raw), "accepted", "{raw}");
    }
}

#[test]
fn every_reason_has_a_stable_name_of_its_own() {
    let reasons = [
        Ambiguity::NotAbsolute,
        Ambiguity::TooLong,
        Ambiguity::ForbiddenByte,
        Ambiguity::Backslash,
        Ambiguity::Fragment,
        Ambiguity::EmptySegment,
        Ambiguity::DotSegment,
        Ambiguity::TrailingDot,
        Ambiguity::EncodedSeparator,
        Ambiguity::EncodedControl,
        Ambiguity::EncodedUnreserved,
        Ambiguity::LowercaseEncoding,
        Ambiguity::MalformedEncoding,
        Ambiguity::DoubleEncoding,
        Ambiguity::InvalidUtf8,
        Ambiguity::QuerySeparator,
        Ambiguity::UnknownMethod,
        Ambiguity::InvalidHost,
        Ambiguity::InvalidPort,
        Ambiguity::SlotMissing,
        Ambiguity::SlotRepeated,
    ];
    let names: BTreeSet<_> = reasons.iter().map(|reason| reason.name()).collect();
    assert_eq!(names.len(), reasons.len());
    assert!(
        names
            .iter()
            .all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'))
    );
}
