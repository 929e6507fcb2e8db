//! The beginning of a push from arbitrary bytes: the same however much of it has come, never a panic; the item to ask for covers it.
#![no_main]

use exeat::domain::access::smallest_item;
use exeat::domain::scope::{BodyFacts, HttpTarget, Push, Target};
use exeat::domain::upstream::Scheme;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let whole = Push::read(data);
    for end in (0..data.len()).step_by(data.len() / 8 + 1) {
        let begun = Push::read(&data[..end]);
        assert!(begun == Ok(None) || begun == whole, "what comes later changes nothing");
    }
    let Ok(Some(push)) = whole else { return };
    let updates = push.updates().len();
    let facts = BodyFacts::push(push);
    let shown = facts.summary();
    assert!(shown.len() < 1500 && shown.bytes().all(|byte| matches!(byte, b' '..=b'~')), "short and plain");
    let (upstream, path) = ("api".parse().expect("a name"), "/app.git/git-receive-pack");
    let target = HttpTarget::new(upstream, Scheme::Https, "api.example.com", 443, "POST", path).expect("plain");
    let target = target.with_body(facts);
    match smallest_item(&target, None) {
        Some(asked) => assert!(asked.allows(&Target::Http(target))),
        None => assert!(updates > 64, "as many refs as an item can name can be asked for"),
    }
});
