//! How much an approval allows: how long, how many tokens, how many uses. Always bounded (I8).

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The limits of one approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Seconds from the request to the end of everything that follows from it. One clock for the request and its
    /// approval, so that no window opens between two (F06).
    pub expires_in: u32,
    /// Uses, over all tokens.
    pub max_uses: u32,
    /// Tokens.
    pub max_tokens: u32,
}

/// A limit is zero or above what is ever allowed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{field}` must be between 1 and {max}")]
pub struct InvalidLimits {
    /// The field at fault.
    pub field: &'static str,
    /// The largest value this installation allows.
    pub max: u32,
}

impl Limits {
    /// No approval lives longer: 24 hours, in seconds (I8).
    pub const LONGEST: u32 = 24 * 60 * 60;

    /// Checks each limit against `ceiling`.
    ///
    /// # Errors
    /// Names the first limit that is zero or above the ceiling.
    pub fn checked(self, ceiling: Self) -> Result<Self, InvalidLimits> {
        let pairs = [
            ("expires_in", self.expires_in, ceiling.expires_in.min(Self::LONGEST)),
            ("max_uses", self.max_uses, ceiling.max_uses),
            ("max_tokens", self.max_tokens, ceiling.max_tokens),
        ];
        match pairs.into_iter().find(|(_, value, max)| *value == 0 || value > max) {
            Some((field, _, max)) => Err(InvalidLimits { field, max }),
            None => Ok(self),
        }
    }

    /// `expires_in` as a duration.
    #[must_use]
    pub const fn lifetime(&self) -> Duration {
        Duration::from_secs(self.expires_in as u64)
    }
}
