//! Client data and authenticator data from arbitrary bytes, signed by the passkey as if its holder had seen to it: up to a zero byte the
//! one, behind it the other.
//!
//! What is accepted says for an independent reader too that this challenge was signed at this place, with a user present and verified; and it
//! is not accepted with another challenge, by another key, or with one bit more.
#![no_main]

use std::sync::LazyLock;

use exeat::base::crypto::hash::sha256;
use exeat::base::crypto::sign::SigningKey;
use exeat::base::secret::Secret;
use exeat::domain::webauthn::{Assertion, PasskeyId, PublicKey, RelyingParty};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

static PARTY: LazyLock<RelyingParty> = LazyLock::new(|| {
    let origin = "https://example.org".parse().expect("an origin");
    RelyingParty::new("example.org", vec![origin]).expect("a relying party")
});

static SIGNING: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::from_seed(&Secret::new(vec![7; 32])).expect("a seed of 32 bytes"));

static KEYS: LazyLock<[PublicKey; 2]> = LazyLock::new(|| {
    let other = SigningKey::from_seed(&Secret::new(vec![8; 32])).expect("a seed of 32 bytes");
    [&*SIGNING, &other].map(|key| {
        let cose = [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32][..], key.public().as_bytes()].concat();
        PublicKey::from_cose(&cose).expect("a key")
    })
});

fuzz_target!(|data: &[u8]| {
    if let Ok(assertion) = serde_json::from_slice::<Assertion>(data) {
        assert!(assertion.proves(&PARTY, &[0; 16], &KEYS[0]).is_err(), "signed without the key");
    }
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let (Some(client_data), Some(authenticator_data)) = (parts.next(), parts.next()) else { return };
    let signed = [authenticator_data, sha256(&[client_data]).as_bytes()].concat();
    let mut assertion = Assertion {
        credential_id: PasskeyId::from_bytes(b"a passkey").expect("an id"),
        client_data_json: client_data.to_vec(),
        authenticator_data: authenticator_data.to_vec(),
        signature: SIGNING.sign(&signed).to_vec(),
        user_handle: None,
    };
    let [key, other] = &*KEYS;
    let Ok(asserted) = assertion.proves(&PARTY, &[0; 16], key) else { return };
    let text = client_data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(client_data);
    let text = std::str::from_utf8(text).expect("what was read is text");
    // In members that are let pass there may be what this reader does not take: great depth, great numbers, half a character.
    if let Ok(said) = serde_json::from_str::<Value>(text) {
        assert_eq!(said["type"], "webauthn.get");
        assert_eq!(said["challenge"], "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(said["origin"], "https://example.org");
        assert!(said["crossOrigin"] != true && said.get("topOrigin").is_none());
    }
    assert_eq!(authenticator_data[..32], *sha256(&[b"example.org"]).as_bytes());
    assert_eq!(authenticator_data[32] & 0b0110_0111, 0b0000_0101);
    assert_eq!(authenticator_data[33..37], asserted.sign_count().to_be_bytes());
    assert!(authenticator_data[32] & 0b1000_0000 != 0 || authenticator_data.len() == 37);
    assert!(assertion.proves(&PARTY, &[1; 16], key).is_err());
    assert!(assertion.proves(&PARTY, &[0; 16], other).is_err());
    assertion.authenticator_data[36] ^= 1;
    assert!(assertion.proves(&PARTY, &[0; 16], key).is_err());
});
