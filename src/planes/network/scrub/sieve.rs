//! Goes past what cannot hold the secret, seven bytes at a time.
//!
//! Wherever the secret begins, on whichever track and in whichever spelling, its first eight bytes are made of pairs that are on a
//! list. So of a window of eight bytes the last pair is looked up first: if it is not on the list, the secret begins behind it.

use super::needle::{Needle, Symbol, TRACKS};
use super::seek::between;
use super::spelling::{self, INTRODUCERS, Set};

/// Bytes of a window. A secret that is shorter is not looked for in this way.
pub(super) const WINDOW: usize = 8;

/// Pairs of bytes, as bits.
struct Pairs(Vec<u64>);

/// The list.
pub(super) struct Sieve {
    within: Pairs,
    /// Those it can begin with.
    at_start: Pairs,
}

impl Sieve {
    pub(super) fn new(needle: &Needle) -> Self {
        let (mut within, mut at_start) = (Pairs::none(), Pairs::none());
        for track in TRACKS {
            let skipped = between(track);
            let symbols: Vec<Set> =
                (0..WINDOW).filter_map(|index| needle.symbol(track, index).map(Symbol::characters)).collect();
            for class in symbols.iter().chain([&skipped]) {
                within.add_escapes(*class, usize::MAX);
            }
            within.add(lasts(skipped), firsts(skipped));
            for (one, next) in symbols.iter().zip(symbols.iter().skip(1)) {
                let (ends, begins) = (lasts(*one), firsts(*next));
                within.add(ends, begins.with(firsts(skipped)));
                within.add(lasts(skipped), begins);
            }
            if let [first, second, ..] = symbols.as_slice() {
                at_start.add(*first, firsts(*second).with(firsts(skipped)));
                at_start.add_escapes(*first, 1);
            }
        }
        // There is never more than one zero.
        within.remove(0, 0);
        Self { within, at_start }
    }

    /// The first place from `at` on where the secret may begin, or one so near the end that no window fits.
    pub(super) fn next(&self, view: &[u8], mut at: usize) -> usize {
        while let Some(window) = view.get(at..).and_then(<[u8]>::first_chunk) {
            let window = u64::from_le_bytes(*window);
            at += match () {
                () if !self.within.has(window >> 48) => 7,
                () if !self.within.has((window >> 32) & 0xffff) => 5,
                () if !self.within.has((window >> 16) & 0xffff) => 3,
                () if !self.at_start.has(window & 0xffff) => 1,
                () => return at,
            };
        }
        at
    }
}

impl Pairs {
    fn none() -> Self {
        Self(vec![0; 1 << 10])
    }

    fn has(&self, pair: u64) -> bool {
        let word = usize::try_from(pair >> 6).ok().and_then(|at| self.0.get(at));
        word.is_some_and(|word| (word >> (pair & 63)) & 1 == 1)
    }

    fn word(&mut self, one: u8, next: u8) -> Option<(&mut u64, u64)> {
        let pair = u64::from(one) | (u64::from(next) << 8);
        let word = usize::try_from(pair >> 6).ok().and_then(|at| self.0.get_mut(at))?;
        Some((word, 1 << (pair & 63)))
    }

    fn add_one(&mut self, one: u8, next: u8) {
        if let Some((word, bit)) = self.word(one, next) {
            *word |= bit;
        }
    }

    fn remove(&mut self, one: u8, next: u8) {
        if let Some((word, bit)) = self.word(one, next) {
            *word &= !bit;
        }
    }

    fn add(&mut self, ones: Set, nexts: Set) {
        for one in ones.bytes() {
            for next in nexts.bytes() {
                self.add_one(one, next);
            }
        }
    }

    /// The first `count` pairs of every escape of `class`.
    fn add_escapes(&mut self, class: Set, count: usize) {
        for spelling in class.bytes().flat_map(|byte| spelling::all().of(byte)) {
            for (one, next) in spelling.iter().zip(spelling.iter().skip(1)).take(count) {
                self.add_one(*one, *next);
            }
        }
    }
}

fn firsts(class: Set) -> Set {
    class.with(INTRODUCERS)
}

fn lasts(class: Set) -> Set {
    let escapes = class.bytes().flat_map(|byte| spelling::all().of(byte));
    escapes.filter_map(|spelling| spelling.last()).fold(class, |set, last| set.with(Set::of(*last)))
}
