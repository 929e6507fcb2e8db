//! Events that are made from what they record.

use super::event::Event;
use crate::base::id::PersonId;
use crate::domain::approval::Exchange;
use crate::domain::principal::Person;

impl Event {
    /// The event of an exchange.
    #[must_use]
    pub fn token_issued(exchange: &Exchange) -> Self {
        Self::TokenIssued {
            token: exchange.token(),
            approval: exchange.approval(),
            agent: exchange.agent(),
            run: exchange.run(),
            identity: exchange.identity().clone(),
            items: exchange.items().to_vec(),
            approvers: exchange.approvers().to_vec(),
            statement_digest: exchange.statement_digest(),
            expires_at: exchange.expires_at(),
        }
    }

    /// The event of a person being added.
    #[must_use]
    pub fn person_added(person: &Person, by: Option<PersonId>) -> Self {
        Self::PersonAdded { person: person.id, name: person.name.clone(), roles: person.roles.clone(), by }
    }
}
