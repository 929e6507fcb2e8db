//! Streams of HTTP/2 frames from arbitrary bytes, written in pieces of any size.
//!
//! An independent reader takes what leaves apart again: every block that opens a stream ends with the field, exactly once, and without it
//! what leaves is what was written.
#![no_main]

use exeat::planes::network::proxy::weave::{Step, Weaver, field};
use libfuzzer_sys::fuzz_target;
use zeroize::Zeroizing;

const STARTS: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn woven(input: &[u8], size: usize, add: &[u8]) -> Option<Vec<u8>> {
    let (mut weaver, mut out) = (Weaver::default(), Vec::new());
    for mut piece in input.chunks(size) {
        while !piece.is_empty() {
            let taken = match weaver.step(piece, || Some(Zeroizing::new(add.to_vec()))).ok()? {
                Step::Pass(length) => {
                    out.extend_from_slice(&piece[..length]);
                    length
                }
                Step::Write(taken, bytes) => {
                    out.extend_from_slice(&bytes);
                    taken
                }
            };
            assert!(taken > 0, "it goes on");
            piece = &piece[taken..];
        }
    }
    Some(out)
}

/// A frame: kind, flags, stream, payload without padding.
type Frame = (u8, u8, u32, Vec<u8>);

/// Whole frames, read in the plainest way.
fn frames(bytes: &[u8]) -> Vec<Frame> {
    let (mut rest, mut frames) = (bytes.get(STARTS.len()..).unwrap_or_default(), Vec::new());
    while rest.len() >= 9 {
        let length = u32::from_be_bytes([0, rest[0], rest[1], rest[2]]) as usize;
        let Some(payload) = rest.get(9..9 + length) else { return frames };
        let stream = u32::from_be_bytes([rest[5] & 0x7f, rest[6], rest[7], rest[8]]);
        let padding = if rest[3] == 1 && rest[4] & 8 != 0 { payload.first().map_or(0, |p| *p as usize) } else { 0 };
        let unpadded = payload[..payload.len().saturating_sub(padding)].to_vec();
        frames.push((rest[3], rest[4], stream, unpadded));
        rest = &rest[9 + length..];
    }
    frames
}

/// The blocks that open streams, whole: their streams and bytes.
fn blocks(frames: &[Frame]) -> Vec<(u32, Vec<u8>)> {
    let (mut blocks, mut opened, mut open) = (Vec::new(), 0, None);
    for (kind, flags, stream, payload) in frames {
        match kind {
            1 if *stream > opened => {
                opened = *stream;
                open = Some((*stream, payload.clone()));
            }
            9 => {
                if let Some((_, block)) = &mut open {
                    block.extend_from_slice(payload);
                }
            }
            _ => continue,
        }
        if flags & 4 != 0 {
            blocks.extend(open.take());
        }
    }
    blocks
}

fuzz_target!(|data: &[u8]| {
    let Some((&control, rest)) = data.split_first() else { return };
    let input = [STARTS, rest].concat();
    let size = usize::from(control & 0x3f) + 1;
    let add = field(b"authorization", &vec![b's'; if control & 0x80 == 0 { 20 } else { 20_000 }]);
    assert_eq!(woven(&input, size, &add), woven(&input, input.len(), &add), "pieces make no difference");
    let Some(with) = woven(&input, size, &add) else { return };
    if let Some(without) = woven(&input, size, b"") {
        assert!(input.starts_with(&without) || without == input, "nothing is added, nothing changes");
    }
    let (before, after) = (blocks(&frames(&input)), blocks(&frames(&with)));
    // A block that is interrupted by another is none; the library never writes one.
    if before.len() != after.len() {
        return;
    }
    for ((stream, before), (same, after)) in before.iter().zip(&after) {
        assert_eq!(stream, same);
        assert!(*after == [before.as_slice(), &add].concat(), "the field is at the end, once");
    }
});
