//! Agents: enrolled with a key that is shown once, removed with everything they hold.

use std::collections::BTreeSet;

use super::super::{Broker, no_randomness, not_found, request::invalid};
use crate::base::id::{AgentId, PersonId};
use crate::domain::identity::Identity;
use crate::domain::key::{KeyKind, PlainKey};
use crate::domain::ledger::Event;
use crate::domain::name::Name;
use crate::domain::principal::{Agent, Label, Person};
use crate::domain::problem::Problem;
use crate::store::Change;

/// An agent to be enrolled.
#[derive(Clone, Debug)]
pub struct NewAgent {
    /// Its name.
    pub name: Label,
    /// The identities it may ask for.
    pub identities: BTreeSet<Identity>,
    /// The upstreams it may ask for.
    pub upstreams: BTreeSet<Name>,
    /// The person whose automation it is.
    pub on_behalf_of: Option<PersonId>,
    /// Seconds until its key stops working.
    pub expires_in: Option<u32>,
}

impl Broker {
    /// Enrols an agent; its key is in the answer and nowhere else.
    ///
    /// # Errors
    /// When something it names is not installed, or the name is taken.
    pub async fn enrol_agent(&self, by: &Person, new: NewAgent) -> Result<(Agent, PlainKey), Problem> {
        let agent = self.agent(by, new)?;
        let key = PlainKey::new(KeyKind::Agent, self.parts.random.as_ref()).map_err(no_randomness)?;
        let event = Event::AgentEnrolled { agent: agent.clone(), by: by.id };
        self.install(by, Change::AddAgent { agent: agent.clone(), key: key.hashed() }, event).await?;
        Ok((agent, key))
    }

    /// Removes an agent: its key, its tokens, its pending requests.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn remove_agent(&self, by: &Person, id: AgentId) -> Result<(), Problem> {
        self.catalog().agent(id).filter(|agent| agent.removed_at.is_none()).ok_or_else(not_found)?;
        let change = Change::RemoveAgent { id, at: self.now() };
        self.install(by, change, Event::AgentRemoved { agent: id, by: by.id }).await?;
        self.cuts.cut(|under_way| under_way.agent == id);
        self.end_runs_of(id).await;
        Ok(())
    }

    fn agent(&self, by: &Person, new: NewAgent) -> Result<Agent, Problem> {
        let catalog = self.catalog();
        if let Some(missing) = new.identities.iter().find(|identity| !catalog.identities().contains(identity))
        {
            return Err(invalid(
                "/identities",
                &format!("add {missing} first: `exeat identity add {missing}`"),
            ));
        }
        self.check_upstreams(&new.upstreams)?;
        let person =
            new.on_behalf_of.map(|id| catalog.person(id).filter(|person| person.removed_at.is_none()));
        if person.is_some_and(|person| person.is_none()) {
            return Err(invalid("/on_behalf_of", "no such person"));
        }
        let expires_at = self.key_ends(new.expires_in)?;
        let (clock, random) = (self.parts.clock.as_ref(), self.parts.random.as_ref());
        Ok(Agent {
            id: AgentId::new(clock, random).map_err(no_randomness)?,
            name: new.name,
            identities: new.identities,
            upstreams: new.upstreams,
            on_behalf_of: new.on_behalf_of,
            enrolled_by: by.id,
            expires_at,
            removed_at: None,
        })
    }
}
