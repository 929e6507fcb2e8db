//! An export in the hands of somebody who would rather it said something else.
//!
//! The key that signs is known to the target but not used on the input: whatever verifies must be a signed export, and its
//! own checkpoint must hold it. The seeds are whole exports, so mutation begins from something that verifies.
#![no_main]

use std::sync::LazyLock;

use exeat::base::crypto::sign::SigningKey;
use exeat::base::secret::Secret;
use exeat::domain::ledger::note::{Origin, VerifierKey};
use exeat::domain::ledger::verify::verify;
use libfuzzer_sys::fuzz_target;

static TRUSTED: LazyLock<Vec<VerifierKey>> = LazyLock::new(|| {
    let key = SigningKey::from_seed(&Secret::new(vec![7; 32])).expect("a seed of 32 bytes");
    let origin: Origin = "exeat.example/log".parse().expect("an origin");
    vec![VerifierKey::new(origin, key.public())]
});

fuzz_target!(|data: &[u8]| {
    match verify(data, &TRUSTED, None) {
        Ok(verified) => {
            let again = verify(data, &TRUSTED, Some(verified.checkpoint())).expect("it continues itself");
            assert_eq!(again.root(), verified.root());
        }
        Err(verdict) => {
            drop(verdict.suspects());
            drop(verdict.to_string());
        }
    }
});
