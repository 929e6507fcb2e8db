//! People sign in on the pages: with their review key, or with a link that is good once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Broker, no_randomness, not_found, unavailable};
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::base::id::{PersonId, SessionId};
use crate::domain::approval::Authentication;
use crate::domain::key::{KeyKind, PlainKey, presented};
use crate::domain::ledger::Event;
use crate::domain::principal::{Person, Role};
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::session::{Known, LINK_LIFE, SESSION_LIFE, Session};
use crate::store::Change;

/// Links that were made and not used. They are gone with the process that printed them.
#[derive(Default)]
pub(super) struct Links(Mutex<HashMap<Digest, Link>>);

struct Link {
    person: PersonId,
    until: Timestamp,
}

/// Links that may wait at a time.
const MAX_LINKS: usize = 1_000;

impl Links {
    fn keep(&self, key: Digest, link: Link, now: Timestamp) -> bool {
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|_, link| now < link.until);
        let room = links.len() < MAX_LINKS;
        if room {
            links.insert(key, link);
        }
        room
    }

    /// Takes the link out: it is good once.
    fn spend(&self, key: &Digest, now: Timestamp) -> Option<PersonId> {
        let link = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key)?;
        (now < link.until).then_some(link.person)
    }
}

impl Broker {
    /// What `person` can sign in with once, within ten minutes.
    ///
    /// # Errors
    /// When too many wait, or there is no randomness.
    pub fn login_link(&self, person: PersonId) -> Result<PlainKey, Problem> {
        let key = PlainKey::new(KeyKind::Link, self.parts.random.as_ref()).map_err(no_randomness)?;
        let now = self.now();
        if self.links.keep(key.hashed(), Link { person, until: now.plus(LINK_LIFE) }, now) {
            Ok(key)
        } else {
            Err(Problem::new(
                ProblemKind::RateLimited,
                "Too many links wait to be used; use one, or try later.",
            ))
        }
    }

    /// The one person there is, where there is one: on a laptop, whoever sees its terminal.
    #[must_use]
    pub fn only_person(&self) -> Option<Arc<Person>> {
        let mut people = self.catalog().people().into_iter().filter(|person| person.removed_at.is_none());
        people.next().filter(|_| people.next().is_none())
    }

    /// A person signs in with their review key or a link. What their browser sends from then on is in the answer and nowhere else.
    ///
    /// # Errors
    /// `unauthenticated` for what is neither, or was used before.
    pub async fn log_in(&self, shown: &str) -> Result<(Session, PlainKey), Problem> {
        let spent = presented(KeyKind::Link, shown).and_then(|key| self.links.spend(&key, self.now()));
        let known = match spent {
            Some(person) => {
                self.catalog().person(person).cloned().map(|person| (person, Authentication::Link))
            }
            None => self.person_by_key(shown).map(|person| (person, Authentication::ReviewKey)),
        };
        let Some((person, authenticated_by)) = known.filter(|(person, _)| person.removed_at.is_none()) else {
            self.authentication_failed("review").await;
            return Err(Problem::new(
                ProblemKind::Unauthenticated,
                "This is no review key of yours, or the link was used or is too old. `exeat login` prints a new one.",
            ));
        };
        let (clock, random) = (self.parts.clock.as_ref(), self.parts.random.as_ref());
        let (id, now) = (SessionId::new(clock, random).map_err(no_randomness)?, self.now());
        let session = Session {
            id,
            person: person.id,
            began_at: now,
            expires_at: now.plus(SESSION_LIFE),
            authenticated_by,
        };
        let key = PlainKey::new(KeyKind::Session, random).map_err(no_randomness)?;
        let change = Change::BeginSession { session: session.clone(), key: key.hashed() };
        self.session_changed(change, Event::SessionBegan { session: session.clone() }).await?;
        Ok((session, key))
    }

    /// The person whose browser sends `key`, if their session lasts and they have not been removed.
    #[must_use]
    pub fn person_by_session(&self, key: &str) -> Option<Known> {
        let hash = presented(KeyKind::Session, key)?;
        let catalog = self.catalog();
        let session = catalog.session_by_key(&hash).filter(|session| session.lasts(self.now()))?;
        let person = catalog.person(session.person).filter(|person| person.removed_at.is_none())?;
        Some(Known {
            person: Arc::clone(person),
            authenticated_by: session.authenticated_by,
            session: Some(session.id),
        })
    }

    /// Whether a person who was known a while ago still is.
    #[must_use]
    pub fn is_still_known(&self, known: &Known) -> bool {
        let catalog = self.catalog();
        let lasts = |id| catalog.session(id).is_some_and(|session| session.lasts(self.now()));
        catalog.person(known.person.id).is_some_and(|person| person.removed_at.is_none())
            && known.session.is_none_or(lasts)
    }

    /// Ends a session: one's own, or anybody's for an operator. True when this returns.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn end_session(&self, by: &Person, id: SessionId) -> Result<(), Problem> {
        let catalog = self.catalog();
        let session =
            catalog.session(id).filter(|session| session.person == by.id || by.holds(Role::Operator));
        let person = session.ok_or_else(not_found)?.person;
        let event = Event::SessionEnded { session: id, person, by: by.id };
        self.session_changed(Change::EndSession { id }, event).await
    }

    async fn session_changed(&self, change: Change, event: Event) -> Result<(), Problem> {
        self.parts.store.change(change, self.entry(event)).await.map(drop).map_err(unavailable)?;
        self.reload().await
    }
}
