//! Granted items with the uses that count for each.

use super::account::Used;
use super::fold::Place;
use crate::base::clock::Timestamp;
use crate::domain::scope::{ScopeItem, Target, covers};

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

fn joined(have: Option<(Place, Place)>, more: (Place, Place)) -> (Place, Place) {
    have.map_or(more, |(first, last)| (first.min(more.0), last.max(more.1)))
}
