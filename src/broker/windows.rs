//! How much is put on record a minute for each who sends it: failed authentications by listener, reports by layer (J12).

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::base::clock::Timestamp;

/// The window.
const WINDOW: Duration = Duration::from_mins(1);

/// Admits so many for each key in each window of [`WINDOW`].
#[derive(Debug)]
pub(super) struct Windows<K> {
    most: usize,
    open: Mutex<HashMap<K, Open>>,
}

#[derive(Debug)]
struct Open {
    until: Timestamp,
    admitted: usize,
}

impl<K: Eq + Hash> Windows<K> {
    /// Admits `most`. There are only so many keys: what a stranger sends is none.
    pub(super) fn of(most: usize) -> Self {
        Self { most, open: Mutex::default() }
    }

    /// Whether `times` more for `key` are admitted at `now`.
    pub(super) fn admits(&self, key: K, times: usize, now: Timestamp) -> bool {
        let mut keys = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Open { until: now.plus(WINDOW), admitted: 0 };
        let open = keys.entry(key).or_insert_with(fresh);
        if now >= open.until {
            *open = fresh();
        }
        open.admitted = open.admitted.saturating_add(times);
        open.admitted <= self.most
    }
}

#[cfg(test)]
mod tests {
    use super::{Timestamp, WINDOW, Windows};

    #[test]
    fn j12_a_flood_is_admitted_up_to_the_bound_of_each_window_and_key() {
        let (windows, start) = (Windows::of(30), Timestamp::from_seconds(1_000));
        let admitted = |at: Timestamp| (0..1_000).filter(|_| windows.admits("proxy", 1, at)).count();
        assert_eq!(admitted(start), 30);
        assert!(windows.admits("review", 30, start), "a flood at one door hides nothing at another");
        assert!(!windows.admits("review", 1, start));
        assert_eq!(admitted(start.plus(WINDOW)), 30);
    }
}
