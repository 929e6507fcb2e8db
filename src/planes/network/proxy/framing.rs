//! Follows one request body to its end, so that the next head is looked for exactly where this body stops.
//!
//! Chunk sizes are written anew in their shortest form; chunk extensions are refused and trailers dropped (C12, C13).
//! Called by the guard; keeps no body bytes.

use bytes::BytesMut;

use super::head::Framing;
use super::reason::Refused;

/// The most bytes of trailers that are dropped before the client is refused.
const MAX_TRAILER_BYTES: usize = 8 * 1024;

/// Where in a body the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Body(State);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// This many bytes to go.
    Length(u64),
    /// In a chunk size of so many digits.
    Size {
        digits: u8,
        size: u64,
    },
    /// After the CR of a chunk size.
    SizeEnd {
        size: u64,
    },
    /// This many bytes of the chunk to go.
    Data(u64),
    /// After the chunk's data: CR, then LF.
    DataEnd,
    DataEndLf,
    /// In the trailer section: bytes so far, and in this line.
    Trailer {
        total: usize,
        line: usize,
        cr: bool,
    },
    Ended,
}

impl Body {
    /// At the start of a body.
    pub(super) const fn new(framing: Framing) -> Self {
        Self(match framing {
            Framing::Length(0) => State::Ended,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Size { digits: 0, size: 0 },
        })
    }

    /// Whether the next byte belongs to the next message.
    pub(super) const fn has_ended(self) -> bool {
        matches!(self.0, State::Ended)
    }

    /// Takes what belongs to this body from the front of `input` and puts what is to be passed on into `output`.
    pub(super) fn pass(&mut self, input: &mut BytesMut, output: &mut BytesMut) -> Result<(), Refused> {
        while !input.is_empty() && !self.has_ended() {
            match self.0 {
                State::Length(left) => {
                    let left = pass_up_to(left, input, output);
                    self.0 = if left == 0 { State::Ended } else { State::Length(left) };
                }
                State::Data(left) => {
                    let left = pass_up_to(left, input, output);
                    self.0 = if left == 0 { State::DataEnd } else { State::Data(left) };
                }
                state => {
                    let Some(byte) = input.split_to(1).first().copied() else { break };
                    self.0 = step(state, byte, output)?;
                }
            }
        }
        Ok(())
    }
}

fn pass_up_to(left: u64, input: &mut BytesMut, output: &mut BytesMut) -> u64 {
    let here = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
    output.extend_from_slice(&input.split_to(here));
    left.saturating_sub(here as u64)
}

/// One byte of the chunked coding's own (RFC 9112 §7.1).
fn step(state: State, byte: u8, output: &mut BytesMut) -> Result<State, Refused> {
    match (state, byte) {
        (State::Size { digits, size }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') if digits < 15 => {
            let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
            Ok(State::Size { digits: digits + 1, size: size << 4 | digit })
        }
        (State::Size { digits: 1.., size }, b'\r') => Ok(State::SizeEnd { size }),
        (State::Size { .. }, b';' | b' ' | b'\t') => Err(Refused::ambiguous("chunk_extension")),
        (State::SizeEnd { size }, b'\n') => {
            output.extend_from_slice(format!("{size:x}\r\n").as_bytes());
            Ok(if size == 0 { State::Trailer { total: 0, line: 0, cr: false } } else { State::Data(size) })
        }
        (State::DataEnd, b'\r') => Ok(State::DataEndLf),
        (State::DataEndLf, b'\n') => {
            output.extend_from_slice(b"\r\n");
            Ok(State::Size { digits: 0, size: 0 })
        }
        (State::Trailer { total, line, cr }, _) => trailer((total, line, cr), byte, output),
        _ => Err(Refused::ambiguous("chunk_framing")),
    }
}

fn trailer(
    (total, line, cr): (usize, usize, bool),
    byte: u8,
    output: &mut BytesMut,
) -> Result<State, Refused> {
    let total = total + 1;
    if total > MAX_TRAILER_BYTES {
        return Err(Refused::TOO_LONG);
    }
    match (cr, byte) {
        (false, b'\r') => Ok(State::Trailer { total, line, cr: true }),
        (true, b'\n') if line == 0 => {
            output.extend_from_slice(b"\r\n");
            Ok(State::Ended)
        }
        (true, b'\n') => Ok(State::Trailer { total, line: 0, cr: false }),
        (false, b'\t' | 0x20..=0x7e) => Ok(State::Trailer { total, line: line + 1, cr: false }),
        _ => Err(Refused::ambiguous("trailer")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Passes `input` in pieces of `size`; gives what came out and what was left.
    fn pass(framing: Framing, input: &[u8], size: usize) -> Result<(Vec<u8>, Vec<u8>), Refused> {
        let (mut body, mut output, mut rest) = (Body::new(framing), BytesMut::new(), BytesMut::new());
        for piece in input.chunks(size.max(1)) {
            rest.extend_from_slice(piece);
            body.pass(&mut rest, &mut output)?;
        }
        assert!(body.has_ended(), "the body did not end");
        Ok((output.to_vec(), rest.to_vec()))
    }

    fn refused(input: &str) -> &'static str {
        pass(Framing::Chunked, input.as_bytes(), usize::MAX).expect_err("the body was accepted").name()
    }

    #[test]
    fn c04_what_follows_a_body_is_left_for_the_next_head() {
        let (body, rest) = pass(Framing::Length(3), b"abcGET /hidden", usize::MAX).unwrap();
        assert_eq!((body.as_slice(), rest.as_slice()), (&b"abc"[..], &b"GET /hidden"[..]));
        let (body, rest) = pass(Framing::Chunked, b"3\r\nabc\r\n0\r\n\r\nGET /", usize::MAX).unwrap();
        assert_eq!((body.as_slice(), rest.as_slice()), (&b"3\r\nabc\r\n0\r\n\r\n"[..], &b"GET /"[..]));
    }

    #[test]
    fn c12_trailers_are_dropped() {
        let (body, _) =
            pass(Framing::Chunked, b"1\r\na\r\n0\r\nAuthorization: Bearer x\r\n\r\n", usize::MAX).unwrap();
        assert_eq!(body, b"1\r\na\r\n0\r\n\r\n");
        let long = format!("0\r\nX: {}\r\n\r\n", "y".repeat(MAX_TRAILER_BYTES));
        assert_eq!(refused(&long), "head_too_long");
    }

    #[test]
    fn c13_chunks_without_extras() {
        assert_eq!(refused("1;a=b\r\na\r\n0\r\n\r\n"), "chunk_extension");
        assert_eq!(refused("1 \r\na\r\n0\r\n\r\n"), "chunk_extension");
        for bad in [
            "\r\n",
            "g\r\n",
            "0x1\r\n",
            "-1\r\n",
            "1\na",
            "1\r\nab",
            "1\r\na\n",
            "1\r\na\r\r",
            "1111111111111111\r\n",
        ] {
            assert_eq!(refused(bad), "chunk_framing", "{bad:?}");
        }
        assert_eq!(refused("0\r\nX: y\n\r\n"), "trailer");
    }

    #[test]
    fn a_chunk_size_is_written_in_its_shortest_form() {
        let (body, _) = pass(Framing::Chunked, b"0A\r\n0123456789\r\n000\r\n\r\n", usize::MAX).unwrap();
        assert_eq!(body, b"a\r\n0123456789\r\n0\r\n\r\n");
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(data in proptest::collection::vec(any::<u8>(), 1..50), size in 1_usize..9) {
            let chunked = [format!("{:x}\r\n", data.len()).as_bytes(), &data, b"\r\n0\r\n\r\nrest"].concat();
            prop_assert_eq!(
                pass(Framing::Chunked, &chunked, size).unwrap(),
                pass(Framing::Chunked, &chunked, usize::MAX).unwrap()
            );
        }

        #[test]
        fn every_input_has_an_answer(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Body::new(Framing::Chunked).pass(&mut BytesMut::from(&data[..]), &mut BytesMut::new());
        }
    }
}
