//! What operators install. Each verb is one change of the store with its entry, then the catalog is read anew.

mod agents;
mod client_keys;
mod credentials;
mod layers;
mod people;
mod rotation;
mod upstreams;

pub use agents::NewAgent;
pub use client_keys::NewClientCertificate;
pub use layers::NewLayer;
pub use rotation::VaultRotated;
pub use upstreams::NewUpstream;

use std::collections::BTreeSet;
use std::time::Duration;

use super::request::invalid;
use super::{Broker, unavailable};
use crate::base::clock::Timestamp;
use crate::domain::ledger::Event;
use crate::domain::name::Name;
use crate::domain::principal::{Person, Role};
use crate::domain::problem::{Problem, ProblemKind};
use crate::store::Change;

/// How long a key works when nobody says: 90 days.
const KEY_LIFE: u32 = 90 * 24 * 60 * 60;
/// The longest a key works: a year (I8).
const LONGEST_KEY_LIFE: u32 = 366 * 24 * 60 * 60;

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

    /// When a key that is made now stops working.
    fn key_ends(&self, expires_in: Option<u32>) -> Result<Timestamp, Problem> {
        let life = expires_in.unwrap_or(KEY_LIFE);
        if life == 0 || life > LONGEST_KEY_LIFE {
            return Err(invalid("/expires_in", &format!("give 1 to {LONGEST_KEY_LIFE} seconds")));
        }
        Ok(self.now().plus(Duration::from_secs(u64::from(life))))
    }

    /// Refuses the name of an upstream that is not installed.
    fn check_upstreams(&self, named: &BTreeSet<Name>) -> Result<(), Problem> {
        let catalog = self.catalog();
        match named.iter().find(|name| catalog.upstream(name).is_none()) {
            Some(missing) => {
                Err(invalid("/upstreams", &format!("add {missing} first: `exeat upstream add {missing} …`")))
            }
            None => Ok(()),
        }
    }

    /// The role is looked up again, by id: it may have been taken away since the key was shown (F17).
    fn check_operator(&self, by: &Person) -> Result<(), Problem> {
        if self.catalog().person(by.id).is_some_and(|person| person.holds(Role::Operator)) {
            return Ok(());
        }
        Err(Problem::new(ProblemKind::RoleRequired, "Installing takes the role `operator`."))
    }
}
