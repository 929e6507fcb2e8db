use proptest::prelude::*;

use super::*;

const STARTS: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    [&frame_head(payload.len(), kind, flags, stream), payload].concat()
}

/// What leaves when `input` is written in pieces of `size`, with `add` for each block.
fn woven(input: &[u8], size: usize, add: &[u8]) -> Result<Vec<u8>, NotFrames> {
    let (mut weaver, mut out) = (Weaver::default(), Vec::new());
    for mut piece in input.chunks(size) {
        while !piece.is_empty() {
            let taken = match weaver.step(piece, || Some(Zeroizing::new(add.to_vec())))? {
                Step::Pass(length) => {
                    out.extend_from_slice(&piece[..length]);
                    length
                }
                Step::Write(taken, bytes) => {
                    out.extend_from_slice(&bytes);
                    taken
                }
            };
            piece = &piece[taken..];
        }
    }
    Ok(out)
}

fn check(input: &[&[u8]], expected: &[&[u8]], add: &[u8]) {
    let (input, expected) = ([&[STARTS], input].concat().concat(), [&[STARTS], expected].concat().concat());
    for size in [1, 2, 7, 9, 10, 64, 1 << 20] {
        assert_eq!(woven(&input, size, add).unwrap(), expected, "in pieces of {size}");
    }
}

#[test]
fn a_block_that_opens_a_stream_gets_the_field_and_nothing_else_does() {
    check(
        &[
            &frame(4, 0, 0, &[0; 6]),
            &frame(1, 0x4, 1, b"get"),
            &frame(0, 0, 1, b"data"),
            &frame(1, 0x5, 3, b"post"),
            &frame(1, 0x5, 1, b"trailers"),
            &frame(8, 0, 0, &[0; 4]),
        ],
        &[
            &frame(4, 0, 0, &[0; 6]),
            &frame(1, 0x4, 1, b"get+"),
            &frame(0, 0, 1, b"data"),
            &frame(1, 0x5, 3, b"post+"),
            &frame(1, 0x5, 1, b"trailers"),
            &frame(8, 0, 0, &[0; 4]),
        ],
        b"+",
    );
}

#[test]
fn a_block_in_several_frames_gets_it_at_its_end() {
    check(
        &[&frame(1, 0, 1, b"a"), &frame(9, 0, 1, b"b"), &frame(9, 0x4, 1, b"c"), &frame(0, 1, 1, b"d")],
        &[&frame(1, 0, 1, b"a"), &frame(9, 0, 1, b"b"), &frame(9, 0x4, 1, b"c+"), &frame(0, 1, 1, b"d")],
        b"+",
    );
}

#[test]
fn padding_stays_behind_it_and_priority_before_it() {
    let padded = [&[2], b"block".as_slice(), &[0, 0]].concat();
    let expected = [&[2], b"block+".as_slice(), &[0, 0]].concat();
    check(&[&frame(1, 0x4 | PADDED, 1, &padded)], &[&frame(1, 0x4 | PADDED, 1, &expected)], b"+");
    let priority = [&[0, 0, 0, 0, 5], b"block".as_slice()].concat();
    let expected = [&priority, b"+".as_slice()].concat();
    check(&[&frame(1, 0x24, 1, &priority)], &[&frame(1, 0x24, 1, &expected)], b"+");
}

#[test]
fn where_there_is_no_room_it_gets_frames_of_its_own() {
    let (block, long) = (vec![b'a'; MAX_PAYLOAD - 3], vec![b'+'; MAX_PAYLOAD + 1]);
    check(&[&frame(1, 0x4, 1, &block)], &[&frame(1, 0x4, 1, &[&block[..], b"+++"].concat())], b"+++");
    check(&[&frame(1, 0x5, 1, &block)], &[&frame(1, 0x1, 1, &block), &frame(9, 0x4, 1, b"++++")], b"++++");
    check(
        &[&frame(1, 0x5, 1, b"a")],
        &[&frame(1, 0x1, 1, b"a"), &frame(9, 0, 1, &long[1..]), &frame(9, 0x4, 1, b"+")],
        &long,
    );
}

#[test]
fn what_is_no_frame_of_fields_is_refused() {
    let too_long = [STARTS, &frame_head(MAX_HELD + 1, HEADERS, 0x4, 1)].concat();
    assert_eq!(woven(&too_long, 100, b"+"), Err(NotFrames));
    let more_padding_than_payload = [STARTS, &frame(1, 0x4 | PADDED, 1, &[9, 0])].concat();
    assert_eq!(woven(&more_padding_than_payload, 100, b"+"), Err(NotFrames));
}

#[test]
fn a_field_is_written_as_the_standard_says() {
    // RFC 7541 §C.2.3.
    assert_eq!(&field(b"password", b"secret")[..], b"\x10\x08password\x06secret");
    let long = field(b"a", &[b'x'; 1337 + 0x7f]);
    assert_eq!(
        &long[..6],
        &[0x10, 1, b'a', 0x7f, 0xb9, 0x0a],
        "1337 as in RFC 7541 §C.1.2, behind its prefix"
    );
    assert_eq!(field(b"a", &[b'x'; 126])[3], 126);
    assert_eq!(&field(b"a", &[b'x'; 127])[3..5], &[0x7f, 0]);
}

/// The blocks that open streams, taken apart in the plainest way, without padding.
fn blocks(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut rest, mut blocks, mut opened, mut open) = (&bytes[STARTS.len()..], Vec::new(), 0, None);
    while rest.len() >= FRAME_HEAD {
        let length = usize::try_from(u32::from_be_bytes([0, rest[0], rest[1], rest[2]])).unwrap();
        let (kind, flags, stream) = (rest[3], rest[4], rest[8]);
        let payload = &rest[FRAME_HEAD..FRAME_HEAD + length];
        rest = &rest[FRAME_HEAD + length..];
        match kind {
            HEADERS if stream > opened => {
                opened = stream;
                let padding = if flags & PADDED == 0 { 0 } else { usize::from(payload[0]) };
                open = Some(payload[..length - padding].to_vec());
            }
            CONTINUATION => open.iter_mut().for_each(|block: &mut Vec<u8>| block.extend_from_slice(payload)),
            _ => continue,
        }
        if flags & END_HEADERS != 0 {
            blocks.extend(open.take());
        }
    }
    blocks
}

/// What a library writes for one request: its block in frames, and a body.
fn request() -> impl Strategy<Value = (Vec<Vec<u8>>, bool, Vec<u8>)> {
    let part = || prop::collection::vec(any::<u8>(), 0..40);
    (prop::collection::vec(part(), 1..4), any::<bool>(), part())
}

proptest! {
    #[test]
    fn every_request_carries_exactly_one_more_field(
        requests in prop::collection::vec(request(), 1..6),
        size in 1..60usize,
        long in any::<bool>(),
    ) {
        let mut input = [STARTS, &frame(4, 0, 0, &[0; 6])].concat();
        for (at, (parts, padded, body)) in requests.iter().enumerate() {
            let (stream, last) = (u32::try_from(2 * at + 1).unwrap(), parts.len() - 1);
            for (place, part) in parts.iter().enumerate() {
                let ends = if place == last { END_HEADERS } else { 0 };
                input.extend(match (place, padded) {
                    (0, true) => frame(HEADERS, ends | PADDED, stream, &[&[3], &part[..], &[0; 3]].concat()),
                    (0, false) => frame(HEADERS, ends, stream, part),
                    _ => frame(CONTINUATION, ends, stream, part),
                });
            }
            input.extend(frame(0, 0, stream, body));
            input.extend(frame(HEADERS, 0x5, stream, b"trailers"));
        }
        let add = vec![b'+'; if long { 20_000 } else { 20 }];
        let with = woven(&input, size, &add).unwrap();
        let expected: Vec<Vec<u8>> = blocks(&input).iter().map(|block| [&block[..], &add].concat()).collect();
        prop_assert_eq!(expected.len(), requests.len());
        prop_assert_eq!(blocks(&with), expected);
        prop_assert_eq!(woven(&input, size, b"").unwrap(), input);
    }
}

#[test]
fn what_is_no_stream_of_frames_is_refused() {
    let cases: [&[&[u8]]; 4] = [
        // Padded, and nothing in it.
        &[&frame(1, 0xc, 1, b"")],
        // More padding than there is.
        &[&frame(1, 0xc, 1, &[2, 0])],
        // Something else within a block.
        &[&frame(1, 0, 1, b"get"), &frame(0, 0, 1, b"data")],
        // A block that goes on for another stream.
        &[&frame(1, 0, 1, b"get"), &frame(9, 0x4, 3, b"post")],
    ];
    for case in cases {
        let input = [&[STARTS], case].concat().concat();
        for size in [1, 9, 64] {
            assert_eq!(woven(&input, size, b"+"), Err(NotFrames), "{input:?}");
        }
    }
}
