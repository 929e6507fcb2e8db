//! Attestation objects from arbitrary bytes, in a registration that is otherwise as it should be.
//!
//! What is accepted holds the passkey's id and its key as they were sent, with a user present and verified and nothing unknown said, and the
//! passkey is read back as it is kept.
#![no_main]

use std::sync::LazyLock;

use exeat::domain::webauthn::{Passkey, PublicKey, Registration, RelyingParty};
use libfuzzer_sys::fuzz_target;

/// That of the test vectors of WebAuthn Level 3, which are the seeds.
static PARTY: LazyLock<RelyingParty> = LazyLock::new(|| {
    let origin = "https://example.org".parse().expect("an origin");
    RelyingParty::new("example.org", vec![origin]).expect("a relying party")
});

const CLIENT_DATA: &[u8] =
    br#"{"type":"webauthn.create","challenge":"AAAAAAAAAAAAAAAAAAAAAA","origin":"https://example.org"}"#;

fuzz_target!(|data: &[u8]| {
    let _ =
        PublicKey::from_cose(data).map(|key| assert_eq!(key.to_cose(), data, "one spelling for each key"));
    let registration = Registration {
        client_data_json: CLIENT_DATA.to_vec(),
        attestation_object: data.to_vec(),
        transports: [].into(),
    };
    let Ok(passkey) = registration.verify(&PARTY, &[0; 16]) else { return };
    let at = |part: &[u8]| data.windows(part.len()).position(|window| window == part);
    let cose = passkey.key.to_cose();
    let sent = [passkey.id.as_bytes(), &cose].concat();
    // Before the id stand the hash, the flags, the counter, the AAGUID and the length.
    let flags = data[at(&sent).expect("the passkey is what was sent") - 23];
    assert_eq!(flags & 0b0110_0111, 0b0100_0101);
    let kept = serde_json::to_vec(&passkey).expect("it can be kept");
    assert_eq!(serde_json::from_slice::<Passkey>(&kept).expect("it reads back"), passkey);
});
