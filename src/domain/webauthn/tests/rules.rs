//! One test for each rule, with everything else in order and signed.

use super::super::*;
use super::authenticator::*;

/// What becomes of an assertion that was signed by the right key over this.
fn signed(client_data: impl Into<Vec<u8>>, data: Vec<u8>) -> Result<(), Refused> {
    let authenticator = Authenticator::ed_dsa(1);
    let assertion = authenticator.signs_all(client_data, data);
    let all = assertion.verify(&party(), &CHALLENGE, &authenticator.registers());
    let key = PublicKey::from_cose(&authenticator.cose()).unwrap();
    assert_eq!(assertion.proves(&party(), &CHALLENGE, &key), all, "a reader of the ledger comes to the same");
    all.map(drop)
}

fn saying(client_data: &str) -> Result<(), Refused> {
    signed(client_data, data(SEEN, 1))
}

fn flagged(flags: u8) -> Result<(), Refused> {
    signed(client_data("get", &CHALLENGE, ORIGIN), data(flags, 1))
}

fn registered(data: &[u8]) -> Result<Passkey, Refused> {
    registration(data).verify(&party(), &CHALLENGE)
}

#[test]
fn what_a_passkey_signed_is_proved_by_its_public_key() {
    for authenticator in [Authenticator::ed_dsa(1), Authenticator::es256()] {
        let passkey = authenticator.registers();
        assert_eq!((passkey.id.as_bytes(), passkey.sign_count), (&b"a passkey"[..], 0));
        assert_eq!(passkey.key.to_cose(), authenticator.cose());
        assert_eq!(passkey.transports, [Transport::Internal].into());
        let assertion = authenticator.signs(&CHALLENGE);
        let asserted = assertion.verify(&party(), &CHALLENGE, &passkey).unwrap();
        assert_eq!((asserted.sign_count(), asserted.backed_up()), (1, false));
        assert_eq!(assertion.proves(&party(), &CHALLENGE, &passkey.key), Ok(asserted));
    }
}

/// Made with the Python package cryptography 48; the private key is gone.
#[test]
fn a_passkey_may_be_an_rsa_key() {
    #[derive(serde::Deserialize)]
    struct Made {
        key: PublicKey,
        assertion: Assertion,
    }
    let made: Made = serde_json::from_str(include_str!("rs256.json")).unwrap();
    let asserted = made.assertion.proves(&party(), &CHALLENGE, &made.key).unwrap();
    assert_eq!(asserted.sign_count(), 9);
    assert_eq!(PublicKey::from_cose(&made.key.to_cose()), Ok(made.key.clone()));
    let mut changed = made.assertion.clone();
    changed.authenticator_data[36] ^= 1;
    assert_eq!(changed.proves(&party(), &CHALLENGE, &made.key), Err(Refused::Signature));
}

#[test]
fn f04_a_signature_over_another_challenge_is_refused() {
    assert_eq!(saying(&client_data("get", &[8; 32], ORIGIN)), Err(Refused::Challenge));
    assert_eq!(saying(&client_data("get", &CHALLENGE[..31], ORIGIN)), Err(Refused::Challenge));
    assert_eq!(saying(&client_data("get", &[], ORIGIN)), Err(Refused::Challenge));
    let padded = client_data("get", &CHALLENGE, ORIGIN).replace("Bwc\"", "Bwc=\"");
    assert_eq!(saying(&padded), Err(Refused::Challenge), "with padding");
    let mut other = registration(&Authenticator::ed_dsa(1).attested(SEEN, b"a", &[]));
    other.client_data_json = client_data("create", &[8; 32], ORIGIN).into_bytes();
    assert_eq!(other.verify(&party(), &CHALLENGE), Err(Refused::Challenge));
}

#[test]
fn f01_another_origin_is_refused() {
    for origin in [
        "http://exeat.example",
        "https://exeat.example:8443",
        "https://exeat.example/",
        "https://Exeat.example",
        "https://exeat.example.",
        "https://www.exeat.example",
        "https://exeat.example.evil.example",
        "https://evil.example",
        "null",
        "",
    ] {
        assert_eq!(saying(&client_data("get", &CHALLENGE, origin)), Err(Refused::Origin), "{origin}");
    }
    let mut other = registration(&Authenticator::ed_dsa(1).attested(SEEN, b"a", &[]));
    other.client_data_json = client_data("create", &CHALLENGE, "https://evil.example").into_bytes();
    assert_eq!(other.verify(&party(), &CHALLENGE), Err(Refused::Origin));
}

#[test]
fn f01_a_page_inside_a_page_of_another_site_is_refused() {
    let text = client_data("get", &CHALLENGE, ORIGIN);
    let cross = text.replace(":false}", ":true}");
    assert_eq!(saying(&cross), Err(Refused::CrossOrigin));
    for top in ["\"https://evil.example\"", "\"https://exeat.example\"", "null"] {
        let within = text.replace('}', &format!(",\"topOrigin\":{top}}}"));
        assert_eq!(saying(&within), Err(Refused::CrossOrigin), "{top}");
    }
    assert_eq!(saying(&text.replace(",\"crossOrigin\":false", "")), Ok(()), "older browsers leave it out");
}

#[test]
fn a_registration_is_no_assertion_and_the_other_way_round() {
    let expected = |function| Err(Refused::Ceremony { expected: function });
    assert_eq!(saying(&client_data("create", &CHALLENGE, ORIGIN)), expected("get"));
    assert_eq!(saying(&client_data("get ", &CHALLENGE, ORIGIN)), expected("get"));
    let payment = client_data("get", &CHALLENGE, ORIGIN).replace("webauthn.get", "payment.get");
    assert_eq!(saying(&payment), expected("get"));
    let authenticator = Authenticator::ed_dsa(1);
    let mut other = registration(&authenticator.attested(SEEN, b"a", &[]));
    other.client_data_json = client_data("get", &CHALLENGE, ORIGIN).into_bytes();
    assert_eq!(other.verify(&party(), &CHALLENGE).map(drop), Err(Refused::Ceremony { expected: "create" }));
    let attested = authenticator.attested(SEEN, b"a", &[]);
    assert_eq!(signed(client_data("get", &CHALLENGE, ORIGIN), attested), Err(Refused::NewPasskey));
    assert_eq!(registered(&data(SEEN, 0)), Err(Refused::NoPasskey));
}

#[test]
fn f01_a_passkey_of_another_relying_party_is_refused() {
    let mut other = data(SEEN, 1);
    other[31] ^= 1;
    assert_eq!(signed(client_data("get", &CHALLENGE, ORIGIN), other), Err(Refused::RelyingParty));
    let mut other = Authenticator::ed_dsa(1).attested(SEEN, b"a", &[]);
    other[0] ^= 1;
    assert_eq!(registered(&other), Err(Refused::RelyingParty));
}

#[test]
fn f21_nobody_present_and_nobody_verified_are_refused() {
    let authenticator = Authenticator::ed_dsa(1);
    for (flags, refused) in
        [(0b100, Refused::UserPresence), (0b001, Refused::UserVerification), (0, Refused::UserPresence)]
    {
        assert_eq!(flagged(flags), Err(refused));
        assert_eq!(registered(&authenticator.attested(flags, b"a", &[])), Err(refused));
    }
}

#[test]
fn i13_a_reserved_flag_and_an_impossible_backup_are_refused() {
    let authenticator = Authenticator::ed_dsa(1);
    for (flag, refused) in
        [(0b10, Refused::ReservedFlag), (0b10_0000, Refused::ReservedFlag), (0b1_0000, Refused::BackupState)]
    {
        assert_eq!(flagged(SEEN | flag), Err(refused));
        assert_eq!(registered(&authenticator.attested(SEEN | flag, b"a", &[])), Err(refused));
    }
}

#[test]
fn a_passkey_that_changes_whether_it_can_be_backed_up_is_refused() {
    let authenticator = Authenticator::ed_dsa(1);
    let synced = registered(&authenticator.attested(SEEN | 0b1_1000, b"a passkey", &[])).unwrap();
    assert!(synced.backup_eligible && synced.backed_up);
    let asserted = |flags| {
        let text = client_data("get", &CHALLENGE, ORIGIN);
        authenticator.signs_all(text, data(flags, 0)).verify(&party(), &CHALLENGE, &synced)
    };
    assert_eq!(asserted(SEEN).map(drop), Err(Refused::BackupEligibility));
    assert!(asserted(SEEN | 0b1_1000).unwrap().backed_up());
    assert!(!asserted(SEEN | 0b1000).unwrap().backed_up(), "it may come to be on one device again");
    let text = client_data("get", &CHALLENGE, ORIGIN);
    let grown = authenticator.signs_all(text, data(SEEN | 0b1000, 1));
    let bound = authenticator.registers();
    assert_eq!(grown.verify(&party(), &CHALLENGE, &bound).map(drop), Err(Refused::BackupEligibility));
}

#[test]
fn f07_a_counter_that_does_not_rise_is_refused() {
    let authenticator = Authenticator::ed_dsa(1);
    let outcome = |before, now| {
        let passkey = Passkey { sign_count: before, ..authenticator.registers() };
        let assertion = authenticator.signs_all(client_data("get", &CHALLENGE, ORIGIN), data(SEEN, now));
        assertion.verify(&party(), &CHALLENGE, &passkey).map(|asserted| asserted.sign_count())
    };
    for (before, now) in [(0, 1), (1, 2), (1, u32::MAX), (u32::MAX - 1, u32::MAX)] {
        assert_eq!(outcome(before, now), Ok(now));
    }
    assert_eq!(outcome(0, 0), Ok(0), "a passkey that does not count");
    for (before, now) in [(1, 1), (2, 1), (1, 0), (u32::MAX, u32::MAX), (u32::MAX, 0)] {
        assert_eq!(outcome(before, now), Err(Refused::SignCount), "{before} {now}");
    }
}

#[test]
fn f03_another_key_or_another_passkey_is_refused() {
    let (one, two) = (Authenticator::ed_dsa(1), Authenticator::ed_dsa(2));
    let by_two = two.signs(&CHALLENGE);
    assert_eq!(by_two.verify(&party(), &CHALLENGE, &one.registers()).map(drop), Err(Refused::Signature));
    let elsewhere =
        Assertion { credential_id: PasskeyId::from_bytes(b"b").unwrap(), ..one.signs(&CHALLENGE) };
    assert_eq!(
        elsewhere.verify(&party(), &CHALLENGE, &one.registers()).map(drop),
        Err(Refused::OtherPasskey)
    );
    let other_way = Authenticator::es256().registers();
    assert_eq!(
        one.signs(&CHALLENGE).verify(&party(), &CHALLENGE, &other_way).map(drop),
        Err(Refused::Signature)
    );
}

#[test]
fn f09_attestation_is_neither_trusted_nor_a_reason_to_refuse() {
    let data = Authenticator::ed_dsa(1).attested(SEEN, b"a", &[]);
    let stated = |format, statement: &str| {
        let statement = hex::decode(statement).unwrap();
        let object = object_with(format, &statement, &data);
        Registration { attestation_object: object, ..registration(&data) }
            .verify(&party(), &CHALLENGE)
            .map(drop)
    };
    // {"alg": -7, "sig": h'00', "x5c": [h'00']}
    assert_eq!(stated("packed", "a363616c67266373696741006378356381 4100".replace(' ', "").as_str()), Ok(()));
    assert_eq!(stated("never heard of", "80"), Ok(()));
    assert_eq!(stated("none", "a0"), Ok(()));
    for statement in ["a1616100", "80"] {
        assert_eq!(stated("none", statement), Err(Refused::AttestationStatement));
    }
    for statement in ["00", "f6", "4100", "c1a0", "f97e00", "bfff", "a1"] {
        assert_eq!(stated("packed", statement), Err(Refused::AttestationObject), "{statement}");
    }
}
