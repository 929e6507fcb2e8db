//! What is cut off, has something behind it, comes twice, or claims to be without end.

use super::super::*;
use super::authenticator::*;

/// `{"credProtect": 3}`
const CRED_PROTECT: &str = "a16b6372656450726f7465637403";

fn registered(data: &[u8]) -> Result<(), Refused> {
    registration(data).verify(&party(), &CHALLENGE).map(drop)
}

fn asserted(client_data: impl Into<Vec<u8>>, data: Vec<u8>) -> Result<(), Refused> {
    let authenticator = Authenticator::ed_dsa(1);
    let assertion = authenticator.signs_all(client_data, data);
    assertion.verify(&party(), &CHALLENGE, &authenticator.registers()).map(drop)
}

fn unpacked(object: &[u8]) -> Result<(), Refused> {
    let registration = Registration { attestation_object: object.to_vec(), ..registration(&[]) };
    registration.verify(&party(), &CHALLENGE).map(drop)
}

fn extended(extensions: &[u8]) -> Result<(), Refused> {
    let outcome = registered(&Authenticator::ed_dsa(1).attested(SEEN, b"a", extensions));
    let data = [&data(SEEN | EXTENSIONS, 1), extensions].concat();
    assert_eq!(
        asserted(client_data("get", &CHALLENGE, ORIGIN), data),
        outcome,
        "the same in both ceremonies"
    );
    outcome
}

#[test]
fn authenticator_data_that_is_cut_off_anywhere_is_refused() {
    let extensions = hex::decode(CRED_PROTECT).unwrap();
    for authenticator in [Authenticator::ed_dsa(1), Authenticator::es256()] {
        let whole = authenticator.attested(SEEN, b"a passkey", &extensions);
        assert_eq!(registered(&whole), Ok(()));
        for length in 0..whole.len() {
            assert!(registered(&whole[..length]).is_err(), "{length}");
            let object = object(&whole);
            assert_eq!(unpacked(&object[..length]), Err(Refused::AttestationObject), "{length}");
        }
    }
    let whole = [data(SEEN | EXTENSIONS, 1), extensions].concat();
    let text = client_data("get", &CHALLENGE, ORIGIN);
    assert_eq!(asserted(&*text, whole.clone()), Ok(()));
    for length in 0..whole.len() {
        // Signed like that, so that it is not the signature that fails.
        let refused = if length < 37 { Refused::AuthenticatorData } else { Refused::Extensions };
        assert_eq!(asserted(&*text, whole[..length].to_vec()), Err(refused), "{length}");
    }
}

#[test]
fn bytes_behind_the_end_are_refused() {
    let authenticator = Authenticator::es256();
    let whole = authenticator.attested(SEEN, b"a passkey", &[]);
    for more in [&[0][..], &[0xa0], &[0xf6; 100]] {
        assert_eq!(registered(&[&whole, more].concat()), Err(Refused::AuthenticatorData));
        assert_eq!(unpacked(&[&object(&whole), more].concat()), Err(Refused::AttestationObject));
        assert_eq!(PublicKey::from_cose(&[&authenticator.cose(), more].concat()), Err(Refused::Key));
        let data = [&data(SEEN, 1), more].concat();
        assert_eq!(asserted(client_data("get", &CHALLENGE, ORIGIN), data), Err(Refused::AuthenticatorData));
        let text = [client_data("get", &CHALLENGE, ORIGIN).as_bytes(), more].concat();
        assert_eq!(asserted(text, data_of_now()), Err(Refused::ClientData));
    }
}

fn data_of_now() -> Vec<u8> {
    data(SEEN, 1)
}

#[test]
fn client_data_in_which_a_member_comes_twice_is_refused() {
    let text = client_data("get", &CHALLENGE, ORIGIN);
    for member in [
        r#""type":"webauthn.get""#,
        r#""challenge":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc""#,
        r#""origin":"https://exeat.example""#,
        r#""\u006frigin":"https://exeat.example""#,
        r#""crossOrigin":false"#,
    ] {
        for twice in [text.replace('{', &format!("{{{member},")), text.replace('}', &format!(",{member}}}"))]
        {
            assert_eq!(asserted(twice, data_of_now()), Err(Refused::ClientData), "{member}");
        }
    }
}

#[test]
fn client_data_that_no_browser_writes_is_refused() {
    let text = client_data("get", &CHALLENGE, ORIGIN);
    let challenge = encoding::text(&CHALLENGE);
    for other in [
        String::new(),
        "{}".to_owned(),
        "null".to_owned(),
        format!(r#"["webauthn.get","{challenge}","{ORIGIN}",false,false]"#),
        format!("[{text}]"),
        text.replace(":false", ":null"),
        text.replace(":false", ":\"false\""),
        text.replace("\"webauthn.get\"", "null"),
        text.replace("\"origin\"", "\"Origin\""),
        text.replace("https://exeat.example", "https://exeat.example\\ud800"),
        text.replace('}', ",}"),
        text.replace('}', ""),
    ] {
        assert_eq!(asserted(&*other, data_of_now()), Err(Refused::ClientData), "{other}");
    }
    for spoilt in [text.replace("://e", "://~"), text.replace('}', ",\"let pass\":\"~\"}")] {
        let bytes: Vec<u8> = spoilt.bytes().map(|byte| if byte == b'~' { 0xff } else { byte }).collect();
        assert_eq!(asserted(bytes, data_of_now()), Err(Refused::ClientData), "not UTF-8: {spoilt}");
    }
    let long = text.replace('}', &format!(r#","a":"{}"}}"#, "a".repeat(4096)));
    assert!(matches!(asserted(long, data_of_now()), Err(Refused::TooLong { member: "clientDataJSON", .. })));
}

#[test]
fn members_that_are_not_known_yet_and_another_order_are_let_pass() {
    let text = client_data("get", &CHALLENGE, ORIGIN);
    let challenge = encoding::text(&CHALLENGE);
    for other in [
        text.replace(
            '}',
            r#","other_keys_can_be_added_here":"do not compare clientDataJSON against a template"}"#,
        ),
        text.replace('}', r#","tokenBinding":{"status":"supported"},"a":[[{"type":"x"}]],"b":null,"a":1}"#),
        text.replace('}', &format!(",\"deep\":{}{}}}", "[".repeat(1000), "]".repeat(1000))),
        format!(r#" {{ "origin": "{ORIGIN}", "challenge": "{challenge}", "type": "webauthn\u002eget" }} "#),
        format!("\u{feff}{text}"),
    ] {
        assert_eq!(asserted(&*other, data_of_now()), Ok(()), "{other}");
    }
}

#[test]
fn extension_outputs_are_a_map_by_names_and_otherwise_let_pass() {
    for known in
        [CRED_PROTECT, "a0", "a163 75766d 81 83 02 04 02", "a2 6161 f5 6162 a1 6163 81 80", "a16161f6"]
    {
        assert_eq!(extended(&hex::decode(known.replace(' ', "")).unwrap()), Ok(()), "{known}");
    }
    for other in [
        "00",             // not a map
        "80",             // nor this
        "f6",             // nor this
        "a10001",         // a number for a name
        "a1",             // less than it says
        "a16161",         // a name and no value
        "a2616101616101", // one name twice
        "bf616101ff",     // without a length
        "a161617f6161ff", // a text in pieces
        "a161615f4161ff", // bytes in pieces
        "a16161c101",     // tagged
        "a16161f97e00",   // floating
        "a16161fb3ff0000000000000",
        "a16161f7",         // undefined
        "a16161f0",         // a simple value that is none
        "a16161ff",         // the end of something
        "a161611c",         // a head that is none
        "a161ff01",         // a name that is not UTF-8
        "a1616181818180",   // five levels
        "a16161a180818000", // an array for a name, below
        "a1616182",         // an array of two, of which there is none
    ] {
        let bytes = hex::decode(other).unwrap();
        assert_eq!(extended(&bytes), Err(Refused::Extensions), "{other}");
    }
    let text = client_data("get", &CHALLENGE, ORIGIN);
    assert_eq!(
        asserted(text, data(SEEN | EXTENSIONS, 1)),
        Err(Refused::Extensions),
        "a flag and nothing more"
    );
}

#[test]
fn cbor_that_claims_to_be_huge_or_is_deep_is_refused_at_once() {
    for head in
        ["9bffffffffffffffff", "bbffffffffffffffff", "5bffffffffffffffff", "7bffffffffffffffff", "ba7fffffff"]
    {
        let head = hex::decode(head).unwrap();
        assert_eq!(extended(&head), Err(Refused::Extensions));
        assert_eq!(extended(&[&[0xa1, 0x61, b'a'], &head[..]].concat()), Err(Refused::Extensions));
        assert_eq!(unpacked(&head), Err(Refused::AttestationObject));
        assert_eq!(unpacked(&object_with("packed", &head, &[])), Err(Refused::AttestationObject));
        assert_eq!(PublicKey::from_cose(&head), Err(Refused::Key));
        let whole = Authenticator::ed_dsa(1).attested(SEEN, b"a", &[]);
        // The key of the passkey begins behind its id of one byte.
        assert_eq!(registered(&[&whole[..56], &head].concat()), Err(Refused::Key));
    }
    for deep in [[0x81].repeat(3000), [0xa1, 0x00].repeat(1500), [0xd8, 0x40].repeat(1500)] {
        assert_eq!(extended(&[&[0xa1, 0x61, b'a'], &deep[..]].concat()), Err(Refused::Extensions));
        assert_eq!(unpacked(&deep), Err(Refused::AttestationObject));
        assert_eq!(unpacked(&object_with("packed", &deep.repeat(10), &[])), Err(Refused::AttestationObject));
    }
}

#[test]
fn an_attestation_object_has_three_members_once_in_any_order() {
    let data = Authenticator::ed_dsa(1).attested(SEEN, b"a", &[]);
    let mut writer = minicbor::Encoder::new(Vec::new());
    writer.bytes(&data).unwrap();
    let written = writer.into_writer();
    let (format, statement, data) =
        (&b"\x63fmt\x64none"[..], &b"\x67attStmt\xa0"[..], [b"\x68authData", &written[..]].concat());
    let map = |members: &[&[u8]]| {
        unpacked(&[&[0xa0 | u8::try_from(members.len()).unwrap()], members.concat().as_slice()].concat())
    };
    for order in [[format, statement, &data], [&data, statement, format], [statement, &data, format]] {
        assert_eq!(map(&order), Ok(()));
    }
    for other in [
        &[format, statement, data.as_slice(), b"\x61a\x00"][..],
        &[format, statement, &data, &data],
        &[format, format, &data],
        &[format, statement],
        &[format, statement, b"\x61a\x00"],
        &[b"\x63fmt\x00", statement, &data],
        &[format, statement, b"\x68authData\x60"],
        &[b"\x43fmt\x64none", statement, &data],
        &[],
    ] {
        assert_eq!(map(other), Err(Refused::AttestationObject));
    }
    assert_eq!(unpacked(&[]), Err(Refused::AttestationObject));
    assert!(matches!(unpacked(&vec![0; 1 << 17]), Err(Refused::TooLong { .. })));
}

#[test]
fn the_id_of_a_passkey_has_bounds() {
    let authenticator = Authenticator::ed_dsa(1);
    let with = |length| registered(&authenticator.attested(SEEN, &vec![1; length], &[]));
    assert_eq!([with(1), with(16), with(1023)], [Ok(()), Ok(()), Ok(())]);
    assert_eq!([with(0), with(1024), with(60_000)], [Err(Refused::PasskeyId); 3]);
}

#[test]
fn an_assertion_has_bounds() {
    let authenticator = Authenticator::ed_dsa(1);
    let refused =
        |assertion: Assertion| assertion.verify(&party(), &CHALLENGE, &authenticator.registers()).map(drop);
    let whole = authenticator.signs(&CHALLENGE);
    let handle = |length| Assertion { user_handle: Some(vec![1; length]), ..whole.clone() };
    assert_eq!(refused(handle(64)), Ok(()));
    assert!(matches!(refused(handle(65)), Err(Refused::TooLong { member: "userHandle", most: 64 })));
    for signature in [vec![], vec![0; 63], vec![0; 64], vec![0; 65], [&whole.signature[..], &[0]].concat()] {
        assert_eq!(refused(Assertion { signature, ..whole.clone() }), Err(Refused::Signature));
    }
    let long = Assertion { signature: vec![0; 1025], ..whole.clone() };
    assert!(matches!(refused(long), Err(Refused::TooLong { member: "signature", .. })));
    let long = Assertion { authenticator_data: vec![0; 4097], ..whole };
    assert!(matches!(refused(long), Err(Refused::TooLong { member: "authenticatorData", .. })));
}
