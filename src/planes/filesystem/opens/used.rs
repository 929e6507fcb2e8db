//! What was opened, folded by access and place: bounded, whatever a run does.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use crate::domain::files::{Access, BELOW, MOST, MOST_BYTES, MOST_LINES, UsedFiles, UsedPath, length};
use crate::domain::inert::Inert;

/// Places remembered by name; beyond that, what is opened counts for the directory around it.
const MOST_PLACES: usize = 20_000;
/// The deepest place, and the longest path in characters, that are remembered by name.
const DEEPEST: usize = 32;
const LONGEST: usize = 512;

/// What a run opened.
#[derive(Default)]
pub(super) struct Used {
    root: Place,
    places: usize,
    /// Opens whose paths could not be read.
    unseen: u64,
}

/// How something was opened, and whether it counts for what is below a place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    access: Access,
    refused: bool,
    below: bool,
}

#[derive(Default)]
struct Place {
    counts: BTreeMap<Key, u64>,
    below: BTreeMap<String, Place>,
}

impl Used {
    /// Counts so many openings of an absolute path.
    pub(super) fn count(&mut self, access: Access, path: &Path, refused: bool, times: u64) {
        let (mut place, mut depth, mut length, mut below) = (&mut self.root, 0, 0, false);
        // Processes come and go by number: only what the walls forbid is told one by one.
        let deepest = if path.starts_with("/proc") && !refused { 1 } else { DEEPEST };
        for name in names(path) {
            let name = shown(&name.to_string_lossy());
            (depth, length) = (depth + 1, length + 1 + name.chars().count());
            below = depth > deepest || length > LONGEST;
            if !place.below.contains_key(name.as_str()) {
                below |= self.places >= MOST_PLACES;
                self.places += usize::from(!below);
            }
            if below {
                break;
            }
            place = place.below.entry(name).or_default();
        }
        *place.counts.entry(Key { access, refused, below }).or_default() += times;
    }

    /// Counts one opening of nobody knows what.
    pub(super) const fn count_unseen(&mut self) {
        self.unseen += 1;
    }

    /// As it is told: where there is too much of it, the deepest directories stand for what is below them.
    pub(super) fn folded(&self) -> UsedFiles {
        let mut lines = Lines::new();
        self.root.tell(&mut String::new(), &mut lines);
        while !fits(&lines) && fold_deepest(&mut lines) {}
        let lines: Vec<UsedPath> = lines.into_iter().filter_map(line).take(MOST_LINES).collect();
        UsedFiles::new(lines, self.unseen.min(MOST)).unwrap_or_default()
    }
}

/// Counts by access, outcome and path.
type Lines = BTreeMap<(Access, bool, String), u64>;

impl Place {
    fn tell(&self, path: &mut String, lines: &mut Lines) {
        for (key, count) in &self.counts {
            let shown = match (key.below, path.is_empty()) {
                (true, _) => format!("{path}{BELOW}"),
                (false, true) => "/".to_owned(),
                (false, false) => path.clone(),
            };
            *lines.entry((key.access, key.refused, shown)).or_default() += count;
        }
        for (name, place) in &self.below {
            let before = path.len();
            path.push('/');
            path.push_str(name);
            place.tell(path, lines);
            path.truncate(before);
        }
    }
}

fn fits(lines: &Lines) -> bool {
    lines.len() <= MOST_LINES && lines.keys().map(|(_, _, path)| length(path)).sum::<usize>() <= MOST_BYTES
}

/// Joins the lines of the greatest depth with their directory; false when all of it is one directory already.
fn fold_deepest(lines: &mut Lines) -> bool {
    let depth = |path: &str| path.trim_end_matches(BELOW).matches('/').count();
    let Some(at) = lines.keys().map(|(_, _, path)| depth(path)).max().filter(|depth| *depth > 0) else {
        return false;
    };
    let mut folded = Lines::new();
    for ((access, refused, mut path), count) in std::mem::take(lines) {
        if depth(&path) == at {
            let plain = path.trim_end_matches(BELOW);
            let directory = plain.rsplit_once('/').map_or("", |(directory, _)| directory);
            path = format!("{directory}{BELOW}");
        }
        *folded.entry((access, refused, path)).or_default() += count;
    }
    *lines = folded;
    true
}

fn line(((access, refused, path), count): ((Access, bool, String), u64)) -> Option<UsedPath> {
    Some(UsedPath { access, path: path.parse().ok()?, count: count.min(MOST), refused })
}

fn names(path: &Path) -> impl Iterator<Item = &std::ffi::OsStr> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name),
        _ => None,
    })
}

/// A name as it is shown: what a person could be misled by as `\u{…}`, a backslash and a star behind a backslash.
fn shown(name: &str) -> String {
    let plain = |c: char| c == ' ' || c.to_string().parse::<Inert<1>>().is_ok();
    let mut shown = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '\\' | '*' => shown.extend(['\\', c]),
            c if c.is_ascii_graphic() || plain(c) => shown.push(c),
            c => shown.extend(c.escape_unicode()),
        }
    }
    shown
}

#[cfg(test)]
mod tests;
