//! Whether the secret begins at one place of a text: symbol by symbol, each in whichever spelling.

use super::needle::{Needle, Opening, Symbol, Track};
use super::spelling::{self, INTRODUCERS, Set};

/// Where one symbol stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: usize,
    pub(super) to: usize,
}

/// What is found at one place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Something else.
    Nothing,
    /// What may be the secret, if the text goes on with it, and so many symbols of it are here.
    Begun(usize),
    /// All of it.
    Whole(Vec<Span>),
}

/// How many characters that mean nothing may stand between two symbols.
const MOST_SKIPPED: usize = 4;

/// What may stand between two symbols: one zero of UTF-16, and between digits line breaks.
pub(super) fn between(track: Track) -> Set {
    match track {
        Track::Text => Set::of(0),
        Track::Hex | Track::Base64(_) => Set::of(0).with(Set::of(b'\n')).with(Set::of(b'\r')),
    }
}

/// What the secret can begin with, in whichever spelling.
pub(super) fn beginnings(needle: &Needle) -> Set {
    needle.tracks().fold(INTRODUCERS, |set, (_, opening)| set.with(opening.first))
}

/// Looks for the secret on `track`, which begins with `opening`, at `start`. Nothing follows the view when it is `over`.
///
/// What is found does not change when more of the text is seen, but for `Begun`.
pub(super) fn at(
    (needle, track, opening): (&Needle, Track, Opening),
    view: &[u8],
    start: usize,
    over: bool,
) -> Found {
    let not_plain = INTRODUCERS.with(between(track));
    if is_plainly_other(needle, (track, opening), view, start, not_plain) {
        return Found::Nothing;
    }
    let mut reading = Reading { track, view, steps: Vec::new(), begun: None };
    if reading.ends(start, opening.first, 0).is_empty() && reading.begun.is_none() {
        return Found::Nothing;
    }
    reading.read(needle, start, over)
}

/// The quick no: symbols as themselves, up to one that is neither there nor could be spelled in another way.
fn is_plainly_other(
    needle: &Needle,
    (track, opening): (Track, Opening),
    view: &[u8],
    start: usize,
    not_plain: Set,
) -> bool {
    for (index, byte) in view.iter().skip(start).enumerate() {
        if not_plain.has(*byte) {
            return false;
        }
        // Most texts are something else at the first or second place, and to make a symbol takes longest.
        let is_here = match (index, opening.second) {
            (0, _) => Some(opening.first.has(*byte)),
            (1, Some(second)) => Some(second.has(*byte)),
            _ => needle.symbol(track, index).map(|symbol| symbol.is(*byte)),
        };
        match is_here {
            Some(true) => {}
            Some(false) => return true,
            None => return false,
        }
    }
    false
}

/// All readings of one place at once. There is more than one where an escape could also be meant as it is.
struct Reading<'a> {
    track: Track,
    view: &'a [u8],
    steps: Vec<Step>,
    /// How many symbols came before the latest place at which the view was too short.
    begun: Option<usize>,
}

#[derive(Clone, Copy)]
struct Step {
    span: Span,
    /// The step of the symbol before.
    before: Option<usize>,
}

impl Reading<'_> {
    fn read(mut self, needle: &Needle, start: usize, over: bool) -> Found {
        let mut fronts: Vec<(usize, Option<usize>)> = vec![(start, None)];
        for index in 0..needle.length(self.track) {
            let Some(class) = needle.symbol(self.track, index).map(Symbol::characters) else { break };
            let begins = self.steps.len();
            for (at, before) in fronts {
                let all = if index == 0 { vec![at] } else { self.past_what_is_skipped(at, index) };
                let spans = all.into_iter().flat_map(|from| {
                    self.ends(from, class, index).into_iter().map(move |to| Span { from, to })
                });
                let spans: Vec<Span> = spans.collect();
                for span in spans {
                    self.step(begins, Step { span, before });
                }
            }
            let ends = self.steps.iter().enumerate().skip(begins);
            fronts = ends.map(|(at, step)| (step.span.to, Some(at))).collect();
            if fronts.is_empty() {
                break;
            }
        }
        match self.begun {
            Some(symbols) if !over => Found::Begun(symbols),
            _ => self.longest(&fronts).map_or(Found::Nothing, Found::Whole),
        }
    }

    /// Two readings that end at the same place go on alike.
    fn step(&mut self, begins: usize, step: Step) {
        if self.steps.iter().skip(begins).all(|known| known.span.to != step.span.to) {
            self.steps.push(step);
        }
    }

    fn ends(&mut self, at: usize, class: Set, index: usize) -> Vec<usize> {
        let mut ends = Vec::new();
        let Some(byte) = self.view.get(at).copied() else {
            self.begun = Some(index);
            return ends;
        };
        let is_second_zero = byte == 0 && at.checked_sub(1).and_then(|at| self.view.get(at)) == Some(&0);
        if class.has(byte) && !is_second_zero {
            ends.push(at + 1);
        }
        if INTRODUCERS.has(byte) && spelling::all().read(self.view, at, class, |end| ends.push(end)) {
            self.begun = Some(index);
        }
        ends
    }

    fn past_what_is_skipped(&mut self, at: usize, index: usize) -> Vec<usize> {
        let (mut all, class) = (vec![at], between(self.track));
        let mut latest = vec![at];
        for _ in 0..MOST_SKIPPED {
            latest = latest.iter().flat_map(|at| self.ends(*at, class, index)).collect();
            latest.retain(|at| !all.contains(at));
            if latest.is_empty() {
                break;
            }
            all.extend_from_slice(&latest);
        }
        all
    }

    fn longest(&self, fronts: &[(usize, Option<usize>)]) -> Option<Vec<Span>> {
        let (_, mut at) = *fronts.iter().max_by_key(|(to, _)| *to)?;
        let mut spans = Vec::new();
        while let Some(step) = at.and_then(|at| self.steps.get(at)) {
            spans.push(step.span);
            at = step.before;
        }
        spans.reverse();
        (!spans.is_empty()).then_some(spans)
    }
}

/// What stands in the place of the symbols at `spans`. An escape by two hex digits stays one; of another, every byte is masked.
pub(super) fn masked(
    needle: &Needle,
    track: Track,
    view: &[u8],
    spans: &[Span],
    mut edit: impl FnMut(usize, u8),
) {
    for (index, span) in spans.iter().enumerate() {
        let Some(was) = view.get(span.from..span.to) else { continue };
        let mut into = vec![needle.mask(); was.len()];
        match was {
            [byte] => into = vec![needle.masked(track, index, *byte)],
            [b'%', high, low]
            | [b'%', b'2', b'5', high, low]
            | [b'\\', b'x', high, low]
            | [b'\\', b'u', b'0', b'0', high, low]
            | [b'\\', b'\\', b'u', b'0', b'0', high, low] => {
                let digits = [*high, *low].map(|digit| char::from(digit).to_digit(16).unwrap_or_default());
                let byte = u8::try_from(digits[0] * 16 + digits[1]).unwrap_or_default();
                let escaped = format!("{:02X}", needle.masked(track, index, byte));
                let head = was.len() - escaped.len();
                into = was.iter().take(head).copied().chain(escaped.into_bytes()).collect();
            }
            _ => {}
        }
        for (at, byte) in (span.from..).zip(into) {
            edit(at, byte);
        }
    }
}

/// Looks on all tracks for what begins at `start`.
pub(super) fn on_all_tracks(
    needle: &Needle,
    view: &[u8],
    start: usize,
    over: bool,
) -> impl Iterator<Item = (Track, Found)> {
    needle.tracks().map(move |(track, opening)| (track, at((needle, track, opening), view, start, over)))
}
