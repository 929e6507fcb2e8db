//! How many failed authentications are put on record: so many a minute, whoever knocks.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::base::clock::Timestamp;

/// Entries a window.
const MOST: u32 = 30;
/// The window.
const WINDOW: Duration = Duration::from_mins(1);

/// Admits [`MOST`] events in each window of [`WINDOW`].
#[derive(Debug, Default)]
pub(super) struct Bound(Mutex<Option<Open>>);

#[derive(Debug)]
struct Open {
    until: Timestamp,
    admitted: u32,
}

impl Bound {
    /// Whether one more is admitted at `now`.
    pub(super) fn admits(&self, now: Timestamp) -> bool {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(window) = open.as_mut().filter(|window| now < window.until) else {
            *open = Some(Open { until: now.plus(WINDOW), admitted: 1 });
            return true;
        };
        window.admitted = window.admitted.saturating_add(1);
        window.admitted <= MOST
    }
}

#[cfg(test)]
mod tests {
    use super::{Bound, MOST, Timestamp, WINDOW};

    #[test]
    fn a_flood_is_admitted_up_to_the_bound_of_each_window() {
        let (bound, start) = (Bound::default(), Timestamp::from_seconds(1_000));
        let admitted = |at: Timestamp| (0..1_000).filter(|_| bound.admits(at)).count();
        assert_eq!(admitted(start), MOST as usize);
        assert_eq!(admitted(start.plus(WINDOW)), MOST as usize);
    }
}
