//! Request targets from arbitrary text: one reading or none, and never a changed byte (D02).
//!
//! The first line is `METHOD host`, the rest is path and query. What shows must hold no value of the query.
#![no_main]

use exeat::domain::access::smallest_item;
use exeat::domain::scope::{HttpTarget, ScopeItem, Target, subset};
use exeat::domain::upstream::Scheme;
use libfuzzer_sys::fuzz_target;

/// `a secret & more` in a query.
const PLACED: &str = "a%20secret%20%26%20more";

/// All that can be asked of the upstream.
const EVERYTHING: &[u8] = br#"{"type":"http","upstream":"upstream","paths":["/**"],
    "methods":["GET","HEAD","POST","PUT","PATCH","DELETE","OPTIONS"]}"#;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some((line, path)) = text.split_once('\n') else { return };
    let Some((method, host)) = line.split_once(' ') else { return };
    let upstream = "upstream".parse().expect("a name");
    let Ok(target) = HttpTarget::new(upstream, Scheme::Https, host, 443, method, path) else { return };
    assert_eq!(target.path_and_query(), path, "what is sent is what was judged");
    let shown = target.redacted();
    assert!(shown.bytes().all(|byte| matches!(byte, b' '..=b'~')), "shown as plain text");
    if let Some(item) = smallest_item(&target, None) {
        assert!(item.allows(&Target::Http(target.clone())), "the item to ask for allows what was attempted");
        let everything = ScopeItem::from_json(EVERYTHING).expect("an item");
        assert!(subset(&item, &everything), "nothing is beyond everything");
    }
    if let Ok((judged, _)) = target.without_query("key") {
        let placed = judged.placed(b"a secret & more").expect("the parameter keeps its place");
        assert_eq!(placed.len(), judged.path_and_query().len() + PLACED.len(), "nothing else changes");
        assert!(placed.contains(PLACED), "the credential is there, percent-encoded");
    }
});
