//! The decider protocol, from arbitrary bytes: the stream is cut into frames, and each is a message or is refused.
//!
//! A frame is what an independent cut finds too; a message that is accepted is one JSON object for an independent parser, without a null,
//! and says the same there.
#![no_main]

use exeat::planes::network::decider::{LARGEST, Said, next};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let (mut read, mut at) = (data.to_vec(), 0);
    while let Ok(Some(frame)) = next(&mut read) {
        let length = u32::from_be_bytes(data[at..at + 4].try_into().expect("four bytes")) as usize;
        assert!(length <= LARGEST && frame == data[at + 4..at + 4 + length]);
        at += 4 + length;
        message(&frame);
    }
    assert!(data.ends_with(&read));
    message(data);
});

fn message(frame: &[u8]) {
    let Ok(said) = Said::read(frame) else { return };
    let value: Value = serde_json::from_slice(frame).expect("what was read is JSON");
    match said {
        Said::Hello { proto } => assert_eq!((value["t"].as_str(), value["proto"].as_u64()), (Some("hello"), Some(u64::from(proto)))),
        Said::Req(held) => {
            assert_eq!((value["t"].as_str(), value["id"].as_u64()), (Some("req"), Some(held.id)));
            assert_eq!(value["host"].as_str(), Some(&*held.host));
            assert_eq!(value.get("sni").map(Value::as_str), held.sni.as_deref().map(Some));
            assert_eq!(value["headers"].as_object().map_or(0, serde_json::Map::len), held.headers.len());
            drop(held.question());
        }
    }
}
