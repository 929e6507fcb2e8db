//! Times as people type them: a moment, or how long ago.

use crate::base::clock::{Clock as _, SystemClock, Timestamp};

/// Reads a moment (RFC 3339) or a time before now (`90s`, `2h`, `7d`).
///
/// # Errors
/// A sentence for the person who typed it.
pub(crate) fn moment_or_ago(text: &str) -> Result<Timestamp, String> {
    if let Ok(moment) = Timestamp::try_from(text.to_owned()) {
        return Ok(moment);
    }
    let bad = || "expected a moment like 2026-11-23T20:00:00Z, or how long ago: 90s, 30m, 2h, 7d".to_owned();
    let (digits, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(bad)?;
    let count: i64 = digits.parse().map_err(|_| bad())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(bad()),
    };
    let ago = count.checked_mul(seconds * 1_000_000).filter(|micros| *micros >= 0).ok_or_else(bad)?;
    let now = now().as_micros();
    Ok(Timestamp::from_micros(now.saturating_sub(ago)))
}

/// The time now, for the command line's own purposes.
#[must_use]
pub(crate) fn now() -> Timestamp {
    SystemClock::starting_at(Timestamp::from_micros(0)).now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_and_a_time_ago_are_read_and_nothing_else() {
        let moment = moment_or_ago("2026-11-23T20:00:00Z").unwrap();
        assert_eq!(moment.to_string(), "2026-11-23T20:00:00.000000Z");
        let hour = now().as_micros() - moment_or_ago("1h").unwrap().as_micros();
        assert!((3_599_000_000..=3_601_000_000).contains(&hour), "{hour}");
        for bad in ["", "h", "1", "-1h", "1w", "yesterday", "9999999999999999d", "1\u{a0}h"] {
            assert!(moment_or_ago(bad).is_err(), "{bad}");
        }
    }
}
