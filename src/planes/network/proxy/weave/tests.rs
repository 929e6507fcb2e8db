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
