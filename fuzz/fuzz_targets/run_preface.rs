//! First lines on a run's socket, from arbitrary bytes.
//!
//! What is accepted is one JSON object for an independent parser too, within its bounds, and says the same when it is written and read
//! again.
#![no_main]

use exeat::domain::step::MAX_PARENTS;
use exeat::planes::network::proxy::preface::{MAX_PREFACE_BYTES, parse};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

fuzz_target!(|data: &[u8]| {
    let Ok(seen) = parse(data) else { return };
    assert!(data.len() < MAX_PREFACE_BYTES && !data.contains(&b'\n'));
    let value: Value = serde_json::from_slice(data).expect("what was read is JSON");
    assert_eq!(value["v"], 1);
    assert_eq!(value.get("step").is_some(), seen.is_some());
    let Some(step) = seen else { return };
    assert!(step.pid > 0 && step.parents.len() <= MAX_PARENTS);
    let again = json!({"v": 1, "step": step}).to_string();
    if again.len() < MAX_PREFACE_BYTES {
        assert_eq!(parse(again.as_bytes()), Ok(Some(step)));
    }
});
