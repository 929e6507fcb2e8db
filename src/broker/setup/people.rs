//! People: added with a review key that is shown once, removed without being forgotten (F20).

use std::collections::BTreeSet;

use super::super::{Broker, no_randomness, not_found, request::invalid};
use crate::base::id::PersonId;
use crate::domain::key::{KeyKind, PlainKey};
use crate::domain::ledger::Event;
use crate::domain::principal::{Label, Person, Role};
use crate::domain::problem::{Problem, ProblemKind};
use crate::store::Change;

impl Broker {
    /// Adds a person; their review key is in the answer and nowhere else.
    ///
    /// # Errors
    /// When the name is taken or no role is given.
    pub async fn add_person(
        &self,
        by: &Person,
        name: Label,
        roles: BTreeSet<Role>,
    ) -> Result<(Person, PlainKey), Problem> {
        if roles.is_empty() {
            return Err(invalid("/roles", "give at least one of operator, reviewer, auditor"));
        }
        let (clock, random) = (self.parts.clock.as_ref(), self.parts.random.as_ref());
        let id = PersonId::new(clock, random).map_err(no_randomness)?;
        let person = Person { id, name, roles, removed_at: None };
        let key = PlainKey::new(KeyKind::Review, random).map_err(no_randomness)?;
        let event = Event::person_added(&person, Some(by.id));
        self.install(by, Change::AddPerson { person: person.clone(), key: key.hashed() }, event).await?;
        Ok((person, key))
    }

    /// Removes a person: their key stops working, their decisions stay.
    ///
    /// # Errors
    /// `not_found`; `conflict` for the last operator, without whom nobody could add another.
    pub async fn remove_person(&self, by: &Person, id: PersonId) -> Result<(), Problem> {
        let catalog = self.catalog();
        catalog.person(id).filter(|person| person.removed_at.is_none()).ok_or_else(not_found)?;
        let mut others = catalog.people().into_iter().filter(|person| person.id != id);
        if !others.any(|person| person.holds(Role::Operator)) {
            let detail = "This is the last operator. Add another operator first.";
            return Err(Problem::new(ProblemKind::Conflict, detail));
        }
        let change = Change::RemovePerson { id, at: self.now() };
        self.install(by, change, Event::PersonRemoved { person: id, by: by.id }).await
    }
}
