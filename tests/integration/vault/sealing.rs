//! A secret opens where it belongs, and nowhere else.

use exeat::base::id::UpstreamId;
use exeat::planes::secrets::vault::{Binding, Kind, MAX_SECRET, Sealed, Vault, VaultError};
use proptest::prelude::*;

use super::{Room, secret};

#[test]
fn a_secret_opens_where_it_was_sealed_for() {
    let room = Room::new();
    let vault = room.init();
    let binding = room.binding();
    for text in ["", "x", "ghp_0123456789", &"long ".repeat(10_000)] {
        let sealed = vault.seal(&binding, &secret(text), &room.random).unwrap();
        let stored = Sealed::parse(sealed.as_bytes()).unwrap();
        assert_eq!(stored, sealed);
        let opened = room.load().unwrap().open(&binding, &stored).unwrap();
        assert_eq!(opened.expose_secret(), text.as_bytes());
    }
}

#[test]
fn a_ciphertext_moved_to_another_row_does_not_open() {
    let room = Room::new();
    let vault = room.init();
    let home = Binding { id: "ab".to_owned(), ..room.binding() };
    let sealed = vault.seal(&home, &secret("hunter2"), &room.random).unwrap();
    let other_upstream = UpstreamId::new(&room.clock, &room.random).unwrap();
    let elsewhere = [
        Binding { kind: Kind::TokenKey, ..home.clone() },
        Binding { kind: Kind::LedgerKey, ..home.clone() },
        Binding { kind: Kind::CaKey, ..home.clone() },
        Binding { id: "ac".to_owned(), ..home.clone() },
        Binding { id: String::new(), ..home.clone() },
        Binding { version: 4, ..home.clone() },
        Binding { version: 2, ..home.clone() },
        Binding { upstream: Some(other_upstream), ..home.clone() },
        Binding { upstream: None, ..home.clone() },
        Binding { identity: Some("service:alice@example.com".parse().unwrap()), ..home.clone() },
        Binding { identity: Some("user:alice@example.org".parse().unwrap()), ..home.clone() },
        Binding { identity: None, ..home.clone() },
        Binding { slot: Some("query:key".to_owned()), ..home.clone() },
        Binding { slot: Some(String::new()), ..home.clone() },
        Binding { slot: None, ..home.clone() },
    ];
    for place in elsewhere {
        assert!(matches!(vault.open(&place, &sealed), Err(VaultError::DoesNotOpen)), "{place:?}");
        // Nor can it be made to belong there by resealing it.
        let moved = vault.reseal(&place, &sealed, &room.random);
        assert!(matches!(moved, Err(VaultError::DoesNotOpen)), "{place:?}");
    }
    assert_eq!(vault.open(&home, &sealed).unwrap().expose_secret(), b"hunter2");
}

#[test]
fn nothing_and_empty_are_two_places() {
    let room = Room::new();
    let vault = room.init();
    let none = Binding { slot: None, ..room.binding() };
    let empty = Binding { slot: Some(String::new()), ..none.clone() };
    let sealed = vault.seal(&none, &secret("x"), &room.random).unwrap();
    assert!(vault.open(&none, &sealed).is_ok());
    assert!(vault.open(&empty, &sealed).is_err());
}

#[test]
fn layers_and_records_cannot_be_mixed() {
    let room = Room::new();
    let vault = room.init();
    let binding = room.binding();
    let one = vault.seal(&binding, &secret("one"), &room.random).unwrap();
    let two = vault.seal(&binding, &secret("two"), &room.random).unwrap();
    // The head (format, key version, wrapped data key) of one record with the body of another.
    let head = 8 + 60;
    let mixed = [&one.as_bytes()[..head], &two.as_bytes()[head..]].concat();
    let mixed = Sealed::parse(&mixed).unwrap();
    assert!(matches!(vault.open(&binding, &mixed), Err(VaultError::DoesNotOpen)));
    // A wrapped data key is not a record.
    let wrapped_as_record = [&one.as_bytes()[..head], &one.as_bytes()[8..head]].concat();
    let wrapped_as_record = Sealed::parse(&wrapped_as_record).unwrap();
    assert!(vault.open(&binding, &wrapped_as_record).is_err());
}

#[test]
fn every_seal_is_new() {
    let room = Room::new();
    let vault = room.init();
    let binding = room.binding();
    let seal = || vault.seal(&binding, &secret("same"), &room.random).unwrap();
    let (one, two) = (seal(), seal());
    let same = one.as_bytes().iter().zip(two.as_bytes()).skip(8).filter(|(a, b)| a == b).count();
    assert!(same < 20, "{same} bytes of two sealed secrets are equal");
}

#[test]
fn another_vault_does_not_open_it() {
    let (here, there) = (Room::new(), Room::new());
    let binding = here.binding();
    let sealed = here.init().seal(&binding, &secret("x"), &here.random).unwrap();
    assert!(matches!(there.init().open(&binding, &sealed), Err(VaultError::DoesNotOpen)));
}

#[test]
fn j12_a_secret_that_is_too_long_is_refused() {
    let room = Room::new();
    let vault = room.init();
    let long = secret(&"x".repeat(MAX_SECRET));
    let sealed = vault.seal(&room.binding(), &long, &room.random).unwrap();
    let too_long = secret(&"x".repeat(MAX_SECRET + 1));
    assert!(matches!(vault.seal(&room.binding(), &too_long, &room.random), Err(VaultError::TooLong)));
    assert!(Sealed::parse(&[sealed.as_bytes(), b"x"].concat()).is_err());
}

#[test]
fn e09_nothing_that_prints_shows_the_secret() {
    let room = Room::new();
    let vault = room.init();
    let hidden = secret("hunter2");
    let sealed = vault.seal(&room.binding(), &hidden, &room.random).unwrap();
    let error = vault.open(&Binding { version: 9, ..room.binding() }, &sealed).unwrap_err();
    let printed = format!("{hidden:?} {vault:?} {sealed:?} {error:?} {error}");
    assert!(!printed.contains("hunter2"));
    let key_file = std::fs::read_to_string(room.path()).unwrap();
    let key = key_file.split('"').find(|text| text.len() == 64).unwrap();
    assert!(!printed.contains(key));
}

/// Format 1, made by another implementation (Python's `cryptography`) from its description. When this fails, installations lose their credentials: make a format 2.
#[test]
fn format_1_opens_for_ever() {
    let room = Room::new();
    std::fs::write(room.path(), FORMAT_1_KEY_FILE).unwrap();
    let private = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
    std::fs::set_permissions(room.path(), private).unwrap();
    let vault = room.load().unwrap();
    let binding = Binding {
        kind: Kind::Credential,
        id: "crd_00000000000070008000000000000001".to_owned(),
        version: 1,
        upstream: Some("ups_00000000000070008000000000000002".parse().unwrap()),
        identity: Some("service:release-bot".parse().unwrap()),
        slot: Some("header:x-api-key".to_owned()),
    };
    let sealed = Sealed::parse(&hex::decode(FORMAT_1_SEALED.replace(['\n', ' '], "")).unwrap()).unwrap();
    assert_eq!(vault.open(&binding, &sealed).unwrap().expose_secret(), b"a sealed secret of format 1");
}

const FORMAT_1_KEY_FILE: &str = include_str!("format_1.json");
const FORMAT_1_SEALED: &str = include_str!("format_1.hex");

fn sealed_once() -> &'static (Vault, Binding, Sealed) {
    static ONCE: std::sync::OnceLock<(Vault, Binding, Sealed)> = std::sync::OnceLock::new();
    ONCE.get_or_init(|| {
        let room = Room::new();
        let (vault, binding) = (room.init(), room.binding());
        let sealed = vault.seal(&binding, &secret("a secret of some length"), &room.random).unwrap();
        (vault, binding, sealed)
    })
}

proptest! {
    #[test]
    fn flipped_bits_do_not_open(flips in prop::collection::btree_set(0_usize..(68 + 28 + 23) * 8, 1..4)) {
        let (vault, binding, sealed) = sealed_once();
        let mut bytes = sealed.as_bytes().to_vec();
        for flip in flips {
            bytes[flip / 8] ^= 1 << (flip % 8);
        }
        if let Ok(changed) = Sealed::parse(&bytes) {
            prop_assert!(matches!(vault.open(binding, &changed), Err(VaultError::DoesNotOpen)));
        }
    }

    #[test]
    fn cut_or_lengthened_bytes_do_not_open(cut in 0_usize..119, extra in prop::collection::vec(any::<u8>(), 1..40)) {
        let (vault, binding, sealed) = sealed_once();
        let longer = [sealed.as_bytes(), &extra].concat();
        for bytes in [&sealed.as_bytes()[..cut], &longer] {
            if let Ok(changed) = Sealed::parse(bytes) {
                prop_assert!(vault.open(binding, &changed).is_err());
            }
        }
    }

    #[test]
    fn parse_takes_any_bytes(magic in any::<bool>(), bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let (vault, binding, _) = sealed_once();
        let bytes = if magic { [b"EXV1".as_slice(), &bytes].concat() } else { bytes };
        if let Ok(sealed) = Sealed::parse(&bytes) {
            prop_assert_eq!(sealed.as_bytes(), &bytes);
            prop_assert!(vault.open(binding, &sealed).is_err());
        }
    }

    /// Two different places never have the same associated data, however their texts are cut.
    #[test]
    fn different_places_do_not_open_each_other(
        (id, slot) in (".{0,6}", prop::option::of(".{0,6}")),
        (other_id, other_slot) in (".{0,6}", prop::option::of(".{0,6}")),
        (version, other_version) in (0_u64..3, 0_u64..3),
    ) {
        let (vault, _, _) = sealed_once();
        let random = exeat::base::random::SystemRandomness::default();
        let place = |id, version, slot| Binding { slot, ..Binding::of_key(Kind::CaKey, id, version) };
        let one: Binding = place(id, version, slot);
        let two = place(other_id, other_version, other_slot);
        let sealed = vault.seal(&one, &secret("x"), &random).unwrap();
        prop_assert_eq!(vault.open(&two, &sealed).is_ok(), one == two);
    }
}
