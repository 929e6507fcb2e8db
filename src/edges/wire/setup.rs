//! What operators install: upstreams, acting identities, credentials.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::secret::SecretText;
use crate::base::id::{CredentialId, UpstreamId};
use crate::domain::identity::Identity;
use crate::domain::name::Name;
use crate::domain::upstream::{Cookies, Origin, Slot};

/// `POST /v1/upstreams`: a new upstream, or the next version of the one with this name.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpstreamBody {
    /// Its name.
    #[schema(value_type = String)]
    pub name: Name,
    /// Where it answers.
    #[schema(value_type = Vec<String>, min_items = 1)]
    pub origins: Vec<Origin>,
    /// Where the credential goes: `bearer`, `basic:USER`, `header:NAME` or `query:NAME`.
    #[schema(value_type = String)]
    pub slot: Slot,
    /// Roots to trust instead of the system's, in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
    /// The certificate that is shown where it asks for one (mutual TLS) and those that vouch for it, in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,
    /// The private key of that certificate, in PEM. It goes in and never comes out again (E10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(write_only)]
    pub client_key: Option<SecretText>,
    /// Private address ranges it may be reached at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub allow_addresses: Vec<IpNet>,
    /// What becomes of the cookies that it sets: `drop`, unless it says `pass`.
    #[serde(default, skip_serializing_if = "Cookies::are_dropped")]
    #[schema(value_type = String)]
    pub cookies: Cookies,
}

/// An upstream.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UpstreamView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: UpstreamId,
    /// Its name.
    #[schema(value_type = String)]
    pub name: Name,
    /// Counts up with every change.
    pub version: u64,
    /// Where it answers.
    #[schema(value_type = Vec<String>)]
    pub origins: Vec<Origin>,
    /// Where the credential goes.
    #[schema(value_type = String)]
    pub slot: Slot,
    /// Roots to trust instead of the system's, in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
    /// The certificate that is shown where it asks for one (mutual TLS) and those that vouch for it, in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,
    /// Private address ranges it may be reached at.
    #[schema(value_type = Vec<String>)]
    pub allow_addresses: Vec<IpNet>,
    /// What becomes of the cookies that it sets.
    #[schema(value_type = String)]
    pub cookies: Cookies,
}

/// `GET /v1/upstreams`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UpstreamList {
    /// The upstreams.
    pub upstreams: Vec<UpstreamView>,
}

/// `POST /v1/identities`, and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityBody {
    /// `user:NAME` or `service:NAME`.
    #[schema(value_type = String)]
    pub identity: Identity,
}

/// `GET /v1/identities`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct IdentityList {
    /// The acting identities.
    #[schema(value_type = Vec<String>)]
    pub identities: Vec<Identity>,
}

/// `POST /v1/credentials`: a new credential, or the next version of the one for this upstream and identity.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialBody {
    /// The upstream, by name.
    #[schema(value_type = String)]
    pub upstream: Name,
    /// Whom the upstream will see.
    #[schema(value_type = String)]
    pub identity: Identity,
    /// The secret: one line of text, 8 bytes to 16 KiB. It goes in and never comes out again (E10).
    #[schema(write_only)]
    pub secret: SecretText,
}

/// A credential: everything but the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CredentialView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: CredentialId,
    /// The upstream, by name.
    #[schema(value_type = String)]
    pub upstream: Name,
    /// Whom the upstream sees.
    #[schema(value_type = String)]
    pub identity: Identity,
    /// Counts up with every change.
    pub version: u64,
}

/// `GET /v1/credentials`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CredentialList {
    /// The credentials.
    pub credentials: Vec<CredentialView>,
}

/// `POST /v1/keys/token/rotate`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct KeyRotated {
    /// The id of the key that signs from now on: its `kid`.
    pub key: String,
}

/// `POST /v1/keys/vault/rotate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VaultRotated {
    /// The version of the key that seals from now on.
    pub version: u32,
    /// Credentials sealed anew under it.
    pub resealed: u32,
}
