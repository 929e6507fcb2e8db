//! What an upstream says over a WebSocket, with the credential masked in it (E02): the payload of each message as one stream, in however
//! many frames it comes, that of each control frame by itself. Pure. Heads of frames pass as they are, since no length changes.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::reason::Refused;
use super::sockets::{Followed, Part};
use crate::planes::network::scrub::{self, Needle, Scrubber};

/// Heads that may wait behind what may be the secret, in bytes: an upstream that sends more has nothing to say.
const MOST_WAITING: usize = 64 * 1024;

/// One direction of a WebSocket, followed.
pub(super) trait Direction {
    /// Takes the next bytes; gives what goes on now.
    ///
    /// # Errors
    /// What is no frame, or one that two readers could read in two ways.
    fn pass<'b>(&mut self, bytes: &'b [u8]) -> Result<Cow<'b, [u8]>, Refused>;

    /// Whether it said that it closes.
    fn has_closed(&self) -> bool;
}

impl Direction for Followed {
    fn pass<'b>(&mut self, bytes: &'b [u8]) -> Result<Cow<'b, [u8]>, Refused> {
        Self::pass(self, bytes).map(|()| Cow::Borrowed(bytes))
    }

    fn has_closed(&self) -> bool {
        Self::has_closed(self)
    }
}

/// What goes on once all before it has.
enum Waiting {
    /// These bytes.
    Said(Vec<u8>),
    /// So many bytes that are held back.
    Held(usize),
}

/// What a server sends, masked.
pub(super) struct SocketMask {
    followed: Followed,
    needle: Arc<Needle>,
    /// The message under way. It is read when it is whole, so what may be the secret is held back until then.
    message: Option<Scrubber>,
    control: Vec<u8>,
    waiting: VecDeque<Waiting>,
    said: usize,
    masked: u64,
}

impl SocketMask {
    pub(super) fn new(needle: Arc<Needle>) -> Self {
        let followed = Followed::of_server();
        let (control, waiting) = (Vec::new(), VecDeque::new());
        Self { followed, needle, message: None, control, waiting, said: 0, masked: 0 }
    }

    /// How many times the secret was masked.
    pub(super) fn masked(&self) -> u64 {
        self.masked + self.message.as_ref().map_or(0, Scrubber::masked)
    }

    /// Whether a frame may be put here.
    pub(super) fn is_between(&self) -> bool {
        self.followed.is_between() && self.waiting.is_empty()
    }

    fn say(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Refused> {
        match self.waiting.back_mut() {
            None => {
                out.extend_from_slice(bytes);
                return Ok(());
            }
            Some(Waiting::Said(said)) => said.extend_from_slice(bytes),
            Some(Waiting::Held(_)) => self.waiting.push_back(Waiting::Said(bytes.to_vec())),
        }
        self.said += bytes.len();
        if self.said > MOST_WAITING { Err(Refused::ambiguous("socket_frame")) } else { Ok(()) }
    }

    fn control(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Refused> {
        self.control.extend_from_slice(bytes);
        if !self.followed.is_payload_over() {
            return Ok(());
        }
        let whole = std::mem::take(&mut self.control);
        let masked = scrub::masked(&self.needle, &whole);
        self.masked += u64::from(masked.is_some());
        self.say(&masked.unwrap_or(whole), out)
    }

    fn message(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let scrubber = self.message.get_or_insert_with(|| Scrubber::whole(Arc::clone(&self.needle)));
        let given = scrubber.feed(Bytes::copy_from_slice(bytes));
        self.waiting.push_back(Waiting::Held(bytes.len()));
        self.release(&given, out);
    }

    fn end_of_message(&mut self, out: &mut Vec<u8>) {
        if let Some(mut scrubber) = self.message.take() {
            let last = scrubber.finish();
            self.masked += scrubber.masked();
            self.release(&last, out);
        }
    }

    /// Lets `given` go, and whatever waited behind it.
    fn release(&mut self, mut given: &[u8], out: &mut Vec<u8>) {
        while let Some(first) = self.waiting.front_mut() {
            match first {
                Waiting::Said(said) => {
                    self.said -= said.len();
                    out.append(said);
                }
                Waiting::Held(held) => {
                    let (now, rest) = given.split_at((*held).min(given.len()));
                    out.extend_from_slice(now);
                    given = rest;
                    *held -= now.len();
                    if *held > 0 {
                        return;
                    }
                }
            }
            drop(self.waiting.pop_front());
        }
    }
}

impl Direction for SocketMask {
    fn pass<'b>(&mut self, mut bytes: &'b [u8]) -> Result<Cow<'b, [u8]>, Refused> {
        let mut out = Vec::with_capacity(bytes.len());
        while let Some((part, these, rest)) = self.followed.next(bytes)? {
            match part {
                Part::Head => self.say(these, &mut out)?,
                Part::Control => self.control(these, &mut out)?,
                Part::Message => self.message(these, &mut out),
            }
            if self.followed.is_at_rest() {
                self.end_of_message(&mut out);
            }
            bytes = rest;
        }
        Ok(Cow::Owned(out))
    }

    fn has_closed(&self) -> bool {
        self.followed.has_closed()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::secret::Secret;

    const SECRET: &str = "kT9-a-secret-of-the-upstream";

    fn frame(last: bool, kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        assert!(length < 126);
        [&[u8::from(last) << 7 | kind, length], payload].concat()
    }

    fn mask() -> SocketMask {
        SocketMask::new(Arc::new(Needle::new(Secret::new(SECRET.as_bytes().to_vec()))))
    }

    fn masked(bytes: &[u8], size: usize) -> (Vec<u8>, u64) {
        let mut mask = mask();
        let mut out = Vec::new();
        for piece in bytes.chunks(size) {
            out.extend_from_slice(&mask.pass(piece).unwrap());
        }
        assert!(mask.is_between() || mask.has_closed());
        (out, mask.masked())
    }

    proptest! {
        #[test]
        fn e02_a_secret_across_frames_and_reads_is_masked(cut in 0..SECRET.len(), size in 1..80usize) {
            let (first, second) = SECRET.split_at(cut);
            let said = [
                frame(false, 1, format!("{{\"key\":\"{first}").as_bytes()),
                frame(true, 9, b"ping"),
                frame(false, 0, b""),
                frame(true, 0, format!("{second}\"}}").as_bytes()),
                frame(true, 1, b"and on"),
                frame(true, 10, SECRET.as_bytes()),
                frame(true, 8, &[&[3, 232], SECRET.as_bytes()].concat()),
            ]
            .concat();
            let (out, times) = masked(&said, size);
            prop_assert_eq!(times, 3);
            prop_assert_eq!(out.len(), said.len());
            let differ: Vec<u8> =
                out.iter().zip(&said).filter(|(ours, theirs)| ours != theirs).map(|(ours, _)| *ours).collect();
            prop_assert_eq!(differ, vec![b'*'; 3 * SECRET.len()], "nothing else is changed");
        }

        #[test]
        fn what_has_no_secret_passes_at_the_end_of_each_message(texts in prop::collection::vec("[a-z]{0,100}", 1..6), size in 1..80usize) {
            let said: Vec<u8> = texts.iter().flat_map(|text| frame(true, 2, text.as_bytes())).collect();
            prop_assert_eq!(masked(&said, size), (said, 0));
        }
    }

    #[test]
    fn j12_heads_without_end_behind_the_beginning_of_a_secret_are_refused() {
        let mut mask = mask();
        mask.pass(&frame(false, 1, &SECRET.as_bytes()[..10])).unwrap();
        let empty: Vec<u8> = frame(false, 0, b"").repeat(MOST_WAITING);
        assert_eq!(mask.pass(&empty).unwrap_err().name(), "socket_frame");
    }
}
