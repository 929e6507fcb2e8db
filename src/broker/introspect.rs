//! What a token is worth now (RFC 7662), and giving one back (RFC 7009).

use super::{Broker, unavailable};
use crate::domain::ledger::Revoker;
use crate::domain::principal::Agent;
use crate::domain::problem::Problem;
use crate::domain::token::{Introspection, LiveToken};

impl Broker {
    /// What this agent may know of a token: all of it if it is its own and live, else only that it is not active. The answer is
    /// given as JSON, because it borrows what it says.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn introspect(&self, agent: &Agent, presented: &str) -> Result<serde_json::Value, Problem> {
        let inactive = || serde_json::to_value(Introspection::inactive()).unwrap_or_default();
        let Some(token) = self.live(agent, presented) else { return Ok(inactive()) };
        let record = self.parts.store.token(token.token().id()).await.map_err(unavailable)?;
        if !record.is_some_and(|record| record.live) {
            return Ok(inactive());
        }
        let signing = self.signing();
        let active = Introspection::active(&token, &signing.issuer, &signing.audience);
        Ok(serde_json::to_value(active).unwrap_or_else(|_| inactive()))
    }

    /// An agent gives one of its own tokens back. Anything else is accepted and changes nothing (RFC 7009 §2.2).
    ///
    /// # Errors
    /// When it cannot be put on record.
    pub async fn give_back(&self, agent: &Agent, presented: &str) -> Result<(), Problem> {
        match self.live(agent, presented) {
            Some(token) => self.end_token(token.token().id(), Revoker::Agent { id: agent.id }).await,
            None => Ok(()),
        }
    }

    fn live(&self, agent: &Agent, presented: &str) -> Option<LiveToken> {
        let now = self.now();
        let token = self.signing().verifier.verify(presented, now).ok()?;
        LiveToken::of(token, agent.id, now).ok()
    }
}
