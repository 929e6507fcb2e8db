//! Content codings of answers (RFC 9110 §8.4.1), taken off as the body streams by: what is packed cannot be searched.
//!
//! One coding, and one that is known; anything else is refused. What a small body can grow to is bounded, and never more than one
//! piece of it is in memory.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read};
use std::sync::{Arc, Mutex, PoisonError};

use brotli_decompressor::Decompressor;
use bytes::{Buf as _, Bytes};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::header::{self, HeaderMap};

use super::reason::Refused;

/// How much is unpacked at once.
const PIECE: usize = 64 * 1024;
/// What may be unpacked whatever it was packed to.
const ALWAYS: u64 = 16 * 1024 * 1024;
/// Beyond that, how many times longer than what came.
const MOST_EXPANDED: u64 = 256;

/// A content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
    Brotli,
}

impl Coding {
    /// What an answer with these header fields is packed in, if in anything.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, Refused> {
        let mut found = None;
        for value in headers.get_all(header::CONTENT_ENCODING) {
            let text = value.to_str().map_err(|_| Refused::CODING)?;
            for name in text.split(',').map(str::trim) {
                let coding = match name.to_ascii_lowercase().as_str() {
                    "" | "identity" => continue,
                    "gzip" | "x-gzip" => Self::Gzip,
                    "deflate" => Self::Deflate,
                    "br" => Self::Brotli,
                    _ => return Err(Refused::CODING),
                };
                if found.replace(coding).is_some() {
                    return Err(Refused::CODING);
                }
            }
        }
        Ok(found)
    }
}

/// Takes off one coding.
pub(super) struct Unpacking {
    coding: Coding,
    packed: Packed,
    reader: Option<Box<dyn Read + Send>>,
    came: u64,
    gone: u64,
}

impl Unpacking {
    pub(super) fn new(coding: Coding) -> Self {
        Self { coding, packed: Packed::default(), reader: None, came: 0, gone: 0 }
    }

    /// Takes the next piece of what is packed.
    pub(super) fn push(&mut self, piece: Bytes) {
        self.came += piece.len() as u64;
        if let (None, Some(first)) = (&self.reader, piece.first()) {
            self.reader = Some(reader(self.coding, *first, self.packed.clone()));
        }
        self.packed.with(|pieces| pieces.waiting.push_back(piece));
    }

    /// No more comes.
    pub(super) fn end(&mut self) {
        self.packed.with(|pieces| pieces.are_all = true);
    }

    /// The next piece unpacked; empty when there is none, or none yet.
    ///
    /// # Errors
    /// When what came is not what it is said to be, or grows beyond all measure.
    pub(super) fn next(&mut self) -> io::Result<Bytes> {
        let Some(reader) = &mut self.reader else { return Ok(Bytes::new()) };
        let mut piece = vec![0; PIECE];
        match reader.read(&mut piece) {
            Ok(length) => {
                self.gone += length as u64;
                if self.gone > ALWAYS.max(self.came.saturating_mul(MOST_EXPANDED)) {
                    return Err(io::Error::new(ErrorKind::InvalidData, "unpacks to more than is taken"));
                }
                piece.truncate(length);
                Ok(piece.into())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Bytes::new()),
            Err(error) => Err(error),
        }
    }
}

fn reader(coding: Coding, first: u8, packed: Packed) -> Box<dyn Read + Send> {
    match coding {
        Coding::Gzip => Box::new(MultiGzDecoder::new(packed)),
        // Some leave out the zlib format around it (RFC 9110 §8.4.1.2); a deflate stream does not begin as that does.
        Coding::Deflate if first & 0x0f == 8 => Box::new(ZlibDecoder::new(packed)),
        Coding::Deflate => Box::new(DeflateDecoder::new(packed)),
        Coding::Brotli => Box::new(Decompressor::new(packed, 4096)),
    }
}

/// What came and was not read yet.
#[derive(Clone, Default)]
struct Packed(Arc<Mutex<Pieces>>);

#[derive(Default)]
struct Pieces {
    waiting: VecDeque<Bytes>,
    are_all: bool,
}

impl Packed {
    fn with<T>(&self, act: impl FnOnce(&mut Pieces) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Read for Packed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.with(|pieces| {
            while pieces.waiting.front().is_some_and(Bytes::is_empty) {
                pieces.waiting.pop_front();
            }
            match pieces.waiting.front_mut() {
                Some(piece) => {
                    let length = piece.len().min(buffer.len());
                    piece.copy_to_slice(buffer.get_mut(..length).unwrap_or_default());
                    Ok(length)
                }
                None if pieces.are_all => Ok(0),
                None => Err(ErrorKind::WouldBlock.into()),
            }
        })
    }
}

#[cfg(test)]
mod tests;
