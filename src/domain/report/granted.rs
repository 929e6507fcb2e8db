//! Granted items with the uses that count for each.

use std::collections::BTreeSet;

use super::account::Used;
use super::fold::Place;
use super::lanes::RunAccount;
use super::tighter::{Seen, of_files, together};
use crate::base::clock::Timestamp;
use crate::domain::files::{UsedPath, may_touch};
use crate::domain::run::PathText;
use crate::domain::scope::{FilesystemItem, ScopeItem, Target, covers};

/// Items, each with its uses, and the uses that count for none.
#[derive(Clone, Debug, Default)]
pub(super) struct Granted {
    items: Vec<ScopeItem>,
    tallies: Vec<Tally>,
    unplaced: Tally,
}

/// The uses of one item.
#[derive(Clone, Debug, Default)]
struct Tally {
    count: u64,
    span: Option<(Place, Place)>,
    targets: Vec<(String, u64)>,
    further: u64,
    seen: Seen,
    files: Files,
}

/// Which patterns of a filesystem item were touched.
#[derive(Clone, Debug, Default)]
struct Files {
    touched: BTreeSet<String>,
    /// Somebody may have touched what nobody saw.
    unwatched: bool,
}

impl Granted {
    /// Adds an item unless it is there, and says where it is.
    pub(super) fn grant(&mut self, item: &ScopeItem) -> usize {
        if let Some(slot) = self.items.iter().position(|have| have == item) {
            return slot;
        }
        self.items.push(item.clone());
        self.tallies.push(Tally::default());
        self.items.len() - 1
    }

    /// The granted item that a token's item is within: the same one, or else the first that covers it.
    pub(super) fn slot(&self, item: &ScopeItem) -> Option<usize> {
        self.items.iter().position(|have| have == item).or_else(|| covers(&self.items, item))
    }

    /// The first granted item that allows the target.
    pub(super) fn allowing(&self, target: &Target) -> Option<usize> {
        self.items.iter().position(|item| item.allows(target))
    }

    pub(super) fn item(&self, slot: Option<usize>) -> Option<&ScopeItem> {
        self.items.get(slot?)
    }

    /// Counts a use for the item in `slot`.
    pub(super) fn count(&mut self, slot: Option<usize>, place: Place, target: &str) {
        let tally = slot.and_then(|slot| self.tallies.get_mut(slot)).unwrap_or(&mut self.unplaced);
        tally.add(place, target);
    }

    /// Marks which patterns were touched in the run that files were granted to. Without one, or where not all was seen, any may have been.
    pub(super) fn touch(&mut self, run: Option<&RunAccount>) {
        let files =
            run.and_then(|run| run.files.as_ref()).filter(|files| files.unseen == 0 && files.further == 0);
        let workspace = run.and_then(|run| run.workspace.as_ref()).map(PathText::as_str);
        for (item, tally) in self.items.iter().zip(&mut self.tallies) {
            let ScopeItem::Filesystem(item) = item else { continue };
            match files {
                Some(files) => tally.files.touched.extend(touched(item, &files.used, workspace)),
                None => tally.files.unwatched = true,
            }
        }
    }

    /// When it was last used.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.tallies.iter().filter_map(|tally| tally.span).map(|(_, last)| last.at).max()
    }

    /// Whether a file was seen to be touched.
    pub(super) fn touched(&self) -> bool {
        self.tallies.iter().any(|tally| !tally.files.touched.is_empty())
    }

    /// Whether these are all the items, in whatever order.
    pub(super) fn is(&self, items: &[ScopeItem]) -> bool {
        self.items.len() == items.len() && self.items.iter().all(|item| items.contains(item))
    }

    /// The items that would have been enough; `None` when nothing is known to have been used, or something of which no grant is known.
    pub(super) fn tighter(&self) -> Option<Vec<ScopeItem>> {
        let counted = self.tallies.iter().any(|tally| tally.count > 0);
        if self.unplaced.count > 0 || !(counted || self.touched()) {
            return None;
        }
        let pairs = || self.items.iter().zip(&self.tallies);
        let files: Vec<ScopeItem> = pairs().filter_map(|(item, tally)| tally.files.needed(item)).collect();
        let uses =
            pairs().filter(|(_, tally)| tally.count > 0).map(|(item, tally)| (item, tally.seen.lines()));
        together(&uses.chain(files.iter().map(|item| (item, None))).collect::<Vec<_>>())
    }

    /// Adds what another approval granted, and how it was used.
    pub(super) fn merge(&mut self, other: &Self) {
        for (item, tally) in other.items.iter().zip(&other.tallies) {
            let slot = self.grant(item);
            if let Some(mine) = self.tallies.get_mut(slot) {
                mine.merge(tally);
            }
        }
        self.unplaced.merge(&other.unplaced);
    }

    /// Granted, used, never used: the first is the other two together.
    pub(super) fn finish(self) -> (Vec<ScopeItem>, Vec<Used>, Vec<ScopeItem>) {
        let (mut used, mut never_used) = (Vec::new(), Vec::new());
        for (item, tally) in self.items.iter().zip(self.tallies) {
            match tally.finish(Some(item.clone())) {
                Some(row) => used.push(row),
                None => never_used.push(item.clone()),
            }
        }
        used.extend(self.unplaced.finish(None));
        (self.items, used, never_used)
    }
}

impl Tally {
    fn add(&mut self, place: Place, target: &str) {
        self.count += 1;
        self.span = Some(joined(self.span, (place, place)));
        self.seen.add(target);
        self.aim(target, 1);
    }

    fn aim(&mut self, target: &str, uses: u64) {
        if let Some((_, count)) = self.targets.iter_mut().find(|(have, _)| have == target) {
            *count += uses;
        } else if self.targets.len() < super::MAX_TARGETS {
            self.targets.push((target.to_owned(), uses));
        } else {
            self.further += uses;
        }
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.further += other.further;
        self.seen.merge(&other.seen);
        self.files.touched.extend(other.files.touched.iter().cloned());
        self.files.unwatched |= other.files.unwatched;
        if let Some(span) = other.span {
            self.span = Some(joined(self.span, span));
        }
        for (target, uses) in &other.targets {
            self.aim(target, *uses);
        }
    }

    fn finish(self, item: Option<ScopeItem>) -> Option<Used> {
        let (first, last) = self.span?;
        let (first_at, last_at): (Timestamp, Timestamp) = (first.at, last.at);
        Some(Used {
            item,
            count: self.count,
            first: first_at,
            last: last_at,
            targets: self.targets.into_iter().map(|(target, _)| target).collect(),
            further: self.further,
            first_index: first.index,
            last_index: last.index,
        })
    }
}

impl Files {
    /// The item with what of it was touched, or as a whole where nobody watched.
    fn needed(&self, item: &ScopeItem) -> Option<ScopeItem> {
        let known = matches!(item, ScopeItem::Filesystem(_)) && !self.unwatched;
        match (self.unwatched, known && !self.touched.is_empty()) {
            (true, _) => Some(item.clone()),
            (false, true) => Some(of_files(item, &self.touched)),
            (false, false) => None,
        }
    }
}

/// The patterns of the item that one of these lines may lie within.
fn touched(item: &FilesystemItem, used: &[UsedPath], workspace: Option<&str>) -> Vec<String> {
    let lines = || used.iter().filter(|line| line.access == item.access());
    item.paths().filter(|path| lines().any(|line| may_touch(line, path, workspace))).collect()
}

fn joined(have: Option<(Place, Place)>, more: (Place, Place)) -> (Place, Place) {
    have.map_or(more, |(first, last)| (first.min(more.0), last.max(more.1)))
}
