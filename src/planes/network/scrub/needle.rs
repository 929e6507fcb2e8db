//! What is looked for: the secret, read as the symbols of five tracks.
//!
//! A track is one way to write bytes down: as text, as hex digits, or as base64 beginning at the first, second or third byte of a
//! group. Symbols are made from the secret when they are asked for, so that it stays in one place; each can be spelled in any way.

use std::fmt;

use super::spelling::Set;
use crate::base::secret::Secret;

/// One way to write bytes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Track {
    Text,
    Hex,
    /// How many bytes of its group come before the secret.
    Base64(usize),
}

/// All ways.
pub(super) const TRACKS: [Track; 5] =
    [Track::Text, Track::Base64(0), Track::Base64(1), Track::Base64(2), Track::Hex];

/// What stands in the place of a masked character, the first of these that is not in the secret: so what is masked never is the
/// secret again. All may stand in JSON, URLs, header fields and base64 of text.
const MASKS: &[u8] = b"*xX0123456789-_.abcdefghijklmnopqrstuvwyzABCDEFGHIJKLMNOPQRSTUVWYZ~";

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A secret that is looked for. Holds its only copy, which is wiped when the last scrubber is gone.
pub struct Needle {
    secret: Secret,
    mask: u8,
    openings: [Opening; TRACKS.len()],
}

/// What stands at the first two places of a track, where both symbols are written as themselves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    pub(super) first: Set,
    /// None where there is but one symbol.
    pub(super) second: Option<Set>,
}

/// One symbol of a track. The bits of a sextet that belong to what stands before or after the secret are not cared for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symbol {
    Character(u8),
    Nibble(u8),
    Sextet { value: u8, care: u8 },
}

impl Needle {
    /// Looks for `secret`, which is printable ASCII: what may stand in a header field.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        let bytes = secret.expose_secret();
        let mask = MASKS.iter().copied().find(|mask| !bytes.contains(mask)).unwrap_or(b'*');
        let none = Opening { first: Set::EMPTY, second: None };
        let mut needle = Self { secret, mask, openings: [none; TRACKS.len()] };
        needle.openings = TRACKS.map(|track| Opening {
            first: needle.symbol(track, 0).map_or(Set::EMPTY, Symbol::characters),
            second: needle.symbol(track, 1).map(Symbol::characters),
        });
        needle
    }

    /// How many bytes the secret has.
    pub(super) fn len(&self) -> usize {
        self.secret.len()
    }

    /// What stands for a masked character.
    pub(super) const fn mask(&self) -> u8 {
        self.mask
    }

    /// The tracks, and how each begins.
    pub(super) fn tracks(&self) -> impl Iterator<Item = (Track, Opening)> {
        TRACKS.into_iter().zip(self.openings)
    }

    /// How many symbols the secret has on `track`.
    pub(super) fn length(&self, track: Track) -> usize {
        match track {
            Track::Text => self.len(),
            Track::Hex => 2 * self.len(),
            Track::Base64(before) => (8 * (before + self.len())).div_ceil(6) - before,
        }
    }

    /// The symbol at `index`; `None` behind the last.
    pub(super) fn symbol(&self, track: Track, index: usize) -> Option<Symbol> {
        let bytes = self.secret.expose_secret();
        match track {
            Track::Text => bytes.get(index).copied().map(Symbol::Character),
            Track::Hex => {
                let byte = bytes.get(index / 2)?;
                Some(Symbol::Nibble(if index.is_multiple_of(2) { byte >> 4 } else { byte & 15 }))
            }
            Track::Base64(before) => {
                let (value, care) = sextet(bytes, before, index);
                (care != 0).then_some(Symbol::Sextet { value, care })
            }
        }
    }

    /// What `symbol`, written as `was`, becomes: the mask, written on the same track, so that what is around it still reads as before.
    pub(super) fn masked(&self, track: Track, index: usize, was: u8) -> u8 {
        match track {
            Track::Text => self.mask,
            Track::Hex => {
                let nibble = if index.is_multiple_of(2) { self.mask >> 4 } else { self.mask & 15 };
                char::from_digit(u32::from(nibble), 16).map_or(self.mask, |digit| {
                    let digit = if was.is_ascii_uppercase() { digit.to_ascii_uppercase() } else { digit };
                    u8::try_from(digit).unwrap_or(self.mask)
                })
            }
            Track::Base64(before) => {
                let masks = [self.mask; 3];
                let at = (index + before) % 4;
                let (value, _) = sextet(&masks, 0, at);
                let (_, care) = sextet(self.secret.expose_secret(), before, index);
                let around = value_of(was).unwrap_or_default() & !care;
                // Without the bits around it when they would need one of the characters that differ between alphabets.
                let sextet =
                    Some((value & care) | around).filter(|sextet| *sextet < 62).unwrap_or(value & care);
                ALPHABET.get(usize::from(sextet)).copied().unwrap_or(b'A')
            }
        }
    }

    /// Whether `name` holds the secret, in whichever case: names of header fields lose theirs.
    #[must_use]
    pub fn is_in_name(&self, name: &str) -> bool {
        let secret = self.secret.expose_secret();
        !secret.is_empty()
            && name.as_bytes().windows(secret.len()).any(|part| part.eq_ignore_ascii_case(secret))
    }
}

/// The six bits at `index` of base64 in which `bytes` begin after `before` others, and which of them are theirs.
fn sextet(bytes: &[u8], before: usize, index: usize) -> (u8, u8) {
    let bit = (index + before) * 6;
    let at = |place: usize| place.checked_sub(before).and_then(|place| bytes.get(place).copied());
    let two = [at(bit / 8), at(bit / 8 + 1)];
    let value = u16::from_be_bytes(two.map(Option::unwrap_or_default));
    let care = u16::from_be_bytes(two.map(|byte| if byte.is_some() { 0xff } else { 0 }));
    let [value, care] =
        [value, care].map(|word| u8::try_from((word >> (10 - bit % 8)) & 63).unwrap_or_default());
    (value, care)
}

/// The six bits that a character of either alphabet stands for (RFC 4648 §4, §5).
const fn value_of(character: u8) -> Option<u8> {
    Some(match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

impl Symbol {
    /// Whether `byte`, as itself, stands for it.
    pub(super) fn is(self, byte: u8) -> bool {
        match self {
            Self::Character(own) => own == byte,
            Self::Nibble(own) => char::from(byte).to_digit(16) == Some(u32::from(own)),
            Self::Sextet { value, care } => value_of(byte).is_some_and(|sextet| sextet & care == value),
        }
    }

    /// The characters that stand for it.
    pub(super) fn characters(self) -> Set {
        match self {
            Self::Character(byte) => Set::of(byte),
            Self::Nibble(nibble) => {
                let digit =
                    char::from_digit(u32::from(nibble), 16).and_then(|digit| u8::try_from(digit).ok());
                digit.map_or(Set::EMPTY, |digit| Set::of(digit).with(Set::of(digit.to_ascii_uppercase())))
            }
            // Two at most, where nothing around the secret counts.
            Self::Sextet { value, care: 63 } => {
                let standard = ALPHABET.get(usize::from(value)).copied().unwrap_or_default();
                let other = match standard {
                    b'+' => b'-',
                    b'/' => b'_',
                    same => same,
                };
                Set::of(standard).with(Set::of(other))
            }
            Self::Sextet { value, care } => (0..64_u8)
                .zip(ALPHABET)
                .filter(|(sextet, _)| sextet & care == value)
                .fold(Set::EMPTY, |set, (sextet, character)| {
                    let other = match sextet {
                        62 => Set::of(b'-'),
                        63 => Set::of(b'_'),
                        _ => Set::EMPTY,
                    };
                    set.with(Set::of(*character)).with(other)
                }),
        }
    }
}

impl fmt::Debug for Needle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Needle")
    }
}
