//! Paths, and what they have in common.
//!
//! What is merged, exactly: rows of segments of one length that agree in all places but one. That place becomes `*` when more than one
//! value was seen there and each looks like an id (it has a digit and is no version like `v1`), or when more than [`LISTED`] were.
//! Words tell one operation from another (`/user/keys`, `/user/emails`) and are listed. Later places are looked at first, because
//! what comes later hangs below what comes before. Nothing is merged into `**`, and nothing that would not be within the grant.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// So many values of one place are listed, whatever they look like.
pub(super) const LISTED: usize = 16;
/// Longer paths are taken as they are.
const MAX_PLACES: usize = 32;

/// A row of segments; `None` stands for any one that is not empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pattern(Vec<Option<String>>);

/// Which values of one place are taken for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Merge {
    /// Ids, and what is too many to list.
    Ids,
    /// Only what is too many to list.
    Many,
}

impl Pattern {
    /// Of a path from the root.
    pub(super) fn of_path(path: &str) -> Option<Self> {
        path.strip_prefix('/').map(Self::of)
    }

    /// Of anything between slashes. A segment that reads as a pattern can only be said by one.
    pub(super) fn of(text: &str) -> Self {
        let segment = |part: &str| (!part.contains('*')).then(|| part.to_owned());
        Self(text.split('/').map(segment).collect())
    }

    /// The path without its last segments, if it ends in these.
    pub(super) fn without(&self, last: &[&str]) -> Option<Self> {
        let cut = self.0.len().checked_sub(last.len())?;
        let (head, tail) = self.0.split_at_checked(cut)?;
        let same = tail.iter().zip(last).all(|(part, last)| part.as_deref() == Some(*last));
        (same && !head.is_empty()).then(|| Self(head.to_vec()))
    }

    /// Whether `other` is one of those that this stands for.
    pub(super) fn contains(&self, other: &Self) -> bool {
        let within = |(mine, theirs): (&Option<String>, &Option<String>)| match mine {
            None => theirs.as_deref() != Some(""),
            Some(_) => mine == theirs,
        };
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(within)
    }

    fn at(&self, place: usize) -> Option<&str> {
        self.0.get(place)?.as_deref().filter(|part| !part.is_empty())
    }

    /// The same with any segment in this place.
    fn open_at(&self, place: usize) -> Self {
        let open = |(index, part): (usize, &Option<String>)| part.clone().filter(|_| index != place);
        Self(self.0.iter().enumerate().map(open).collect())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<&str> = self.0.iter().map(|part| part.as_deref().unwrap_or("*")).collect();
        f.write_str(&parts.join("/"))
    }
}

/// The patterns that stand for these paths, none within another. `fits` says whether a pattern is within the grant.
pub(super) fn merged(
    mut patterns: BTreeSet<Pattern>,
    how: Merge,
    fits: &dyn Fn(&Pattern) -> bool,
) -> BTreeSet<Pattern> {
    // Each round takes at least one pattern away.
    while let Some(next) = round(&patterns, how, fits) {
        patterns = next;
    }
    let spare = |one: &Pattern| patterns.iter().any(|other| other != one && other.contains(one));
    patterns.iter().filter(|one| !spare(one)).cloned().collect()
}

/// Merges in the last place where that is possible; `None` when there is none.
fn round(
    patterns: &BTreeSet<Pattern>,
    how: Merge,
    fits: &dyn Fn(&Pattern) -> bool,
) -> Option<BTreeSet<Pattern>> {
    let longest = patterns.iter().map(|one| one.0.len()).filter(|length| *length <= MAX_PLACES).max()?;
    (0..longest).rev().find_map(|place| {
        let mut alike: BTreeMap<Pattern, BTreeSet<&Pattern>> = BTreeMap::new();
        for one in patterns.iter().filter(|one| one.0.len() <= MAX_PLACES && one.at(place).is_some()) {
            let _ = alike.entry(one.open_at(place)).or_default().insert(one);
        }
        alike.retain(|open, members| {
            let values: Vec<&str> = members.iter().filter_map(|one| one.at(place)).collect();
            let ids = how == Merge::Ids && values.iter().all(|value| looks_like_an_id(value));
            values.len() > 1 && (ids || values.len() > LISTED) && fits(open)
        });
        if alike.is_empty() {
            return None;
        }
        let merged: BTreeSet<&Pattern> = alike.values().flatten().copied().collect();
        let kept = patterns.iter().filter(|one| !merged.contains(one)).cloned();
        Some(kept.chain(alike.keys().cloned()).collect())
    })
}

fn looks_like_an_id(value: &str) -> bool {
    let version =
        value.strip_prefix('v').is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
    !version && value.bytes().any(|b| b.is_ascii_digit())
}
