//! Masking alone: ten megabytes that do not hold the secret, in pieces, beside copying the same pieces.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use exeat::base::secret::Secret;
use exeat::planes::network::scrub::{Needle, Scrubber};

use crate::claim::{at_most, median, note, number};

const LENGTH: usize = 10 * 1024 * 1024;
const PIECE: usize = 16 * 1024;
const ROUNDS: usize = 15;
/// What APIs answer, escapes and digests included.
const JSON: &[u8] = br#"{"id":1296269,"full_name":"octocat/Hello-World","url":"https:\/\/api.example\/octocat","text":"Your first repo!\nA \"word\", caf\u00e9","fork":false,"sha":"6dcb09b5b57875f334f61aebed695e2e4193db5e"},"#;

/// Measures in turns.
pub(crate) fn run() {
    let body: Bytes = JSON.iter().copied().cycle().take(LENGTH).collect();
    let (mut ratio, mut rate) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let began = Instant::now();
        for piece in pieces() {
            black_box(body.slice(piece).to_vec());
        }
        let copied = began.elapsed();
        let needle = Needle::new(Secret::new(b"ghp_16C7e42F292c6912E7710c838347Ae178B4a".to_vec()));
        let began = Instant::now();
        let mut scrubber = Scrubber::whole(Arc::new(needle));
        for piece in pieces() {
            black_box(scrubber.feed(body.slice(piece)));
        }
        black_box(scrubber.finish());
        let scrubbed = began.elapsed();
        ratio.push(scrubbed.as_secs_f64() / copied.as_secs_f64());
        rate.push(number(LENGTH) / scrubbed.as_secs_f64() / 1e9);
    }
    at_most("masking 10 MB of JSON, to copying it", median(&mut ratio), 8.0, "x");
    note("masking", median(&mut rate), "GB/s");
}

fn pieces() -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..LENGTH).step_by(PIECE).map(|from| from..LENGTH.min(from + PIECE))
}
