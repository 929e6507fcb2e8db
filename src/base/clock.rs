//! Time as a parameter.
//!
//! Exeat's time never goes back: a wall clock that is stepped back is overruled by the monotonic one, so
//! nothing outlives its life (design §14). A wall clock that is stepped forward is believed, which ends
//! things early rather than late.

use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A moment: microseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch: the `NumericDate` of RFC 7519 §2.
    #[must_use]
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// From whole seconds since the Unix epoch.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// This moment plus `duration`, saturating at the end of time.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How long until `later`; zero when it has passed.
    #[must_use]
    pub fn until(self, later: Self) -> Duration {
        Duration::from_micros(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with microseconds, for example `2026-11-23T20:15:11.000000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => write!(f, "{time:.6}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl From<Timestamp> for String {
    fn from(value: Timestamp) -> Self {
        value.to_string()
    }
}

impl TryFrom<String> for Timestamp {
    type Error = jiff::Error;

    fn try_from(value: String) -> Result<Self, Self::Error> {
        value.parse::<jiff::Timestamp>().map(|time| Self(time.as_microsecond()))
    }
}

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The time now. Never earlier than an answer given before.
    fn now(&self) -> Timestamp;
}

/// The machine's clocks, joined so that time does not go back.
#[derive(Debug)]
pub struct SystemClock {
    anchor: Mutex<(Timestamp, Instant)>,
}

impl SystemClock {
    /// A clock that starts no earlier than `floor`: the last time this installation has recorded.
    #[must_use]
    pub fn starting_at(floor: Timestamp) -> Self {
        Self { anchor: Mutex::new((wall().max(floor), Instant::now())) }
    }

    /// How far the wall clock is behind (negative) or ahead of the time this clock gives.
    #[must_use]
    pub fn wall_offset_micros(&self) -> i64 {
        wall().0.saturating_sub(self.now().0)
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let mut anchor = self.anchor.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let steady = anchor.0.plus(anchor.1.elapsed());
        let wall = wall();
        if wall > steady {
            *anchor = (wall, Instant::now());
            return wall;
        }
        steady
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// A clock that stands still until told to move. For tests and benches.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock showing `now`.
    #[must_use]
    pub const fn at(now: Timestamp) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now = now.plus(by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
