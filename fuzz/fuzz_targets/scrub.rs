//! Answers from arbitrary bytes, with the secret in them in any spelling, cut in any place.
//!
//! The first byte says how it is spelled, the second where the text is cut. What comes out is as long as what went in, the same wherever it
//! was cut, and in no way of decoding it is the secret there.
#![no_main]

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use exeat::base::secret::Secret;
use exeat::planes::network::scrub::{Needle, Scrubber};
use libfuzzer_sys::fuzz_target;

#[path = "../../src/planes/network/scrub/tests/oracle.rs"]
mod oracle;

const SECRET: &str = "gh/+\"s&3\\cr%t=1";

fn scrubbed(mut scrubber: Scrubber, text: &[u8], cut: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in text.chunks(cut.max(1)) {
        out.extend_from_slice(&scrubber.feed(Bytes::copy_from_slice(piece)));
    }
    out.extend_from_slice(&scrubber.finish());
    out
}

fn spelled(how: u8, text: &[u8]) -> Vec<u8> {
    let each = |escape: fn(u8) -> String| SECRET.bytes().map(escape).collect::<String>().into_bytes();
    let pair = [text, SECRET.as_bytes(), text].concat();
    match how % 9 {
        0 => SECRET.as_bytes().to_vec(),
        1 => each(|byte| format!("%{byte:02x}")),
        2 => each(|byte| format!("\\u{byte:04X}")),
        3 => each(|byte| format!("&#{byte};")),
        4 => serde_json::to_vec(SECRET).unwrap_or_default(),
        5 => STANDARD.encode(pair).into_bytes(),
        6 => URL_SAFE_NO_PAD.encode(pair).into_bytes(),
        7 => each(|byte| format!("{byte:02x}")),
        _ => Vec::new(),
    }
}

fuzz_target!(|data: &[u8]| {
    let [how, cut, text @ ..] = data else { return };
    let needle = Arc::new(Needle::new(Secret::new(SECRET.as_bytes().to_vec())));
    let whole = [text, b" ", &spelled(*how, text), b" ", text].concat();
    let out = scrubbed(Scrubber::whole(Arc::clone(&needle)), &whole, usize::from(*cut));
    assert_eq!(out.len(), whole.len());
    assert_eq!(out, scrubbed(Scrubber::whole(Arc::clone(&needle)), &whole, whole.len()));
    if how % 9 < 8 {
        assert!(!oracle::reads(&out[text.len()..out.len() - text.len()], SECRET.as_bytes()));
    }
    for scrubber in [Scrubber::live, Scrubber::events] {
        assert_eq!(scrubbed(scrubber(Arc::clone(&needle)), &whole, usize::from(*cut)).len(), whole.len());
    }
});
