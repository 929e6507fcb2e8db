//! Layers: enrolled with a key that is shown once, and with what they may do.

use std::collections::BTreeSet;

use super::super::{Broker, no_randomness, not_found, request::invalid};
use crate::base::id::{AgentId, LayerId};
use crate::domain::key::{KeyKind, PlainKey};
use crate::domain::layer::{Layer, LayerForm};
use crate::domain::ledger::Event;
use crate::domain::name::Name;
use crate::domain::principal::{Label, Person};
use crate::domain::problem::Problem;
use crate::store::Change;

/// A layer to be enrolled.
#[derive(Clone, Debug)]
pub struct NewLayer {
    /// Its name.
    pub name: Label,
    /// How it hands over the request it asks about.
    pub form: LayerForm,
    /// The upstreams it may ask about.
    pub upstreams: BTreeSet<Name>,
    /// The agents whose tokens it may show, and on whose runs it may report.
    pub agents: BTreeSet<AgentId>,
    /// Whether it is answered with the credential.
    pub inject: bool,
    /// Seconds until its key stops working.
    pub expires_in: Option<u32>,
}

impl Broker {
    /// Enrols a layer; its key is in the answer and nowhere else.
    ///
    /// # Errors
    /// When something it names is not installed, or the name is taken.
    pub async fn enrol_layer(&self, by: &Person, new: NewLayer) -> Result<(Layer, PlainKey), Problem> {
        let layer = self.layer(by, new)?;
        let key = PlainKey::new(KeyKind::Layer, self.parts.random.as_ref()).map_err(no_randomness)?;
        let event = Event::LayerEnrolled { layer: layer.clone(), by: by.id };
        self.install(by, Change::AddLayer { layer: layer.clone(), key: key.hashed() }, event).await?;
        Ok((layer, key))
    }

    /// Removes a layer: its key. What it was given before stays with it, for it may have kept it.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn remove_layer(&self, by: &Person, id: LayerId) -> Result<(), Problem> {
        self.catalog().layer(id).filter(|layer| layer.removed_at.is_none()).ok_or_else(not_found)?;
        let change = Change::RemoveLayer { id, at: self.now() };
        self.install(by, change, Event::LayerRemoved { layer: id, by: by.id }).await
    }

    fn layer(&self, by: &Person, new: NewLayer) -> Result<Layer, Problem> {
        let (catalog, now) = (self.catalog(), self.now());
        self.check_upstreams(&new.upstreams)?;
        let known = |id: &AgentId| catalog.agent(*id).is_some_and(|agent| agent.is_active(now));
        if let Some(missing) = new.agents.iter().find(|id| !known(id)) {
            return Err(invalid("/agents", &format!("{missing} is not enrolled; see `exeat agent list`")));
        }
        let expires_at = self.key_ends(new.expires_in)?;
        let (clock, random) = (self.parts.clock.as_ref(), self.parts.random.as_ref());
        Ok(Layer {
            id: LayerId::new(clock, random).map_err(no_randomness)?,
            name: new.name,
            form: new.form,
            upstreams: new.upstreams,
            agents: new.agents,
            inject: new.inject,
            enrolled_by: by.id,
            expires_at,
            removed_at: None,
        })
    }
}
