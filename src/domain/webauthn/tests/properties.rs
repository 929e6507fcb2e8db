//! Whatever is sent, nothing panics; whatever is changed, nothing holds.

use proptest::prelude::*;

use super::super::*;
use super::authenticator::*;

#[test]
fn one_bit_changed_anywhere_in_an_assertion_and_it_no_longer_holds() {
    for authenticator in [Authenticator::ed_dsa(1), Authenticator::es256()] {
        let passkey = authenticator.registers();
        let whole = authenticator.signs(&CHALLENGE);
        let parts: [fn(&mut Assertion) -> &mut Vec<u8>; 3] =
            [|it| &mut it.client_data_json, |it| &mut it.authenticator_data, |it| &mut it.signature];
        for part in parts {
            let mut changed = whole.clone();
            for at in 0..part(&mut changed).len() {
                let bit = 1 << (at % 8);
                part(&mut changed)[at] ^= bit;
                assert!(changed.verify(&party(), &CHALLENGE, &passkey).is_err(), "{at}");
                part(&mut changed)[at] ^= bit;
            }
            assert!(changed.verify(&party(), &CHALLENGE, &passkey).is_ok());
        }
    }
}

proptest! {
    #[test]
    fn a_byte_changed_taken_out_or_put_in_and_the_assertion_no_longer_holds(
        part in 0..3_usize, at in any::<prop::sample::Index>(), byte in any::<u8>(), way in 0..3_u8,
    ) {
        let authenticator = Authenticator::ed_dsa(1);
        let whole = authenticator.signs(&CHALLENGE);
        let mut changed = whole.clone();
        let bytes = [&mut changed.client_data_json, &mut changed.authenticator_data, &mut changed.signature];
        let bytes = bytes.into_iter().nth(part).unwrap();
        let at = at.index(bytes.len());
        match way {
            0 => bytes[at] = byte,
            1 => drop(bytes.remove(at)),
            _ => bytes.insert(at, byte),
        }
        let holds = changed.verify(&party(), &CHALLENGE, &authenticator.registers()).is_ok();
        prop_assert_eq!(holds, changed == whole);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), flags in any::<u8>()) {
        let behind = [data(flags, 0), bytes.clone()].concat();
        let attested = [data(flags | SEEN | ATTESTED, 0), vec![0; 16], vec![0, 1, 0], bytes.clone()].concat();
        for data in [&bytes, &behind, &attested] {
            let _ = registration(data).verify(&party(), &CHALLENGE);
            let authenticator = Authenticator::ed_dsa(1);
            let text = client_data("get", &CHALLENGE, ORIGIN);
            let _ = authenticator.signs_all(text, data.clone()).verify(&party(), &CHALLENGE, &authenticator.registers());
            let text = authenticator.signs_all(data.clone(), behind.clone());
            let _ = text.verify(&party(), &CHALLENGE, &authenticator.registers());
        }
        let whole = Registration { attestation_object: bytes.clone(), ..registration(&[]) };
        let _ = whole.verify(&party(), &CHALLENGE);
        let _ = PublicKey::from_cose(&bytes);
    }

    /// From what is right, so that the readers are led far into it.
    #[test]
    fn a_changed_registration_gives_the_passkey_that_it_says_or_none(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), cut in any::<prop::sample::Index>(),
    ) {
        let extensions = hex::decode("a26b6372656450726f7465637403686d61632d78a16161814100").unwrap_or_default();
        let mut object = object(&Authenticator::es256().attested(SEEN, b"a passkey", &extensions));
        for (at, byte) in changes {
            let at = at.index(object.len());
            object[at] = byte;
        }
        let cut = cut.index(object.len() * 4);
        object.truncate(cut.max(1));
        let whole = Registration { attestation_object: object.clone(), ..registration(&[]) };
        if let Ok(passkey) = whole.verify(&party(), &CHALLENGE) {
            let holds = |part: &[u8]| object.windows(part.len()).any(|window| window == part);
            prop_assert!(holds(passkey.id.as_bytes()) && holds(&passkey.key.to_cose()));
        }
    }
}
