//! The test vectors of WebAuthn Level 3 §16, all of them: `w3c.json` holds those inputs and outputs of theirs that a relying
//! party sees (github.com/w3c/webauthn, `index.bs` at 146d0db0).
//!
//! Most were made without user verification, which is refused here. So each is held against the rule that refuses it,
//! and all signatures of the three algorithms are verified apart from the rules.

use serde::Deserialize;

use super::super::authenticator_data::AuthenticatorData;
use super::super::registration::authenticator_data_in;
use super::super::*;

#[derive(Deserialize)]
struct Vector {
    name: String,
    registration: Created,
    authentication: Got,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    challenge: String,
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    attestation_object: String,
    #[serde(rename = "credential_id")]
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Got {
    challenge: String,
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    signature: String,
}

impl Vector {
    fn registration(&self) -> Registration {
        Registration {
            client_data_json: bytes(&self.registration.client_data),
            attestation_object: bytes(&self.registration.attestation_object),
            transports: [].into(),
        }
    }

    fn assertion(&self) -> Assertion {
        Assertion {
            credential_id: PasskeyId::from_bytes(&bytes(&self.registration.id)).unwrap(),
            client_data_json: bytes(&self.authentication.client_data),
            authenticator_data: bytes(&self.authentication.authenticator_data),
            signature: bytes(&self.authentication.signature),
            user_handle: None,
        }
    }

    /// What was registered, whatever the rules say to it.
    fn attested(&self) -> Result<(PasskeyId, PublicKey), Refused> {
        let object = bytes(&self.registration.attestation_object);
        AuthenticatorData::read(authenticator_data_in(&object)?)?.attested()
    }
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("w3c.json")).unwrap()
}

fn bytes(digits: &str) -> Vec<u8> {
    hex::decode(digits).unwrap()
}

fn party() -> RelyingParty {
    RelyingParty::new("example.org", vec!["https://example.org".parse().unwrap()]).unwrap()
}

#[test]
fn every_signature_of_the_three_algorithms_verifies_and_no_other_key_is_taken() {
    let mut verified = Vec::new();
    for vector in vectors() {
        let name = &vector.name;
        match vector.attested() {
            Ok((id, key)) => {
                let assertion = vector.assertion();
                assert_eq!(id, assertion.credential_id, "{name}");
                assert_eq!(key.verify(&assertion.signed(), &assertion.signature), Ok(()), "{name}");
                assert_eq!(PublicKey::from_cose(&key.to_cose()), Ok(key), "{name}");
                verified.push(vector.name);
            }
            Err(refused) => {
                assert_eq!(refused, Refused::Key, "{name}");
                assert!(["packed-es384", "packed-es512", "packed-ed448"].contains(&&**name), "{name}");
            }
        }
    }
    assert_eq!(verified.len(), 12, "{verified:?}");
    assert!(["packed-rs256", "packed-eddsa"].iter().all(|name| verified.iter().any(|one| one == name)));
}

#[test]
fn every_vector_is_accepted_or_refused_by_the_rule_it_breaks() {
    let (unverified, cross) = (Err(Refused::UserVerification), Err(Refused::CrossOrigin));
    // An authentication is `None` where there is no key to verify it with.
    let outcomes = [
        ("none-es256", unverified, Some(unverified)),
        ("packed-self-es256", Ok(()), Some(unverified)),
        ("none-es256-crossOrigin", cross, Some(cross)),
        ("none-es256-topOrigin", cross, Some(cross)),
        ("none-es256-long-credential-id", unverified, Some(Ok(()))),
        ("packed-es256", Ok(()), Some(Ok(()))),
        ("packed-es384", unverified, None),
        ("packed-es512", Err(Refused::Key), None),
        ("packed-rs256", Ok(()), Some(unverified)),
        ("packed-eddsa", unverified, Some(unverified)),
        ("packed-ed448", unverified, None),
        ("tpm-es256", Ok(()), Some(Ok(()))),
        ("android-key-es256", Ok(()), Some(unverified)),
        ("apple-es256", unverified, Some(unverified)),
        ("fido-u2f-es256", unverified, Some(unverified)),
    ];
    let vectors = vectors();
    assert_eq!(vectors.len(), outcomes.len());
    for (vector, (name, created, got)) in vectors.iter().zip(outcomes) {
        assert_eq!(vector.name, name);
        let challenge = bytes(&vector.registration.challenge);
        let passkey = vector.registration().verify(&party(), &challenge);
        assert_eq!(passkey.clone().map(drop), created, "{name}");
        let challenge = bytes(&vector.authentication.challenge);
        let assertion = vector.assertion();
        let key = vector.attested().ok().map(|(_, key)| key);
        let proved = key.map(|key| assertion.proves(&party(), &challenge, &key).map(drop));
        assert_eq!(proved, got, "{name}");
        if let (Ok(passkey), Some(expected)) = (passkey, got) {
            assert_eq!(assertion.verify(&party(), &challenge, &passkey).map(drop), expected, "{name}");
        }
    }
}
