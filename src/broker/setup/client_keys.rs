//! The private keys of client certificates: sealed on the way in, opened for a use that is on record.

use super::super::{Broker, request::invalid};
use super::credentials::vault_failed;
use crate::base::id::UpstreamId;
use crate::base::secret::Secret;
use crate::domain::ledger::Recorded;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::upstream::Upstream;
use crate::domain::usage::UseStart;
use crate::planes::network::client_certificate;
use crate::planes::secrets::vault::{Binding, Kind, Sealed};

/// A certificate to be shown, and its key, as they came in.
#[derive(Debug)]
pub struct NewClientCertificate {
    /// The certificate and those that vouch for it, in PEM.
    pub chain: String,
    /// Its private key, in PEM.
    pub key: Secret,
}

impl Broker {
    /// Seals the key that belongs to the certificate which `upstream` names.
    pub(super) fn seal_client_key(
        &self,
        upstream: (UpstreamId, u64),
        certificate: &NewClientCertificate,
    ) -> Result<Vec<u8>, Problem> {
        let key = client_certificate::key_of(&certificate.chain, &certificate.key, self.now())
            .map_err(|error| invalid(error.field(), &error.to_string()))?;
        let sealed = self.parts.vault.seal(&binding(upstream), &key, self.parts.random.as_ref());
        Ok(sealed.map_err(vault_failed)?.as_bytes().to_vec())
    }

    /// Opens the key with which the connection for a use is made, and for nothing else.
    pub(in crate::broker) fn open_client_key(
        &self,
        _on_record: &Recorded<UseStart>,
        upstream: &Upstream,
        sealed: &[u8],
    ) -> Result<Secret, Problem> {
        let sealed = Sealed::parse(sealed).map_err(|error| {
            tracing::error!(error = %error, upstream = %upstream.id, "sealed client key cannot be read");
            let detail = "The client key cannot be opened; an operator has to define the upstream again.";
            Problem::new(ProblemKind::Internal, detail)
        })?;
        self.parts.vault.open(&binding((upstream.id, upstream.version)), &sealed).map_err(vault_failed)
    }
}

pub(super) fn binding((upstream, version): (UpstreamId, u64)) -> Binding {
    let id = upstream.to_string();
    Binding { upstream: Some(upstream), ..Binding::of_key(Kind::ClientKey, id, version) }
}
