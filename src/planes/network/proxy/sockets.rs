//! The frames of a WebSocket, as far as they must be followed: where each begins and ends, and that its head has one reading (RFC 6455
//! §5.2). Pure. No extension was offered, so nothing but the base protocol is spoken.

use super::reason::Refused;

const CLOSE: u8 = 0x8;
const CONTROL: u8 = 0x8;
/// The longest payload of a control frame.
const MAX_CONTROL: u64 = 125;

/// Bytes that belong to one part, and those behind them.
pub type Split<'b> = (Part, &'b [u8], &'b [u8]);

/// One direction.
#[derive(Debug)]
pub struct Followed {
    /// Whether frames must be masked, as those of clients are, or must not be.
    masked: bool,
    head: Vec<u8>,
    left: u64,
    in_message: bool,
    frame: Frame,
}

/// The frame that was begun last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frame {
    Data,
    Control,
    Close,
}

/// What a byte of a direction belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The head of a frame.
    Head,
    /// The payload of a message.
    Message,
    /// The payload of a control frame.
    Control,
}

impl Followed {
    /// What a client sends.
    #[must_use]
    pub const fn of_client() -> Self {
        Self { masked: true, head: Vec::new(), left: 0, in_message: false, frame: Frame::Data }
    }

    /// What a server sends.
    #[must_use]
    pub const fn of_server() -> Self {
        Self { masked: false, head: Vec::new(), left: 0, in_message: false, frame: Frame::Data }
    }

    /// Whether it said that it closes.
    #[must_use]
    pub const fn has_closed(&self) -> bool {
        matches!(self.frame, Frame::Close) && self.left == 0
    }

    /// Whether a frame may be put here.
    #[must_use]
    pub fn is_between(&self) -> bool {
        self.left == 0 && self.head.is_empty() && self.frame != Frame::Close
    }

    /// Whether no payload is under way and no message either.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.left == 0 && self.head.is_empty() && !self.in_message
    }

    /// Whether the payload under way has come to its end.
    #[must_use]
    pub const fn is_payload_over(&self) -> bool {
        self.left == 0
    }

    /// Follows the next bytes.
    ///
    /// # Errors
    /// What is no frame, or one that two readers could read in two ways.
    pub fn pass(&mut self, mut bytes: &[u8]) -> Result<(), Refused> {
        while let Some((_, _, rest)) = self.next(bytes)? {
            bytes = rest;
        }
        Ok(())
    }

    /// Follows the next bytes as far as they belong to one part; gives which, them, and the rest. None when there are no bytes.
    ///
    /// # Errors
    /// As [`Followed::pass`].
    pub fn next<'b>(&mut self, bytes: &'b [u8]) -> Result<Option<Split<'b>>, Refused> {
        let Some((&next, _)) = bytes.split_first() else { return Ok(None) };
        if self.left > 0 {
            let taken = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            self.left -= taken as u64;
            let (these, rest) = bytes.split_at(taken);
            return Ok(Some((
                if self.frame == Frame::Data { Part::Message } else { Part::Control },
                these,
                rest,
            )));
        }
        if self.frame == Frame::Close {
            return Err(Refused::ambiguous("socket_after_close"));
        }
        self.head.push(next);
        self.left = self.judge()?.unwrap_or(0);
        let (these, rest) = bytes.split_at(1);
        Ok(Some((Part::Head, these, rest)))
    }

    /// The length of the payload, once the head is whole.
    fn judge(&mut self) -> Result<Option<u64>, Refused> {
        let bad = Err(Refused::ambiguous("socket_frame"));
        let [first, second, rest @ ..] = self.head.as_slice() else { return Ok(None) };
        let (last, kind, short) = (first & 0x80 != 0, first & 0x0f, second & 0x7f);
        // A message begins with text or bytes and goes on with continuations; control frames may stand in between.
        let in_order = match kind {
            0 => self.in_message,
            1 | 2 => !self.in_message,
            8..=10 => last && u64::from(short) <= MAX_CONTROL,
            _ => false,
        };
        if first & 0x70 != 0 || !in_order || (second & 0x80 != 0) != self.masked {
            return bad;
        }
        let wide = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if rest.len() < wide + if self.masked { 4 } else { 0 } {
            return Ok(None);
        }
        let long = rest.iter().take(wide).fold(0, |length, byte| length << 8 | u64::from(*byte));
        let length = match short {
            126 if long > 125 => long,
            127 if long > 0xffff && long >> 63 == 0 => long,
            126 | 127 => return bad,
            short => u64::from(short),
        };
        if kind & CONTROL == 0 {
            self.in_message = !last;
        }
        self.frame = match kind {
            CLOSE => Frame::Close,
            kind if kind & CONTROL != 0 => Frame::Control,
            _ => Frame::Data,
        };
        self.head.clear();
        Ok(Some(length))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame as the standard describes it.
    fn frame(last: bool, kind: u8, masked: bool, payload: &[u8]) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut bytes = vec![u8::from(last) << 7 | kind];
        match payload.len() {
            length @ 0..=125 => bytes.push(mask | u8::try_from(length).unwrap()),
            length @ 126..=0xffff => {
                bytes.push(mask | 0x7e);
                bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            length => {
                bytes.push(mask | 0x7f);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend_from_slice(if masked { &[1, 2, 3, 4] } else { &[] });
        [&bytes, payload].concat()
    }

    fn followed(bytes: &[u8], size: usize) -> Result<Followed, &'static str> {
        let mut followed = Followed::of_server();
        bytes.chunks(size).try_for_each(|piece| followed.pass(piece)).map_err(Refused::name)?;
        Ok(followed)
    }

    proptest! {
        #[test]
        fn clean_frames_are_followed_to_their_end(lengths in prop::collection::vec(0..70_000usize, 1..5), size in 1..5000usize) {
            let mut bytes = Vec::new();
            for length in lengths {
                bytes.extend(frame(false, 2, false, &vec![0xff; length]));
                bytes.extend(frame(true, 9, false, b"ping"));
                bytes.extend(frame(true, 0, false, &vec![0xff; length]));
            }
            prop_assert!(followed(&bytes, size).unwrap().is_between());
            bytes.extend(frame(true, 8, false, &[3, 232]));
            prop_assert!(followed(&bytes, size).unwrap().has_closed());
            bytes.push(0);
            prop_assert_eq!(followed(&bytes, size).unwrap_err(), "socket_after_close");
        }

        #[test]
        fn every_input_has_an_answer_and_pieces_make_no_difference(bytes in prop::collection::vec(any::<u8>(), 0..200), size in 1..20usize) {
            prop_assert_eq!(followed(&bytes, size).map(|_| ()), followed(&bytes, 200).map(|_| ()));
        }
    }

    #[test]
    fn what_has_two_readings_is_refused() {
        for bad in [
            frame(true, 1, true, b"masked by a server"),
            frame(true, 0, false, b"goes on with nothing"),
            frame(true, 3, false, b"a kind nobody knows"),
            frame(false, 9, false, b"a ping in pieces"),
            frame(true, 9, false, &[0; 126]),
            [frame(false, 1, false, b"a"), frame(true, 2, false, b"another inside")].concat(),
            vec![0xc1, 0],
            vec![0x82, 126, 0, 125],
            [&[0x82, 127][..], &0xffff_u64.to_be_bytes()].concat(),
            [&[0x82, 127][..], &(1_u64 << 63).to_be_bytes()].concat(),
        ] {
            assert_eq!(followed(&bad, 3).unwrap_err(), "socket_frame", "{bad:?}");
        }
        let mut client = Followed::of_client();
        assert!(client.pass(&frame(true, 1, true, b"masked")).is_ok());
        assert!(client.pass(&frame(true, 1, false, b"not masked")).is_err());
    }
}
