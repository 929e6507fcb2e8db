//! What the proxy and the layers refuse to callers that nobody knows: counted by door and reason, one entry a minute at most, however much they send (J12).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Broker;
use crate::base::clock::Timestamp;
use crate::domain::ledger::Event;

/// The time from one entry to the next.
const WINDOW: Duration = Duration::from_mins(1);

/// Counts by door and reason. Both are words of the program, so that there are only so many.
type Counts = BTreeMap<(&'static str, &'static str), u64>;

/// What is counted and not on record yet.
#[derive(Debug, Default)]
pub(super) struct Strangers(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    counts: Counts,
    /// When the next entry may be.
    next: Option<Timestamp>,
}

impl Strangers {
    fn count(&self, door: &'static str, reason: &'static str, times: u64) {
        let mut inner = self.lock();
        let count = inner.counts.entry((door, reason)).or_default();
        *count = count.saturating_add(times);
    }

    /// What is to be written at `now`: what was counted, if there is anything and the last entry is a window ago.
    fn due(&self, now: Timestamp) -> Option<Counts> {
        let mut inner = self.lock();
        if inner.counts.is_empty() || inner.next.is_some_and(|next| now < next) {
            return None;
        }
        inner.next = Some(now.plus(WINDOW));
        Some(std::mem::take(&mut inner.counts))
    }

    /// The next entry may be at once.
    fn open(&self) {
        self.lock().next = None;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Broker {
    /// Counts one refusal of a caller that nobody knows. The first after a quiet minute is on record at once.
    pub(super) async fn stranger_refused(&self, door: &'static str, reason: &'static str) {
        self.count_refused(None, reason);
        self.strangers.count(door, reason, 1);
        self.tell_strangers().await;
    }

    /// Puts on record what was counted, one entry for each door, unless the last ones are too young.
    pub(super) async fn tell_strangers(&self) {
        let Some(counts) = self.strangers.due(self.now()) else { return };
        let mut doors: BTreeMap<&str, BTreeMap<String, u64>> = BTreeMap::new();
        for ((door, reason), count) in &counts {
            doors.entry(door).or_default().insert((*reason).to_owned(), *count);
        }
        let event =
            |(door, reasons): (&str, _)| Event::StrangersRefused { listener: door.to_owned(), reasons };
        let entries = doors.into_iter().map(|door| self.entry(event(door))).collect();
        if let Err(error) = self.parts.store.append(entries).await {
            tracing::warn!(%error, "refusals of unknown callers are not on record; they will be");
            for ((door, reason), count) in counts {
                self.strangers.count(door, reason, count);
            }
        }
    }

    /// Puts on record what is left to tell, and that the broker stops.
    ///
    /// # Errors
    /// When it cannot be.
    pub async fn stopped(&self) -> Result<(), crate::domain::problem::Problem> {
        self.strangers.open();
        self.tell_strangers().await;
        self.record(Event::Stopped {}).await
    }
}

#[cfg(test)]
mod tests {
    use super::{Strangers, Timestamp, WINDOW};

    #[test]
    fn j12_a_flood_is_one_entry_a_window_and_nothing_of_it_is_left_out() {
        let (strangers, start) = (Strangers::default(), Timestamp::from_seconds(1_000));
        let (mut entries, mut told) = (0, 0);
        for at in [start, start.plus(WINDOW / 2), start.plus(WINDOW), start.plus(WINDOW * 2)] {
            for _ in 0..1_000 {
                strangers.count("proxy", "host", 1);
                strangers.count("layer", "agent_key", 1);
                if let Some(counts) = strangers.due(at) {
                    entries += 1;
                    told += counts.values().sum::<u64>();
                }
            }
        }
        assert_eq!(entries, 3);
        strangers.open();
        let rest = strangers.due(start.plus(WINDOW * 2)).unwrap();
        assert_eq!(told + rest.values().sum::<u64>(), 8_000);
        assert!(strangers.due(start.plus(WINDOW * 9)).is_none(), "nothing is no entry");
    }
}
