//! Adds one header field to each request in a stream of HTTP/2 frames, as the library writes them. Pure, so that it can be fuzzed.
//!
//! A field that is "literal, never indexed" (RFC 7541 §6.2.3) depends on nothing before it and changes nothing after it, so it can stand
//! at the end of any block. A block is what opens a stream: its frames are held back until they are whole, and leave with the field in
//! one wiped buffer. Everything else passes as it is.

use zeroize::Zeroizing;

/// What every client says first (RFC 9113 §3.4).
const PREFACE: usize = 24;
/// The longest payload that every server takes (RFC 9113 §4.2).
const MAX_PAYLOAD: usize = 16 * 1024;
/// The longest frame of fields that is held back.
const MAX_HELD: usize = 256 * 1024;
const FRAME_HEAD: usize = 9;

const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;

/// What was written are no frames, or longer ones than there can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a stream of HTTP/2 frames")]
pub struct NotFrames;

/// What becomes of the bytes at the front.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// So many go on as they are.
    Pass(usize),
    /// So many were taken in; these are written for them and for those taken in before. Empty: more is needed.
    Write(usize, Zeroizing<Vec<u8>>),
}

/// `name: value` as it stands in a block.
#[must_use]
pub fn field(name: &[u8], value: &[u8]) -> Zeroizing<Vec<u8>> {
    let (name_length, value_length) = (length(name.len()), length(value.len()));
    let parts: [&[u8]; 5] = [&[0x10], &name_length, name, &value_length, value];
    joined(&parts)
}

/// The length of a text without Huffman coding: an integer with a prefix of 7 bits (RFC 7541 §5.1, §5.2).
fn length(length: usize) -> Vec<u8> {
    let Some(mut rest) = length.checked_sub(0x7f) else {
        return vec![u8::try_from(length).unwrap_or(0)];
    };
    let mut bytes = vec![0x7f];
    loop {
        let low = u8::try_from(rest & 0x7f).unwrap_or(0);
        rest >>= 7;
        bytes.push(if rest == 0 { low } else { low | 0x80 });
        if rest == 0 {
            return bytes;
        }
    }
}

/// Follows the frames of one connection.
#[derive(Debug)]
pub struct Weaver {
    preface: usize,
    /// What is left of a frame that passes.
    passing: usize,
    /// The start of a frame that is not known yet, or the whole of one that is held back.
    held: Vec<u8>,
    /// The last stream that was opened.
    opened: u32,
    /// The stream that was just opened, while its block goes on.
    in_block: Option<u32>,
}

impl Default for Weaver {
    fn default() -> Self {
        Self { preface: PREFACE, passing: 0, held: Vec::new(), opened: 0, in_block: None }
    }
}

/// The head of a frame (RFC 9113 §4.1).
struct FrameHead {
    length: usize,
    kind: u8,
    flags: u8,
    stream: u32,
}

impl FrameHead {
    /// The stream without the bit that says nothing.
    const fn id(&self) -> u32 {
        self.stream & 0x7fff_ffff
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<3>()?;
        let ([kind, flags], rest) = rest.split_first_chunk()?;
        let (stream, _) = rest.split_first_chunk()?;
        let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        Some(Self { length, kind: *kind, flags: *flags, stream: u32::from_be_bytes(*stream) })
    }
}

impl FrameHead {
    /// A block stands between its padding's length and its padding (RFC 9113 §6.2); a frame in which these do not fit is none.
    fn has_room_for_its_padding(&self, payload: &[u8]) -> bool {
        let padded = self.kind == HEADERS && self.flags & PADDED != 0;
        !padded || payload.first().is_some_and(|padding| usize::from(*padding) < payload.len())
    }
}

impl Weaver {
    /// Judges the bytes at the front, of which there is at least one. `add` gives the field for a block.
    ///
    /// # Errors
    /// When the bytes are not frames.
    pub fn step(
        &mut self,
        bytes: &[u8],
        add: impl FnOnce() -> Option<Zeroizing<Vec<u8>>>,
    ) -> Result<Step, NotFrames> {
        let going_on = if self.preface > 0 { &mut self.preface } else { &mut self.passing };
        if *going_on > 0 {
            let pass = bytes.len().min(*going_on);
            *going_on -= pass;
            return Ok(Step::Pass(pass));
        }
        if self.held.is_empty()
            && let Some(head) = FrameHead::read(bytes)
            && !self.is_held(&head)?
        {
            let whole = FRAME_HEAD + head.length;
            let pass = bytes.len().min(whole);
            self.passing = whole - pass;
            return Ok(Step::Pass(pass));
        }
        self.hold(bytes, add)
    }

    /// Whether a frame is held back: one that opens a stream, and those that go on with its block. Nothing else may come between
    /// (RFC 9113 §6.10).
    fn is_held(&self, head: &FrameHead) -> Result<bool, NotFrames> {
        match (self.in_block, head.kind) {
            (Some(stream), CONTINUATION) if stream == head.id() => Ok(true),
            (Some(_), _) => Err(NotFrames),
            (None, kind) => Ok(kind == HEADERS && head.id() > self.opened),
        }
    }

    fn hold(
        &mut self,
        bytes: &[u8],
        add: impl FnOnce() -> Option<Zeroizing<Vec<u8>>>,
    ) -> Result<Step, NotFrames> {
        let mut taken = self.take(bytes, FRAME_HEAD);
        let Some(head) = FrameHead::read(&self.held) else {
            return Ok(Step::Write(taken, Zeroizing::default()));
        };
        if !self.is_held(&head)? {
            self.passing = head.length;
            return Ok(Step::Write(taken, Zeroizing::new(std::mem::take(&mut self.held))));
        }
        if head.length > MAX_HELD {
            return Err(NotFrames);
        }
        taken += self.take(bytes.get(taken..).unwrap_or_default(), FRAME_HEAD + head.length);
        if self.held.len() < FRAME_HEAD + head.length {
            return Ok(Step::Write(taken, Zeroizing::default()));
        }
        let frame = std::mem::take(&mut self.held);
        if !head.has_room_for_its_padding(frame.get(FRAME_HEAD..).unwrap_or_default()) {
            return Err(NotFrames);
        }
        self.opened = self.opened.max(head.id());
        self.in_block = (head.flags & END_HEADERS == 0).then_some(head.id());
        let add = if self.in_block.is_some() { None } else { add() };
        let written = match add {
            Some(field) => with(&frame, &head, &field)?,
            None => Zeroizing::new(frame),
        };
        Ok(Step::Write(taken, written))
    }

    /// Takes bytes until so many are held; gives how many.
    fn take(&mut self, bytes: &[u8], until: usize) -> usize {
        let wanted = until.saturating_sub(self.held.len()).min(bytes.len());
        self.held.extend_from_slice(bytes.get(..wanted).unwrap_or_default());
        wanted
    }
}

/// The frame that ends a block, with the field behind it: in the frame where there is room, else in frames of its own.
fn with(frame: &[u8], head: &FrameHead, field: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotFrames> {
    let payload = frame.get(FRAME_HEAD..).ok_or(NotFrames)?;
    if payload.len() + field.len() <= MAX_PAYLOAD {
        let padding = match payload.first() {
            Some(padding) if head.kind == HEADERS && head.flags & PADDED != 0 => usize::from(*padding),
            _ => 0,
        };
        let at = payload.len().checked_sub(padding).ok_or(NotFrames)?;
        let (block, padding) = payload.split_at_checked(at).ok_or(NotFrames)?;
        let head = frame_head(payload.len() + field.len(), head.kind, head.flags, head.stream);
        return Ok(joined(&[&head, block, field, padding]));
    }
    let first = frame_head(payload.len(), head.kind, head.flags & !END_HEADERS, head.stream);
    let count = field.len().div_ceil(MAX_PAYLOAD);
    let heads: Vec<[u8; FRAME_HEAD]> = field
        .chunks(MAX_PAYLOAD)
        .enumerate()
        .map(|(at, part)| {
            let flags = if at + 1 == count { END_HEADERS } else { 0 };
            frame_head(part.len(), CONTINUATION, flags, head.stream)
        })
        .collect();
    let mut parts: Vec<&[u8]> = vec![&first, payload];
    for (head, part) in heads.iter().zip(field.chunks(MAX_PAYLOAD)) {
        parts.extend([head.as_slice(), part]);
    }
    Ok(joined(&parts))
}

fn frame_head(length: usize, kind: u8, flags: u8, stream: u32) -> [u8; FRAME_HEAD] {
    let length = u32::try_from(length).unwrap_or(0) << 8 | u32::from(kind);
    let mut head = [0; FRAME_HEAD];
    let parts = length.to_be_bytes().into_iter().chain([flags]).chain(stream.to_be_bytes());
    head.iter_mut().zip(parts).for_each(|(place, byte)| *place = byte);
    head
}

/// One buffer of exactly the needed size: growing would leave copies behind.
pub(super) fn joined(parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let mut whole = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
    for part in parts {
        whole.extend_from_slice(part);
    }
    whole
}

#[cfg(test)]
mod tests;
