//! How long and how often a grant was used, and the limits that would have sufficed.

use std::time::Duration;

use crate::base::clock::Timestamp;
use crate::domain::approval::Limits;

/// What the limits of a request have to cover.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    /// When the clock began to run: with the request, or as early as the entries tell.
    pub(crate) since: Option<Timestamp>,
    /// When it was last used.
    pub(crate) until: Option<Timestamp>,
    /// How many uses.
    pub(crate) uses: u64,
    /// How many tokens were used.
    pub(crate) tokens: usize,
    /// The limits as granted; none over several approvals.
    pub(crate) granted: Option<Limits>,
}

impl Spent {
    /// Both together, as of one request.
    pub(crate) fn and(self, other: Self) -> Self {
        let earlier = [self.since, other.since].into_iter().flatten().min();
        Self {
            since: earlier,
            until: self.until.max(other.until),
            uses: self.uses + other.uses,
            tokens: self.tokens + other.tokens,
            granted: None,
        }
    }

    /// The smallest limits that would have sufficed, no larger than those granted. Time is told in whole minutes.
    pub(crate) fn limits(&self) -> Limits {
        let lasted = self.since.zip(self.until).map_or(Duration::ZERO, |(since, until)| since.until(until));
        // One second more: what was used at the very end has to be before the end.
        let minutes = (lasted.as_secs() + 1).div_ceil(60);
        let most = self.granted.map_or(Limits::LONGEST, |limits| limits.expires_in);
        let bounded = |count: u64| u32::try_from(count).unwrap_or(u32::MAX).max(1);
        Limits {
            expires_in: bounded(minutes.saturating_mul(60)).min(most),
            max_uses: bounded(self.uses),
            max_tokens: bounded(u64::try_from(self.tokens).unwrap_or(u64::MAX)),
        }
    }
}
