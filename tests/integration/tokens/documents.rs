//! The documents others read: a token's header and claims, the key set, metadata, introspection; and the JWT library's
//! own reader, which believes our tokens by our key set.

use exeat::domain::token::{Introspection, Metadata, PlainToken, VerifiedToken};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};

use super::fixture::{AUDIENCE, ISSUER, NOW, SEED, issuer, keys, live, minted, parts, usual_items};

#[test]
fn a_token_says_this() {
    insta::assert_json_snapshot!(parts().1, { ".approval.statement_digest" => "[digest]" });
}

#[test]
fn the_key_set_says_this() {
    insta::assert_json_snapshot!(keys(SEED).jwks(NOW));
}

#[test]
fn the_metadata_says_this() {
    insta::assert_json_snapshot!(Metadata::of(&issuer()));
}

#[test]
fn introspection_says_all_of_a_live_token_and_of_no_other() {
    let (token, issuer) = (live(usual_items()), issuer());
    let answer = serde_json::to_value(Introspection::active(&token, &issuer, AUDIENCE)).unwrap();
    let mut expected = parts().1;
    expected["active"] = true.into();
    expected["token_type"] = "Bearer".into();
    assert_eq!(answer, expected);
    assert_eq!(serde_json::to_string(&Introspection::inactive()).unwrap(), r#"{"active":false}"#);
}

#[test]
fn a_jwt_library_believes_our_tokens_by_our_key_set() {
    let published = serde_json::to_string(&keys(SEED).jwks(NOW)).unwrap();
    let published: JwkSet = serde_json::from_str(&published).unwrap();
    let token = minted();
    let header = jsonwebtoken::decode_header(&token).unwrap();
    assert_eq!((header.typ.as_deref(), header.alg), (Some("at+jwt"), Algorithm::EdDSA));
    let key = DecodingKey::from_jwk(published.find(&header.kid.unwrap()).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
    // The library reads the machine's clock; these tests live in another year.
    validation.validate_exp = false;
    let read = jsonwebtoken::decode::<serde_json::Value>(&token, &key, &validation).unwrap();
    assert_eq!(read.claims, parts().1);
    let other = minted().replace(token.rsplit('.').next().unwrap(), &"A".repeat(86));
    assert!(jsonwebtoken::decode::<serde_json::Value>(&other, &key, &validation).is_err());
}

#[test]
fn tokens_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<VerifiedToken>();
    shared::<PlainToken>();
    shared::<exeat::domain::token::Verifier>();
    shared::<exeat::domain::access::Permit>();
}
