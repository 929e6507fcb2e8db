//! The id of a run, which says whether the run has walls: so every entry, token and report that names the run says it too.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::clock::Clock;
use super::id::{InvalidId, new_uuid, parse};
use super::random::{NoRandomness, Random};

/// A run of an agent: `run_0190…`, or `run_unsafe_no_sandbox_0190…` when nothing holds it in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RunId {
    uuid: Uuid,
    unwalled: bool,
}

impl RunId {
    /// The prefix of a run inside walls, without the underscore.
    pub const PREFIX: &'static str = "run";
    /// The prefix of a run without walls.
    pub const UNWALLED_PREFIX: &'static str = "run_unsafe_no_sandbox";

    /// A new id of a run inside walls.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn new(clock: &dyn Clock, random: &dyn Random) -> Result<Self, NoRandomness> {
        new_uuid(clock, random).map(|uuid| Self { uuid, unwalled: false })
    }

    /// A new id of a run without walls.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn unwalled(clock: &dyn Clock, random: &dyn Random) -> Result<Self, NoRandomness> {
        new_uuid(clock, random).map(|uuid| Self { uuid, unwalled: true })
    }

    /// Whether the run has no walls.
    #[must_use]
    pub const fn is_unwalled(self) -> bool {
        self.unwalled
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = if self.unwalled { Self::UNWALLED_PREFIX } else { Self::PREFIX };
        write!(f, "{prefix}_{}", self.uuid.simple())
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RunId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if let Ok(uuid) = parse(text, Self::UNWALLED_PREFIX) {
            return Ok(Self { uuid, unwalled: true });
        }
        parse(text, Self::PREFIX).map(|uuid| Self { uuid, unwalled: false })
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for RunId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::RunId;

    #[test]
    fn a_run_without_walls_is_another_run() {
        let walled: RunId = "run_0193559c0a0070008000000000000000".parse().unwrap();
        let unwalled: RunId = "run_unsafe_no_sandbox_0193559c0a0070008000000000000000".parse().unwrap();
        assert!(!walled.is_unwalled() && unwalled.is_unwalled());
        assert_ne!(walled, unwalled);
        for id in [walled, unwalled] {
            assert_eq!(id.to_string().parse::<RunId>().unwrap(), id);
        }
        for text in [
            "run_unsafe_0193559c0a0070008000000000000000",
            "run_",
            "run_unsafe_no_sandbox_",
            "apr_0193559c0a0070008000000000000000",
        ] {
            assert!(text.parse::<RunId>().is_err(), "{text}");
        }
    }
}
