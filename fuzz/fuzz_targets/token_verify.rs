//! Anything at all as a token, and anything at all as the claims of a token that our own key signed.
//!
//! The first byte chooses: 0 presents the rest as it is; otherwise the rest is signed as claims, so that mutation gets past
//! the signature and reaches the claim reader. What is believed must be alive and must be read the same way twice.
#![no_main]

use std::sync::{Arc, LazyLock};

use exeat::base::clock::Timestamp;
use exeat::base::crypto::sign::SigningKey;
use exeat::base::secret::Secret;
use exeat::domain::token::{TokenKeys, Verifier};
use libfuzzer_sys::fuzz_target;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

struct Installation {
    keys: Arc<TokenKeys>,
    signing: SigningKey,
}

static INSTALLATION: LazyLock<Installation> = LazyLock::new(|| {
    let seed = Secret::new(vec![7; 32]);
    let keys = TokenKeys::new(&seed, &[]).expect("a seed of 32 bytes");
    let signing = SigningKey::from_seed(&seed).expect("a seed of 32 bytes");
    Installation { keys: Arc::new(keys), signing }
});

fuzz_target!(|data: &[u8]| {
    let Some((&how, rest)) = data.split_first() else { return };
    let presented = if how == 0 { String::from_utf8_lossy(rest).into_owned() } else { signed(rest) };
    let issuer = "https://exeat.example".parse().expect("an issuer");
    let verifier = Verifier::new(Arc::clone(&INSTALLATION.keys), issuer, "urn:exeat:proxy");
    if let Ok(token) = verifier.verify(&presented, NOW) {
        assert_ne!(how, 0, "a token that nobody signed was believed");
        assert!(token.issued_at() <= NOW && NOW < token.expires_at());
        assert!(verifier.verify(&presented, NOW).is_ok(), "seen before, and no longer believed");
        assert!(verifier.verify(&presented, token.expires_at()).is_err(), "believed beyond its end");
    }
});

fn signed(claims: &[u8]) -> String {
    let header = format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"{}"}}"#, INSTALLATION.keys.id());
    let message = format!("{}.{}", base64url(header.as_bytes()), base64url(claims));
    let signature = INSTALLATION.signing.sign(message.as_bytes());
    format!("{message}.{}", base64url(&signature))
}

/// RFC 4648 §5, without padding.
fn base64url(bytes: &[u8]) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes)
}
