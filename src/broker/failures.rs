//! How many failed authentications are put on record: so many a minute and listener, whoever knocks (J12).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::base::clock::Timestamp;

/// Entries a window.
const MOST: u32 = 30;
/// The window.
const WINDOW: Duration = Duration::from_mins(1);

/// Admits [`MOST`] failures on each listener in each window of [`WINDOW`].
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<HashMap<&'static str, Open>>);

#[derive(Debug)]
struct Open {
    until: Timestamp,
    admitted: u32,
}

impl Failures {
    /// Whether one more on `listener` is admitted at `now`.
    pub(super) fn admits(&self, listener: &'static str, now: Timestamp) -> bool {
        let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Open { until: now.plus(WINDOW), admitted: 0 };
        let open = listeners.entry(listener).or_insert_with(fresh);
        if now >= open.until {
            *open = fresh();
        }
        open.admitted = open.admitted.saturating_add(1);
        open.admitted <= MOST
    }
}

#[cfg(test)]
mod tests {
    use super::{Failures, MOST, Timestamp, WINDOW};

    #[test]
    fn j12_a_flood_is_admitted_up_to_the_bound_of_each_window_and_listener() {
        let (failures, start) = (Failures::default(), Timestamp::from_seconds(1_000));
        let admitted = |at: Timestamp| (0..1_000).filter(|_| failures.admits("proxy", at)).count();
        assert_eq!(admitted(start), MOST as usize);
        assert!(failures.admits("review", start), "a flood at one door hides nothing at another");
        assert_eq!(admitted(start.plus(WINDOW)), MOST as usize);
    }
}
