//! Who calls. Keys are looked up by their hash; a removed or expired holder is nobody.

use std::sync::Arc;

use super::Broker;
use crate::domain::key::{KeyKind, presented};
use crate::domain::layer::Layer;
use crate::domain::ledger::Event;
use crate::domain::principal::{Agent, Person};

impl Broker {
    /// The agent that holds `key`, if it is enrolled now.
    #[must_use]
    pub fn agent_by_key(&self, key: &str) -> Option<Arc<Agent>> {
        let hash = presented(KeyKind::Agent, key)?;
        self.catalog().agent_by_key(&hash).filter(|agent| agent.is_active(self.now())).cloned()
    }

    /// The person who holds `key`, if they have not been removed.
    #[must_use]
    pub fn person_by_key(&self, key: &str) -> Option<Arc<Person>> {
        let hash = presented(KeyKind::Review, key)?;
        self.catalog().person_by_key(&hash).filter(|person| person.removed_at.is_none()).cloned()
    }

    /// The layer that holds `key`, if it is enrolled now.
    #[must_use]
    pub fn layer_by_key(&self, key: &str) -> Option<Arc<Layer>> {
        let hash = presented(KeyKind::Layer, key)?;
        self.catalog().layer_by_key(&hash).filter(|layer| layer.is_active(self.now())).cloned()
    }

    /// Puts on record that a key was not accepted on `listener`, unless that has been said often enough this minute.
    pub async fn authentication_failed(&self, listener: &'static str) {
        if !self.failures.admits(listener, 1, self.now()) {
            return;
        }
        let event = Event::AuthenticationFailed { listener: listener.to_owned() };
        if let Err(error) = self.parts.store.append(vec![self.entry(event)]).await {
            tracing::warn!(error = %error, "failed authentication is not on record");
        }
    }
}
