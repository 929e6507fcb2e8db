//! What clients are told about the token endpoints (RFC 8414), and the names they use there.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::domain::upstream::{InvalidOrigin, Origin};

/// The grant by which an approval becomes a token (RFC 8693 §2.1).
pub const TOKEN_EXCHANGE_GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// The type of the subject token: an approval id.
pub const APPROVAL_ID_TYPE: &str = "urn:exeat:params:oauth:token-type:approval-id";

/// The type of what is issued (RFC 8693 §3).
pub const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";

/// Where the metadata stands (RFC 8414 §3).
pub const WELL_KNOWN_METADATA: &str = "/.well-known/oauth-authorization-server";

/// Who issues tokens: an origin, in its one spelling, without a slash at the end (RFC 8414 §2, J04).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Issuer(String);

impl Issuer {
    /// The issuer as it stands in `iss`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Origin> for Issuer {
    fn from(origin: &Origin) -> Self {
        Self(origin.to_string())
    }
}

impl FromStr for Issuer {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        text.parse::<Origin>().map(|origin| Self::from(&origin))
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The authorization server metadata (RFC 8414 §2, RFC 9396 §10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Metadata {
    issuer: String,
    token_endpoint: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    jwks_uri: String,
    grant_types_supported: [&'static str; 1],
    /// Required, and empty: there is no authorization endpoint. People decide elsewhere.
    response_types_supported: [&'static str; 0],
    token_endpoint_auth_methods_supported: [&'static str; 1],
    introspection_endpoint_auth_methods_supported: [&'static str; 1],
    revocation_endpoint_auth_methods_supported: [&'static str; 1],
    authorization_details_types_supported: [&'static str; 3],
}

/// `Authorization: Bearer AGENT_KEY`: none of the registered methods, so it has a name of our own.
const AGENT_KEY: [&str; 1] = ["urn:exeat:params:oauth:client-auth-method:agent-key"];

impl Metadata {
    /// The metadata of an issuer whose endpoints stand at their places of the wire contract.
    #[must_use]
    pub fn of(issuer: &Issuer) -> Self {
        let at = |path: &str| format!("{issuer}{path}");
        Self {
            issuer: issuer.to_string(),
            token_endpoint: at("/oauth/token"),
            introspection_endpoint: at("/oauth/introspect"),
            revocation_endpoint: at("/oauth/revoke"),
            jwks_uri: at("/.well-known/jwks.json"),
            grant_types_supported: [TOKEN_EXCHANGE_GRANT],
            response_types_supported: [],
            token_endpoint_auth_methods_supported: AGENT_KEY,
            introspection_endpoint_auth_methods_supported: AGENT_KEY,
            revocation_endpoint_auth_methods_supported: AGENT_KEY,
            authorization_details_types_supported: ["http", "network", "filesystem"],
        }
    }
}
