//! Everything installed, indexed: read on every request, replaced as a whole when something changes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::base::crypto::hash::Digest;
use crate::base::id::{AgentId, CredentialId, LayerId, PersonId, SessionId, UpstreamId};
use crate::domain::identity::Identity;
use crate::domain::layer::Layer;
use crate::domain::name::Name;
use crate::domain::principal::{Agent, Person};
use crate::domain::session::Session;
use crate::domain::upstream::{Bound, Origin, Upstream};
use crate::store::{Installed, SealedCredential, StoredPasskey};

/// What is installed.
#[derive(Debug, Default)]
pub struct Catalog {
    agents: HashMap<Digest, Arc<Agent>>,
    people: HashMap<Digest, Arc<Person>>,
    sessions: HashMap<Digest, Arc<Session>>,
    passkeys: Vec<Arc<StoredPasskey>>,
    layers: HashMap<Digest, Arc<Layer>>,
    identities: Vec<Identity>,
    upstreams: BTreeMap<Name, Arc<Upstream>>,
    client_keys: HashMap<UpstreamId, Arc<[u8]>>,
    origins: HashMap<Origin, Arc<Upstream>>,
    credentials: HashMap<(UpstreamId, Identity), Arc<SealedCredential>>,
    policy: Option<Digest>,
}

impl Catalog {
    /// Indexes what a store gave.
    #[must_use]
    pub fn of(installed: Installed) -> Self {
        let (mut upstreams, mut client_keys) = (BTreeMap::new(), HashMap::new());
        for (upstream, client_key) in installed.upstreams {
            client_keys.extend(client_key.map(|sealed| (upstream.id, sealed.into())));
            upstreams.insert(upstream.name.clone(), Arc::new(upstream));
        }
        let by_origin = |upstream: &Arc<Upstream>| {
            upstream.origins.iter().map(|origin| (origin.clone(), Arc::clone(upstream))).collect::<Vec<_>>()
        };
        Self {
            agents: installed.agents.into_iter().map(|(agent, key)| (key, Arc::new(agent))).collect(),
            people: installed.people.into_iter().map(|(person, key)| (key, Arc::new(person))).collect(),
            sessions: installed.sessions.into_iter().map(|(session, key)| (key, Arc::new(session))).collect(),
            passkeys: installed.passkeys.into_iter().map(Arc::new).collect(),
            layers: installed.layers.into_iter().map(|(layer, key)| (key, Arc::new(layer))).collect(),
            identities: installed.identities,
            origins: upstreams.values().flat_map(by_origin).collect(),
            upstreams,
            client_keys,
            credentials: installed
                .credentials
                .into_iter()
                .map(|credential| ((credential.upstream, credential.identity.clone()), Arc::new(credential)))
                .collect(),
            policy: installed.policy,
        }
    }

    /// The agent whose key has this hash.
    #[must_use]
    pub fn agent_by_key(&self, key: &Digest) -> Option<&Arc<Agent>> {
        self.agents.get(key)
    }

    /// The person whose key has this hash.
    #[must_use]
    pub fn person_by_key(&self, key: &Digest) -> Option<&Arc<Person>> {
        self.people.get(key)
    }

    /// The session whose key has this hash; it may be over.
    #[must_use]
    pub fn session_by_key(&self, key: &Digest) -> Option<&Arc<Session>> {
        self.sessions.get(key)
    }

    /// One session; it may be over.
    #[must_use]
    pub fn session(&self, id: SessionId) -> Option<&Arc<Session>> {
        self.sessions.values().find(|session| session.id == id)
    }

    /// Passkeys, by id.
    #[must_use]
    pub fn passkeys(&self) -> &[Arc<StoredPasskey>] {
        &self.passkeys
    }

    /// The layer whose key has this hash.
    #[must_use]
    pub fn layer_by_key(&self, key: &Digest) -> Option<&Arc<Layer>> {
        self.layers.get(key)
    }

    /// Layers, by id.
    #[must_use]
    pub fn layers(&self) -> Vec<Arc<Layer>> {
        sorted(self.layers.values().cloned().collect(), |layer: &Arc<Layer>| layer.id)
    }

    /// One layer.
    #[must_use]
    pub fn layer(&self, id: LayerId) -> Option<&Arc<Layer>> {
        self.layers.values().find(|layer| layer.id == id)
    }

    /// Agents, by id.
    #[must_use]
    pub fn agents(&self) -> Vec<Arc<Agent>> {
        sorted(self.agents.values().cloned().collect(), |agent: &Arc<Agent>| agent.id)
    }

    /// People, by id.
    #[must_use]
    pub fn people(&self) -> Vec<Arc<Person>> {
        sorted(self.people.values().cloned().collect(), |person: &Arc<Person>| person.id)
    }

    /// One agent.
    #[must_use]
    pub fn agent(&self, id: AgentId) -> Option<&Arc<Agent>> {
        self.agents.values().find(|agent| agent.id == id)
    }

    /// One person.
    #[must_use]
    pub fn person(&self, id: PersonId) -> Option<&Arc<Person>> {
        self.people.values().find(|person| person.id == id)
    }

    /// Acting identities.
    #[must_use]
    pub fn identities(&self) -> &[Identity] {
        &self.identities
    }

    /// Upstreams, by name.
    pub fn upstreams(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.upstreams.values()
    }

    /// One upstream, by name.
    #[must_use]
    pub fn upstream(&self, name: &Name) -> Option<&Arc<Upstream>> {
        self.upstreams.get(name)
    }

    /// The upstream that answers at this origin.
    #[must_use]
    pub fn upstream_at(&self, origin: &Origin) -> Option<&Arc<Upstream>> {
        self.origins.get(origin)
    }

    /// The key of the client certificate that this upstream is shown; sealed.
    #[must_use]
    pub fn client_key(&self, upstream: UpstreamId) -> Option<&Arc<[u8]>> {
        self.client_keys.get(&upstream)
    }

    /// Credentials, by id; sealed.
    #[must_use]
    pub fn credentials(&self) -> Vec<Arc<SealedCredential>> {
        sorted(self.credentials.values().cloned().collect(), |credential: &Arc<SealedCredential>| {
            credential.id
        })
    }

    /// The credential of this identity at this upstream.
    #[must_use]
    pub fn credential(&self, upstream: UpstreamId, identity: &Identity) -> Option<&Arc<SealedCredential>> {
        self.credentials.get(&(upstream, identity.clone()))
    }

    /// One credential, by id.
    #[must_use]
    pub fn credential_by_id(&self, id: CredentialId) -> Option<&Arc<SealedCredential>> {
        self.credentials.values().find(|credential| credential.id == id)
    }

    /// What an approval for this identity at this upstream would be bound to.
    #[must_use]
    pub fn bound(&self, upstream: &Name, identity: &Identity) -> Option<Bound> {
        let upstream = self.upstream(upstream)?;
        let credential = self.credential(upstream.id, identity)?;
        Some(Bound {
            upstream: upstream.id,
            upstream_name: upstream.name.clone(),
            upstream_version: upstream.version,
            credential: credential.id,
            credential_version: credential.version,
        })
    }

    /// Whether `bound` still names what is installed.
    #[must_use]
    pub fn is_current(&self, bound: &Bound, identity: &Identity) -> bool {
        self.bound(&bound.upstream_name, identity).as_ref() == Some(bound)
    }

    /// The policy the store has on record.
    #[must_use]
    pub const fn policy(&self) -> Option<Digest> {
        self.policy
    }
}

fn sorted<T, K: Ord>(mut list: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    list.sort_by_key(key);
    list
}
