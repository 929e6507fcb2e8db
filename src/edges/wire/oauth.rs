//! The OAuth endpoints: token exchange (RFC 8693), introspection (RFC 7662), revocation (RFC 7009), metadata (RFC 8414).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::secret::SecretText;
use crate::domain::token;

/// The one `grant_type` (RFC 8693 §2.1).
pub const GRANT_TYPE: &str = token::TOKEN_EXCHANGE_GRANT;
/// The one `subject_token_type`: the subject token is the id of an approval.
pub const SUBJECT_TOKEN_TYPE: &str = token::APPROVAL_ID_TYPE;
/// The type of what is issued (RFC 8693 §3).
pub const ISSUED_TOKEN_TYPE: &str = token::ACCESS_TOKEN_TYPE;

/// `POST /oauth/token` (RFC 8693 §2.1).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenForm {
    /// [`GRANT_TYPE`].
    pub grant_type: String,
    /// The id of the approval.
    pub subject_token: String,
    /// [`SUBJECT_TOKEN_TYPE`].
    pub subject_token_type: String,
    /// [`ISSUED_TOKEN_TYPE`], or left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_token_type: Option<String>,
    /// A JSON list of narrower items (RFC 9396 §6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_details: Option<String>,
    /// Kept for a shorter life; not taken yet, so it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u32>,
}

/// A token (RFC 8693 §2.2.1).
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TokenAnswer {
    /// The token.
    pub access_token: SecretText,
    /// [`ISSUED_TOKEN_TYPE`].
    pub issued_token_type: String,
    /// `Bearer`.
    pub token_type: String,
    /// Seconds it lives.
    pub expires_in: u64,
    /// What it allows (RFC 9396 §7).
    #[schema(value_type = Vec<Object>)]
    pub authorization_details: Vec<Value>,
}

/// `POST /oauth/introspect` (RFC 7662 §2.1) and `POST /oauth/revoke` (RFC 7009 §2.1).
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenHandle {
    /// The token.
    pub token: SecretText,
    /// What the caller takes it for; there is one kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type_hint: Option<String>,
}

/// What a token is (RFC 7662 §2.2). One that is not live says nothing but that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Introspection {
    /// Whether it would be accepted now.
    pub active: bool,
    /// Its claims, when it is live.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub claims: Map<String, Value>,
}

/// A refusal (RFC 6749 §5.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OAuthError {
    /// The code.
    pub error: String,
    /// For people who read logs.
    pub error_description: String,
}

/// `GET /.well-known/oauth-authorization-server` (RFC 8414 §2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Metadata {
    /// The issuer: what `iss` says.
    pub issuer: String,
    /// Where tokens are had.
    pub token_endpoint: String,
    /// Where they are explained.
    pub introspection_endpoint: String,
    /// Where they are ended.
    pub revocation_endpoint: String,
    /// The keys they are signed with.
    pub jwks_uri: String,
    /// [`GRANT_TYPE`].
    pub grant_types_supported: Vec<String>,
    /// None: there is no authorization endpoint.
    pub response_types_supported: Vec<String>,
    /// How agents show who they are.
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// The same.
    pub introspection_endpoint_auth_methods_supported: Vec<String>,
    /// The same.
    pub revocation_endpoint_auth_methods_supported: Vec<String>,
    /// The types of scope item (RFC 9396 §10).
    pub authorization_details_types_supported: Vec<String>,
}

/// `GET /.well-known/jwks.json` (RFC 7517 §5).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct KeySet {
    /// The public keys that tokens are signed with, each a JWK (RFC 8037 §2).
    #[schema(value_type = Vec<Object>)]
    pub keys: Vec<Value>,
}
