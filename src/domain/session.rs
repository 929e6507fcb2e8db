//! Sessions: how the pages know a person again, for a while.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::approval::Authentication;
use super::principal::Person;
use crate::base::clock::Timestamp;
use crate::base::id::{PersonId, SessionId};

/// How long a session lasts, whatever is done in it.
pub const SESSION_LIFE: Duration = Duration::from_hours(8);
/// How long a link to sign in with is good, once.
pub const LINK_LIFE: Duration = Duration::from_mins(10);

/// A person signed in, from one browser, until an hour that is set from the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Its id. What the browser sends is another thing, and kept as a hash alone.
    pub id: SessionId,
    /// Who.
    pub person: PersonId,
    /// Since when.
    pub began_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
    /// How they were known to be they.
    pub authenticated_by: Authentication,
}

impl Session {
    /// Whether it lasts at `now`.
    #[must_use]
    pub fn lasts(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

/// A person, and how they are known to be they.
#[derive(Clone, Debug)]
pub struct Known {
    /// Who.
    pub person: Arc<Person>,
    /// How.
    pub authenticated_by: Authentication,
    /// The session, where a browser says who it is.
    pub session: Option<SessionId>,
}

impl Deref for Known {
    type Target = Person;

    fn deref(&self) -> &Person {
        &self.person
    }
}
