//! What becomes of the cookies that an upstream sets.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What becomes of the cookies that an upstream sets. One that it set for a use of a credential may stand for that credential, and
/// whoever has it can act without Exeat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cookies {
    /// They end at the proxy.
    #[default]
    Drop,
    /// The agent is given them.
    Pass,
}

/// The text does not say what becomes of cookies.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected `drop` or `pass`")]
pub struct InvalidCookies;

impl Cookies {
    /// Whether they end at the proxy.
    #[must_use]
    pub const fn are_dropped(&self) -> bool {
        matches!(self, Self::Drop)
    }
}

impl FromStr for Cookies {
    type Err = InvalidCookies;

    fn from_str(text: &str) -> Result<Self, InvalidCookies> {
        match text {
            "drop" => Ok(Self::Drop),
            "pass" => Ok(Self::Pass),
            _ => Err(InvalidCookies),
        }
    }
}

impl fmt::Display for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Drop => "drop",
            Self::Pass => "pass",
        })
    }
}
