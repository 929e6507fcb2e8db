//! What is public about the token endpoints: their metadata (RFC 8414) and the keys that sign (RFC 7517).

use axum::extract::State;
use axum::response::Json;
use serde_json::Value;

use crate::domain::token::{JwkSet, Metadata};
use crate::edges::state::Edge;
use crate::edges::view::json;
use crate::edges::wire;

/// Where the endpoints are and what they take.
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", tag = "oauth",
    responses((status = 200, description = "RFC 8414", body = wire::Metadata)))]
pub(super) async fn metadata(State(edge): State<Edge>) -> Json<Value> {
    Json(json(&Metadata::of(&edge.broker().signing().issuer)))
}

/// The public keys that tokens are signed with.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "oauth",
    responses((status = 200, description = "RFC 7517", body = wire::KeySet)))]
pub(super) async fn jwks(State(edge): State<Edge>) -> Json<JwkSet> {
    Json(edge.broker().signing().keys.jwks(edge.broker().now()))
}

#[cfg(test)]
mod tests {
    use crate::domain::token::{Issuer, Metadata};
    use crate::edges::{view::json, wire};

    #[test]
    fn the_metadata_is_what_the_contract_says() {
        let issuer: Issuer = "https://exeat.example.com".parse().unwrap();
        let said = json(&Metadata::of(&issuer));
        let read: wire::Metadata = serde_json::from_value(said.clone()).unwrap();
        assert_eq!(json(&read), said);
    }
}
