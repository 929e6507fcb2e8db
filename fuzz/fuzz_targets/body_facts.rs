//! Bodies from arbitrary bytes: one reading or none, never a panic; the item to ask for covers what was attempted.
//!
//! The first line is the content type, the second the content encoding or empty, the rest is the body.
#![no_main]

use exeat::domain::access::smallest_item_near;
use exeat::domain::scope::{BodyFacts, HttpTarget, Label, ScopeItem, Target, subset};
use exeat::domain::upstream::Scheme;
use libfuzzer_sys::fuzz_target;

const RULES: [&str; 4] = [
    r#"{"json":{"/a":["x"]}}"#,
    r#"{"graphql":{"operations":["query"],"fields":["f"],"names":["N"]}}"#,
    r#"{"json_rpc":{"methods":["tools/call"],"tools":["s"]}}"#,
    r#"{"form":{"a":["1"]}}"#,
];

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(3, |byte| *byte == b'\n');
    let (Some(content_type), Some(encoding), Some(body)) = (parts.next(), parts.next(), parts.next()) else { return };
    let encoding: &[&[u8]] = if encoding.is_empty() { &[] } else { &[encoding] };
    let Ok(facts) = BodyFacts::read(Label { content_type: &[content_type], encoding }, body, 64 * 1024) else { return };
    let shown = facts.summary();
    assert!(shown.len() < 500 && shown.bytes().all(|byte| matches!(byte, b' '..=b'~')), "short and plain");
    let upstream = "api".parse().expect("a name");
    let target = HttpTarget::new(upstream, Scheme::Https, "api.example.com", 443, "POST", "/a").expect("plain");
    let (bare, target) = (Target::Http(target.clone()), target.with_body(facts));
    for rule in RULES {
        let text = format!(r#"{{"type":"http","upstream":"api","methods":["POST"],"paths":["/a"],"body":{rule}}}"#);
        let item = ScopeItem::from_json(text.as_bytes()).expect("an item");
        assert!(!item.allows(&bare), "no facts, no");
        if let Some(asked) = smallest_item_near(&target, None, &item) {
            assert!(asked.allows(&Target::Http(target.clone())), "the item to ask for allows what was attempted");
            if subset(&asked, &item) {
                assert!(item.allows(&Target::Http(target.clone())), "subset is sound");
            }
        }
    }
});
