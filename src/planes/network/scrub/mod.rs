//! Masking a secret in what an upstream answers, as it streams by (E02, E03).
//!
//! A [`Scrubber`] is fed the pieces of a stream and gives them out again with every occurrence of its [`Needle`] masked at equal
//! length: as text, base64 at any alignment or hex, each character in any spelling that [`spelling`] knows. Where the pieces are cut
//! does not matter. It waits for nothing, writes nothing and knows no protocol: pieces may be chunks, frames of HTTP/2 or the
//! payloads of WebSocket messages; the text of an event stream is looked at a second time without what stands between its lines.
//!
//! What may be the beginning of the secret is held back until that is certain. Of a [`Scrubber::live`] stream, in which the next piece
//! may be long in coming, it is held back from the fourth symbol on: fewer pass, and are remembered.

mod events;
mod needle;
mod seek;
mod sieve;
mod spelling;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use self::events::Events;
pub use self::needle::Needle;
use self::seek::Found;
use self::sieve::{Sieve, WINDOW};

/// From so many symbols on, what only may be the secret is held back although that could stall a stream.
const TELLING: usize = 4;
/// Behind so many bytes of an event stream nobody waits any longer for a line that goes on.
const LONGEST_WAIT: usize = 64 * 1024;
/// Making the sieve takes as long as looking at so many bytes without it.
const WORTH_A_SIEVE: usize = 8 * 1024;

/// Masks one secret in one stream.
pub struct Scrubber {
    needle: Arc<Needle>,
    sieve: Option<Sieve>,
    events: Option<Events>,
    /// From how many symbols on what may be the secret is held back.
    telling: usize,
    /// The stream from the first byte on that may belong to the secret.
    kept: Vec<u8>,
    /// How much of that was given out.
    given: usize,
    /// What is masked in what is kept.
    edits: BTreeMap<usize, u8>,
    seen: usize,
    masked: u64,
}

/// What a look at what is kept came to.
#[derive(Clone, Copy)]
struct Seen {
    /// From here on bytes may belong to the secret.
    open: usize,
    /// From here on they are held back.
    held: usize,
}

impl Scrubber {
    /// For a stream of which all will come without anybody's doing: whatever may be the secret is held back.
    #[must_use]
    pub fn whole(needle: Arc<Needle>) -> Self {
        Self {
            needle,
            sieve: None,
            events: None,
            telling: 0,
            kept: Vec::new(),
            given: 0,
            edits: BTreeMap::new(),
            seen: 0,
            masked: 0,
        }
    }

    /// For a stream that must not stall.
    #[must_use]
    pub fn live(needle: Arc<Needle>) -> Self {
        Self { telling: TELLING, ..Self::whole(needle) }
    }

    /// For an event stream (`text/event-stream`).
    #[must_use]
    pub fn events(needle: Arc<Needle>) -> Self {
        Self { events: Some(Events::default()), ..Self::live(needle) }
    }

    /// Takes the next piece; gives what can go out. No byte is added and none is lost.
    pub fn feed(&mut self, piece: Bytes) -> Bytes {
        self.seen = self.seen.saturating_add(piece.len());
        if self.sieve.is_none() && self.seen > WORTH_A_SIEVE && self.needle.len() >= WINDOW {
            self.sieve = Some(Sieve::new(&self.needle));
        }
        if self.kept.is_empty() && self.events.is_none() {
            let seen = self.look(&piece, false);
            if self.edits.is_empty() {
                self.kept = piece.get(seen.open..).unwrap_or_default().to_vec();
                self.given = seen.held - seen.open;
                return piece.slice(..seen.held);
            }
            self.kept = piece.to_vec();
            return self.give(seen);
        }
        if let Some(events) = &mut self.events {
            events.read(&piece, self.kept.len());
        }
        self.kept.extend_from_slice(&piece);
        let seen = self.look_at_kept(false);
        self.give(seen)
    }

    /// The stream is over; gives what was held back.
    pub fn finish(&mut self) -> Bytes {
        let seen = self.look_at_kept(true);
        self.give(seen)
    }

    /// How many times the secret was masked.
    #[must_use]
    pub const fn masked(&self) -> u64 {
        self.masked
    }

    /// How many bytes are held back.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.kept.len().saturating_sub(self.given)
    }

    /// What is looked for.
    #[must_use]
    pub const fn needle(&self) -> &Arc<Needle> {
        &self.needle
    }

    fn look_at_kept(&mut self, over: bool) -> Seen {
        let kept = std::mem::take(&mut self.kept);
        let seen = self.look(&kept, over);
        let seen = if self.events.is_some() { self.look_at_events(&kept, over, seen) } else { seen };
        self.kept = kept;
        seen
    }

    fn look(&mut self, view: &[u8], over: bool) -> Seen {
        let mut found = Vec::new();
        let seen = search((&self.needle, self.sieve.as_ref()), view, (over, self.telling), &mut found);
        self.mask(found);
        seen
    }

    /// Looks once more, at the text of the events alone.
    fn look_at_events(&mut self, kept: &[u8], over: bool, seen: Seen) -> Seen {
        let places = self.events.as_ref().map(Events::places).unwrap_or_default();
        let text: Vec<u8> = places.iter().filter_map(|place| kept.get(*place).copied()).collect();
        let mut found = Vec::new();
        let own = search((&self.needle, None), &text, (over, self.telling), &mut found);
        let place = |at: usize| places.get(at).copied().unwrap_or(kept.len());
        let own = Seen { open: place(own.open), held: place(own.held) };
        let is_stale = kept.len() - own.open > LONGEST_WAIT.max(kept.len() / 2);
        let seen = if is_stale {
            seen
        } else {
            Seen { open: seen.open.min(own.open), held: seen.held.min(own.held) }
        };
        for edits in &mut found {
            for (at, _) in edits {
                *at = place(*at);
            }
        }
        self.mask(found);
        seen
    }

    /// What was found is counted when it is new: while its end is near, a place is looked at more than once.
    fn mask(&mut self, found: Vec<Vec<(usize, u8)>>) {
        for edits in found {
            let known = self.edits.len();
            for (at, byte) in edits {
                self.edits.entry(at).or_insert(byte);
            }
            self.masked += u64::from(self.edits.len() > known);
        }
    }

    /// Gives out what is not held back, and forgets what nothing can depend on any more.
    fn give(&mut self, seen: Seen) -> Bytes {
        let held = seen.held.max(self.given);
        let open = seen.open.min(held);
        let mut out = self.kept.get(self.given..held).unwrap_or_default().to_vec();
        for (at, byte) in self.edits.range(self.given..held) {
            if let Some(place) = out.get_mut(at - self.given) {
                *place = *byte;
            }
        }
        self.kept.drain(..open);
        self.edits = self.edits.split_off(&open).into_iter().map(|(at, byte)| (at - open, byte)).collect();
        self.given = held - open;
        if let Some(events) = &mut self.events {
            events.forget(open);
        }
        out.into()
    }
}

/// Adds to `found` what is to be masked for each occurrence. They may overlap; then all are masked.
fn search(
    (needle, sieve): (&Needle, Option<&Sieve>),
    view: &[u8],
    (over, telling): (bool, usize),
    found: &mut Vec<Vec<(usize, u8)>>,
) -> Seen {
    let mut seen = Seen { open: view.len(), held: view.len() };
    let beginnings = seek::beginnings(needle);
    let mut at = 0;
    loop {
        at = sieve.map_or(at, |sieve| sieve.next(view, at));
        let Some(byte) = view.get(at) else { return seen };
        // No way to write it down is shorter than itself.
        if over && view.len() - at < needle.len() {
            return seen;
        }
        let here = Some(at).filter(|_| beginnings.has(*byte));
        for (track, what) in here.into_iter().flat_map(|at| seek::on_all_tracks(needle, view, at, over)) {
            match what {
                Found::Nothing => {}
                Found::Begun(symbols) => {
                    seen.open = seen.open.min(at);
                    seen.held = seen.held.min(if symbols >= telling { at } else { view.len() });
                }
                Found::Whole(spans) => {
                    let mut edits = Vec::new();
                    seek::masked(needle, track, view, &spans, |at, byte| edits.push((at, byte)));
                    found.push(edits);
                }
            }
        }
        at += 1;
    }
}

/// `text` with the secret masked; `None` when it is not in there.
#[must_use]
pub fn masked(needle: &Needle, text: &[u8]) -> Option<Vec<u8>> {
    let mut found = Vec::new();
    search((needle, None), text, (true, 0), &mut found);
    let mut out = (!found.is_empty()).then(|| text.to_vec())?;
    for (at, byte) in found.into_iter().flatten() {
        if let Some(place) = out.get_mut(at) {
            *place = byte;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests;
