//! What operators install. Each verb is one change of the store with its entry, then the catalog is read anew.

mod agents;
mod credentials;
mod people;
mod rotation;
mod upstreams;

pub use agents::NewAgent;
pub use rotation::VaultRotated;
pub use upstreams::NewUpstream;

use super::{Broker, unavailable};
use crate::domain::ledger::Event;
use crate::domain::principal::{Person, Role};
use crate::domain::problem::{Problem, ProblemKind};
use crate::store::Change;

impl Broker {
    /// Makes a change that an operator asked for.
    pub(in crate::broker) async fn install(
        &self,
        by: &Person,
        change: Change,
        event: Event,
    ) -> Result<(), Problem> {
        self.check_operator(by)?;
        self.parts.store.change(change, self.entry(event)).await.map(drop).map_err(unavailable)?;
        self.reload().await
    }

    /// The role is looked up again, by id: it may have been taken away since the key was shown (F17).
    fn check_operator(&self, by: &Person) -> Result<(), Problem> {
        if self.catalog().person(by.id).is_some_and(|person| person.holds(Role::Operator)) {
            return Ok(());
        }
        Err(Problem::new(ProblemKind::RoleRequired, "Installing takes the role `operator`."))
    }
}
