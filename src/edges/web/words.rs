//! Moments, spans and ends, as people say them.

use std::time::Duration;

use jiff::{SignedDuration, SignedDurationRound, Unit};

use crate::base::clock::Timestamp;
use crate::domain::run::{EndCause, RunEnd};

/// A moment: exactly, and from now.
pub(super) struct Moment {
    /// As machines read it (RFC 3339).
    pub(super) exact: String,
    /// To the second.
    pub(super) seconds: String,
    /// How far from now, without saying in which direction.
    pub(super) away: String,
}

impl Moment {
    pub(super) fn of(at: Timestamp, now: Timestamp) -> Self {
        let exact = at.to_string();
        let seconds = exact.split(['.', 'Z']).next().unwrap_or_default().replace('T', " ");
        let away = if at < now { at.until(now) } else { now.until(at) };
        Self { seconds: format!("{seconds} UTC"), exact, away: span(away) }
    }
}

/// A span to two units, as `1h 5m`; under a minute to the second.
pub(super) fn span(span: Duration) -> String {
    let whole = SignedDuration::from_secs(i64::try_from(span.as_secs()).unwrap_or(i64::MAX));
    let unit = match whole.as_hours() {
        24.. => Unit::Hour,
        _ if whole.as_mins() > 0 => Unit::Minute,
        _ => Unit::Second,
    };
    let rounded = whole.round(SignedDurationRound::new().smallest(unit)).unwrap_or(whole);
    format!("{rounded:#}")
}

/// How a run ended.
pub(super) fn end(end: RunEnd) -> String {
    let code = || end.exit.map(|code| format!(" {code}")).unwrap_or_default();
    match end.cause {
        EndCause::Exited => format!("ended by itself, with code{}", code()),
        EndCause::Signalled => format!("ended by signal{}", code()),
        EndCause::Interrupted => "ended by the person at the terminal".to_owned(),
        EndCause::AgentCrashed => "could not go on".to_owned(),
        EndCause::ShimCrashed => "its shim could not go on".to_owned(),
        EndCause::Timeout => "its time was up".to_owned(),
        EndCause::BrokerStopped => "the broker stopped".to_owned(),
        EndCause::AgentRemoved => "its agent was removed".to_owned(),
        EndCause::Abandoned => "went away without a word".to_owned(),
        EndCause::Unknown => "ended, and nobody knows how".to_owned(),
    }
}
