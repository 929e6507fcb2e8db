//! Sealed secrets from arbitrary bytes: parsing is strict, and nothing opens that the vault did not seal.
//!
//! The vault's key is made anew for every run, so no input can hold a ciphertext that opens.
#![no_main]

use std::sync::LazyLock;

use exeat::base::clock::{SystemClock, Timestamp};
use exeat::base::random::SystemRandomness;
use exeat::planes::secrets::vault::{Binding, Kind, Sealed, Vault};
use libfuzzer_sys::fuzz_target;

static VAULT: LazyLock<Vault> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("a directory");
    let random = SystemRandomness::default();
    Vault::init(
        &directory.path().join("vault.key"),
        None,
        &SystemClock::starting_at(Timestamp::from_seconds(0)),
        &random,
    )
    .expect("a vault")
});

fuzz_target!(|data: &[u8]| {
    let Ok(sealed) = Sealed::parse(data) else { return };
    assert_eq!(sealed.as_bytes(), data, "what was read is what is stored");
    let binding = Binding::of_key(Kind::TokenKey, "key", 1);
    assert!(VAULT.open(&binding, &sealed).is_err(), "opened what was never sealed");
    assert!(VAULT.reseal(&binding, &sealed, &SystemRandomness::default()).is_err());
});
