//! Scope items from arbitrary bytes: what is accepted is canonical, reads back as itself, and is within itself.
//!
//! With two items in one input, one a line, `subset` must be total and antisymmetric up to canonical form.
#![no_main]

use exeat::domain::scope::{ScopeItem, subset};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let first = lines.next().and_then(canonical);
    let second = lines.next().and_then(canonical);
    if let (Some(a), Some(b)) = (first, second) {
        let (within, around) = (subset(&a, &b), subset(&b, &a));
        assert_eq!(within && around, a == b, "equal means subset in both directions: {a} and {b}");
    }
});

fn canonical(text: &[u8]) -> Option<ScopeItem> {
    let item = ScopeItem::from_json(text).ok()?;
    assert!(subset(&item, &item), "subset is reflexive: {item}");
    let written = serde_json::to_vec(&item).expect("an item is JSON");
    let again = ScopeItem::from_json(&written).expect("what was written reads back");
    assert_eq!(item, again, "canonical form is stable: {item}");
    let shown = item.to_string();
    assert!(!shown.chars().any(char::is_control), "shown without control characters");
    Some(item)
}
