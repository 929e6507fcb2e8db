//! What is kept: keys, passkeys, assertions and relying parties, as they are written and read back.

use serde_json::{Value, json};

use super::super::*;
use super::authenticator::*;

fn cose(digits: &str) -> Result<PublicKey, Refused> {
    PublicKey::from_cose(&hex::decode(digits.replace(' ', "")).unwrap())
}

fn ed_dsa() -> String {
    hex::encode(Authenticator::ed_dsa(1).cose())
}

#[test]
fn a_key_is_read_in_one_spelling() {
    let (x, y) = ("11".repeat(32), "22".repeat(32));
    assert!(cose(&ed_dsa()).is_ok());
    assert!(cose(&format!("a5 0102 0326 2001 215820{x} 225820{y}")).is_ok());
    for other in [
        String::new(),
        "a0".to_owned(),
        format!("a4 0102 0326 2001 215820{x}"), // a coordinate short
        format!("a5 0102 0326 2001 215820{x} 22f5"), // compressed
        format!("a5 0102 0326 2002 215820{x} 225820{y}"), // another curve
        format!("a5 0102 0327 2001 215820{x} 225820{y}"), // another algorithm
        format!("a5 0102 033822 2001 215820{x} 225820{y}"), // ES384
        format!("a5 0101 0326 2001 215820{x} 225820{y}"), // another type
        format!("a5 0326 0102 2001 215820{x} 225820{y}"), // another order
        format!("a5 0102 0102 0326 2001 215820{x} 225820{y}"), // twice
        format!("a6 0102 024101 0326 2001 215820{x} 225820{y}"), // with a key id
        format!("a6 0102 0326 2001 215820{x} 225820{y} 235820{y}"), // with a private half
        format!("a5 0102 0326 2001 21581f{} 225820{y}", &x[2..]), // a byte short
        format!("a5 0102 0326 2001 215821{x}00 225820{y}"), // a byte long
        format!("a5 0102 0326 2001 215820{x} 227820{y}"), // a text
        format!("a5 180102 0326 2001 215820{x} 225820{y}"), // a long number
        format!("a5 0102 3806 2001 215820{x} 225820{y}"), // and another
        format!("a5 0102 0326 2001 21590020{x} 225820{y}"), // a long length
        format!("b805 0102 0326 2001 215820{x} 225820{y}"), // and another
        format!("bf 0102 0326 2001 215820{x} 225820{y} ff"), // without a length
        format!("d8 3d a5 0102 0326 2001 215820{x} 225820{y}"), // tagged
        format!("a4 0101 0327 2007 215820{x}"), // Ed448's curve
        format!("a4 0101 0327 2006 215820 01{}", "00".repeat(31)), // nobody's key
        format!("a4 0101 0327 2006 215820 {}", "00".repeat(32)),
    ] {
        assert_eq!(cose(&other), Err(Refused::Key), "{other}");
    }
}

#[test]
fn an_rsa_key_has_bounds() {
    let key = |n: &[u8], e: &[u8]| {
        let key = json!({ "algorithm": "RS256", "n": encoding::text(n), "e": encoding::text(e) });
        serde_json::from_value::<PublicKey>(key).is_ok()
    };
    let n = |length: usize| [&[0x80][..], &vec![0; length - 2], &[1]].concat();
    for (length, e) in [(256, &[3][..]), (257, &[1, 0, 1]), (1024, &[1, 0, 1]), (256, &[1, 0, 0, 0, 1])] {
        assert!(key(&n(length), e));
    }
    for length in [128, 255, 1025] {
        assert!(!key(&n(length), &[3]), "{length}");
    }
    let low = [&[0x7f][..], &[0xff; 255]].concat();
    let even = [&[0x80][..], &[0; 255]].concat();
    let zero = [&[0][..], &n(256)].concat();
    assert!(!key(&low, &[3]) && !key(&even, &[3]) && !key(&zero, &[3]) && !key(&[], &[3]));
    for e in [&[][..], &[0], &[1], &[2], &[0, 3], &[2, 0, 0, 0, 1], &[1, 0, 0, 0, 0, 1], &[0xff; 40]] {
        assert!(!key(&n(256), e), "{e:?}");
    }
}

/// Writes and reads back, and refuses each of `changes`: a pointer, and what stands there instead.
fn kept<T>(value: &T, changes: &[(&str, Value)]) -> Value
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let written = serde_json::to_value(value).unwrap();
    assert_eq!(&serde_json::from_value::<T>(written.clone()).unwrap(), value);
    for (member, other) in changes {
        let mut changed = written.clone();
        changed[*member] = other.clone();
        assert!(serde_json::from_value::<T>(changed).is_err(), "{member}: {other}");
    }
    written
}

#[test]
fn keys_are_kept_in_base64url() {
    let x = encoding::text(&[0x11; 32]);
    let key = cose(&format!("a5 0102 0326 2001 215820{0} 225820{0}", "11".repeat(32))).unwrap();
    let changes = [
        ("algorithm", json!("ES384")),
        ("algorithm", json!("EdDSA")),
        ("x", json!(encoding::text(&[0x11; 31]))),
        ("x", json!(format!("{x}="))),
        ("x", json!(x.replace('E', "+"))),
        ("x", Value::Null),
        ("d", json!(x)),
    ];
    assert_eq!(kept(&key, &changes), json!({ "algorithm": "ES256", "x": x, "y": x }));
    let key = cose(&ed_dsa()).unwrap();
    let changes = [("x", json!(encoding::text(&[0; 32]))), ("y", json!(x))];
    assert_eq!(kept(&key, &changes)["algorithm"], "EdDSA");
}

#[test]
fn passkeys_and_assertions_are_kept_in_base64url_and_verify_when_read_back() {
    let authenticator = Authenticator::es256();
    let passkey = authenticator.registers();
    let changes = [
        ("id", json!("")),
        ("id", json!("YQ==")),
        ("sign_count", json!(-1)),
        ("more", json!(1)),
        ("transports", json!(["x"])),
    ];
    assert_eq!(kept(&passkey, &changes)["id"], "YSBwYXNza2V5");
    let assertion = authenticator.signs(&CHALLENGE);
    let changes = [
        ("credential_id", json!("")),
        ("signature", json!("YQ==")),
        ("signature", json!([1, 2])),
        ("authenticator_data", json!("YR")),
        ("user_handle", Value::Null),
        ("more", json!(1)),
    ];
    let written = kept(&assertion, &changes);
    assert!(written.get("user_handle").is_none());
    let read: Assertion = serde_json::from_value(written).unwrap();
    assert!(read.verify(&party(), &CHALLENGE, &passkey).is_ok());
    let handled = Assertion { user_handle: Some(b"per".to_vec()), ..assertion };
    assert_eq!(
        kept(&handled, &[("user_handle", json!("=")), ("user_handle", json!(3))])["user_handle"],
        "cGVy"
    );
}

#[test]
fn ways_to_reach_a_passkey_that_are_not_known_are_left_out() {
    let registration = registration(&[]);
    let mut written = kept(
        &registration,
        &[("attestation_object", Value::Null), ("more", json!(1)), ("transports", json!([1]))],
    );
    written["transports"] = json!(["usb", "smart-card", "carrier pigeon", "usb"]);
    let read: Registration = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(read.transports, [Transport::Usb, Transport::SmartCard].into());
    written.as_object_mut().unwrap().remove("transports");
    assert!(serde_json::from_value::<Registration>(written).unwrap().transports.is_empty());
}

#[test]
fn a_relying_party_is_one_for_which_a_browser_makes_passkeys() {
    let party = |id: &str, origins: &[&str]| {
        let written = json!({ "id": id, "origins": origins });
        serde_json::from_value::<RelyingParty>(written.clone())
            .inspect(|party| assert_eq!(kept(party, &[("more", json!(1))]), written))
            .is_ok()
    };
    for (id, origins) in [
        ("exeat.example", &["https://exeat.example"][..]),
        ("exeat.example", &["https://review.exeat.example:8443", "https://exeat.example"]),
        ("localhost", &["http://localhost:7071"]),
    ] {
        assert!(party(id, origins), "{id}");
    }
    for (id, origins) in [
        ("exeat.example", &[][..]),
        ("exeat.example", &["https://exeat.example", "https://other.example"]),
        ("exeat.example", &["https://notexeat.example"]),
        ("www.exeat.example", &["https://exeat.example"]),
        ("", &["https://exeat.example"]),
        (".example", &["https://exeat.example"]),
        ("Exeat.example", &["https://exeat.example"]),
        ("https://exeat.example", &["https://exeat.example"]),
        ("exeat.example", &["http://exeat.example"]),
        ("exeat.example", &["https://exeat.example/path"]),
        ("127.0.0.1", &["http://127.0.0.1:7071"]),
        ("1", &["http://127.0.0.1:7071"]),
        ("0.0.1", &["http://127.0.0.1:7071"]),
        ("[::1]", &["http://[::1]:7071"]),
        ("::1]", &["http://[::1]:7071"]),
    ] {
        assert!(!party(id, origins), "{id} {origins:?}");
    }
}

#[test]
fn a_refusal_says_what_to_do_and_nothing_of_what_was_sent() {
    for refused in [
        Refused::Challenge,
        Refused::Origin,
        Refused::Ceremony { expected: "get" },
        Refused::TooLong { member: "signature", most: 1024 },
        Refused::PasskeyId,
        Refused::SignCount,
    ] {
        let said = refused.to_string();
        assert!(said.contains(':') && said.is_ascii() && said.len() < 200, "{said}");
    }
}
