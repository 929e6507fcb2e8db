//! Upstreams and acting identities.

use ipnet::IpNet;

use super::super::{Broker, no_randomness, request::invalid};
use super::client_keys::NewClientCertificate;
use crate::base::id::UpstreamId;
use crate::domain::identity::Identity;
use crate::domain::ledger::Event;
use crate::domain::name::Name;
use crate::domain::principal::Person;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::upstream::{Cookies, Origin, Slot, Upstream};
use crate::planes::network::{addresses, proxy::are_roots};
use crate::store::Change;

/// An upstream to be defined, or defined anew.
#[derive(Debug)]
pub struct NewUpstream {
    /// Its name.
    pub name: Name,
    /// Where it answers.
    pub origins: Vec<Origin>,
    /// Where the credential goes.
    pub slot: Slot,
    /// Roots to trust instead of the system's, in PEM.
    pub ca_pem: Option<String>,
    /// The certificate that it is shown, and its key.
    pub client_certificate: Option<NewClientCertificate>,
    /// Private address ranges it may be reached at.
    pub allow_addresses: Vec<IpNet>,
    /// What becomes of the cookies that it sets.
    pub cookies: Cookies,
}

impl Broker {
    /// Defines an upstream. A name that is there already gets its next version, and approvals for the one before are stale.
    ///
    /// # Errors
    /// When an origin belongs to another upstream (A15), a range may never be allowed (B10), the roots are not certificates, or the client
    /// key is not that of the client certificate.
    pub async fn put_upstream(&self, by: &Person, mut new: NewUpstream) -> Result<Upstream, Problem> {
        let certificate = new.client_certificate.take();
        let chain = certificate.as_ref().map(|certificate| certificate.chain.clone());
        let upstream = Upstream { client_certificate: chain, ..self.upstream(new)? };
        let seal = |certificate| self.seal_client_key((upstream.id, upstream.version), certificate);
        let client_key = certificate.as_ref().map(seal).transpose()?;
        let event = Event::UpstreamDefined { upstream: upstream.clone(), by: by.id };
        self.install(by, Change::PutUpstream { upstream: upstream.clone(), client_key }, event).await?;
        Ok(upstream)
    }

    /// Names an acting identity.
    ///
    /// # Errors
    /// When nothing can be put on record.
    pub async fn add_identity(&self, by: &Person, identity: Identity) -> Result<(), Problem> {
        let event = Event::IdentityAdded { identity: identity.clone(), by: by.id };
        self.install(by, Change::AddIdentity { identity }, event).await
    }

    fn upstream(&self, mut new: NewUpstream) -> Result<Upstream, Problem> {
        new.origins.sort();
        new.origins.dedup();
        if new.origins.is_empty() || new.origins.len() > 32 {
            return Err(invalid("/origins", "give 1 to 32 origins"));
        }
        if let Some(range) =
            new.allow_addresses.iter().find(|range| addresses::judge_allowance(range).is_err())
        {
            let what = format!(
                "{range} holds addresses that are never reached through the proxy; allow a smaller range"
            );
            return Err(invalid("/allow_addresses", &what));
        }
        if new.ca_pem.as_deref().is_some_and(|pem| !are_roots(pem)) {
            return Err(invalid("/ca_pem", "not a list of certificates in PEM"));
        }
        let catalog = self.catalog();
        let known = catalog.upstream(&new.name);
        let taken =
            |origin: &&Origin| catalog.upstream_at(origin).is_some_and(|other| other.name != new.name);
        if let Some(origin) = new.origins.iter().find(taken) {
            let detail = format!("{origin} belongs to another upstream; one origin, one upstream.");
            return Err(Problem::new(ProblemKind::Conflict, detail));
        }
        if known.is_some_and(|known| known.slot != new.slot) {
            let detail = "Credentials are sealed for the slot they were given for. Define another upstream for another slot.";
            return Err(Problem::new(ProblemKind::Conflict, detail));
        }
        let id = match known {
            Some(known) => known.id,
            None => UpstreamId::new(self.parts.clock.as_ref(), self.parts.random.as_ref())
                .map_err(no_randomness)?,
        };
        Ok(Upstream {
            id,
            name: new.name,
            version: known.map_or(1, |known| known.version + 1),
            origins: new.origins,
            slot: new.slot,
            ca_pem: new.ca_pem,
            client_certificate: None,
            allow_addresses: new.allow_addresses,
            cookies: new.cookies,
        })
    }
}
