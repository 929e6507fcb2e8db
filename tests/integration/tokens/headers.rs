//! G03: the header is compared, not read. Whatever else it says, the token is not ours.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use exeat::base::crypto::hash::sha256;
use exeat::domain::token::{MAX_TOKEN, TokenProblem, looks_like_token};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{AlgorithmFamily, DecodingKey, EncodingKey, Header, Validation};

use super::fixture::{SEED, claims_text, forged, keys, minted, parts, verify};

fn refused(header: &str) -> TokenProblem {
    verify(&forged(header, &claims_text())).expect_err(header)
}

fn header(alg: &str, typ: &str, kid: &str) -> String {
    format!("{{\"alg\":{alg},\"typ\":{typ},\"kid\":{kid}}}")
}

#[test]
fn the_header_says_algorithm_type_and_key_and_nothing_else() {
    let kid = keys(SEED).id().to_owned();
    assert_eq!(parts().0, header("\"EdDSA\"", "\"at+jwt\"", &format!("\"{kid}\"")));
    assert!(verify(&forged(&parts().0, &claims_text())).is_ok());
}

#[test]
fn g03_every_other_algorithm_is_refused() {
    let kid = format!("\"{}\"", keys(SEED).id());
    for alg in [
        "\"none\"",
        "\"None\"",
        "\"nOnE\"",
        "\"\"",
        "\"HS256\"",
        "\"HS512\"",
        "\"ES256\"",
        "\"RS256\"",
        "\"PS256\"",
        "\"eddsa\"",
        "\"EDDSA\"",
        "\"Ed25519\"",
        "\"EdDSA \"",
        "null",
        "[\"EdDSA\"]",
        "0",
    ] {
        assert_eq!(refused(&header(alg, "\"at+jwt\"", &kid)), TokenProblem::UnknownKey, "{alg}");
    }
}

#[test]
fn g03_none_without_a_signature_is_refused() {
    let kid = format!("\"{}\"", keys(SEED).id());
    let claims = URL_SAFE_NO_PAD.encode(claims_text());
    for alg in ["\"none\"", "\"EdDSA\""] {
        let header = URL_SAFE_NO_PAD.encode(header(alg, "\"at+jwt\"", &kid));
        assert!(verify(&format!("{header}.{claims}.")).is_err());
        assert!(verify(&format!("{header}.{claims}")).is_err());
    }
}

/// The public key as the secret of an HMAC (RFC 2104), the classic confusion.
#[test]
fn g03_hs256_keyed_with_the_public_key_is_refused() {
    let public = keys(SEED).public();
    let kid = format!("\"{}\"", keys(SEED).id());
    let head = URL_SAFE_NO_PAD.encode(header("\"HS256\"", "\"at+jwt\"", &kid));
    let message = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims_text()));
    let pad = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(public.as_bytes()).for_each(|(block, key)| *block ^= key);
        block
    };
    let inner = sha256(&[&pad(0x36), message.as_bytes()]);
    let mac = sha256(&[&pad(0x5c), inner.as_bytes()]);
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.as_bytes()));
    assert_eq!(verify(&token), Err(TokenProblem::UnknownKey));
}

/// With no outer check before it: `jsonwebtoken` itself has nothing but Ed25519 under it.
#[test]
fn g03_the_library_signs_and_verifies_nothing_but_ed25519() {
    use AlgorithmFamily::{Ec, Hmac, Rsa};
    let public = *keys(SEED).public().as_bytes();
    let [secret, ours] = [EncodingKey::from_secret(&public), EncodingKey::from_ed_der(&[SEED; 32])];
    let hmac = DecodingKey::from_secret(&public);
    let refused = |kind: &ErrorKind| matches!(kind, ErrorKind::UnsupportedAlgorithm);
    for &alg in [Hmac, Rsa, Ec].iter().flat_map(AlgorithmFamily::algorithms) {
        for key in [&secret, &ours, &EncodingKey::from_rsa_der(&public), &EncodingKey::from_ec_der(&public)] {
            assert!(refused(jsonwebtoken::crypto::sign(b"", key, alg).unwrap_err().kind()), "{alg:?}");
        }
        for key in [&hmac, &DecodingKey::from_ed_der(&public), &DecodingKey::from_ec_der(&public)] {
            assert!(refused(jsonwebtoken::crypto::verify("", b"", key, alg).unwrap_err().kind()), "{alg:?}");
        }
    }
    // Nor Ed25519 with a key that was meant for something else.
    let eddsa = jsonwebtoken::Algorithm::EdDSA;
    assert!(refused(jsonwebtoken::crypto::sign(b"", &secret, eddsa).unwrap_err().kind()));
    assert!(refused(jsonwebtoken::crypto::verify("", b"", &hmac, eddsa).unwrap_err().kind()));
    assert!(jsonwebtoken::encode(&Header::default(), &parts().1, &secret).is_err());
}

/// A verifier of the library that was told to believe HMAC finds none to believe with.
#[test]
fn g03_the_library_decodes_no_hs256_even_if_told_to() {
    let public = *keys(SEED).public().as_bytes();
    let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"at+jwt"}"#);
    let token = format!("{head}.{}.{}", URL_SAFE_NO_PAD.encode(claims_text()), "A".repeat(43));
    let told = Validation::new(jsonwebtoken::Algorithm::HS256);
    for key in [DecodingKey::from_secret(&public), DecodingKey::from_ed_der(&public)] {
        let read = jsonwebtoken::decode::<serde_json::Value>(&token, &key, &told);
        assert!(matches!(read.unwrap_err().kind(), ErrorKind::UnsupportedAlgorithm));
    }
}

#[test]
fn j04_every_other_type_is_refused() {
    let kid = format!("\"{}\"", keys(SEED).id());
    for typ in [
        "\"JWT\"",
        "\"jwt\"",
        "\"AT+JWT\"",
        "\"application/at+jwt\"",
        "\"dpop+jwt\"",
        "\"at+jwt \"",
        "null",
        "\"\"",
    ] {
        assert_eq!(refused(&header("\"EdDSA\"", typ, &kid)), TokenProblem::UnknownKey, "{typ}");
    }
    assert_eq!(refused(&format!("{{\"alg\":\"EdDSA\",\"kid\":{kid}}}")), TokenProblem::UnknownKey);
}

#[test]
fn j02_a_key_id_is_no_path_no_query_and_has_one_spelling() {
    let id = keys(SEED).id().to_owned();
    let other = keys(SEED + 1).id().to_owned();
    for kid in [
        String::new(),
        other,
        "../../../../dev/null".to_owned(),
        "/etc/passwd".to_owned(),
        "' OR '1'='1".to_owned(),
        "x' UNION SELECT 'key".to_owned(),
        "https://attacker.example/jwks.json".to_owned(),
        id.to_lowercase(),
        id.to_uppercase(),
        format!("{id} "),
        format!(" {id}"),
        format!("{id}\\u0000"),
        format!("{id}="),
        format!("./{id}"),
        format!("{id}%00"),
        "A".repeat(4000),
    ] {
        let token = header("\"EdDSA\"", "\"at+jwt\"", &format!("\"{kid}\""));
        assert_eq!(refused(&token), TokenProblem::UnknownKey, "{kid}");
    }
}

#[test]
fn g03_a_header_with_anything_more_or_spelt_otherwise_is_refused() {
    let ours = parts().0;
    let open = ours.strip_suffix('}').unwrap();
    for more in [
        "\"crit\":[\"exp\"]",
        "\"crit\":[]",
        "\"b64\":false",
        "\"zip\":\"DEF\"",
        "\"jku\":\"https://attacker.example\"",
        "\"jwk\":{}",
        "\"x5c\":[]",
        "\"cty\":\"JWT\"",
        "\"alg\":\"EdDSA\"",
        "\"kid\":\"x\"",
    ] {
        assert_eq!(refused(&format!("{open},{more}}}")), TokenProblem::UnknownKey, "{more}");
    }
    for spelling in [
        format!(" {ours}"),
        format!("{ours} "),
        ours.replace(':', ": "),
        ours.replace("alg", "\\u0061lg"),
        "{}".to_owned(),
        String::new(),
        "null".to_owned(),
    ] {
        assert_eq!(refused(&spelling), TokenProblem::UnknownKey, "{spelling}");
    }
}

#[test]
fn j04_the_three_parts_have_one_spelling() {
    let token = minted();
    let [header, claims, signature]: [&str; 3] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    for text in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        format!("{token}=="),
        format!("{token}\n"),
        format!("{token} "),
        format!(" {token}"),
        format!("Bearer {token}"),
        format!("{token}\0"),
        format!("{token}A"),
        token.replace('.', ".."),
        token.replace('.', "\n."),
        format!("{header}.{claims}"),
        format!("{header}..{signature}"),
        format!("{header}.{claims}."),
        format!("{header}.{signature}.{claims}"),
        format!("{header}=.{claims}.{signature}"),
        format!("{header}.{claims}=.{signature}"),
        format!("{header}.{claims}.{}", URL_SAFE.encode(&raw)),
        format!("{header}.{claims}.{}", STANDARD.encode(&raw)),
        format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(&raw[..63])),
        format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode([&raw[..], &[0]].concat())),
        format!("{header}.{claims}.{}", "A".repeat(86)),
        token.to_lowercase(),
    ] {
        assert!(verify(&text).is_err(), "{text}");
    }
}

/// 64 bytes leave four spare bits in the last character of their base64: sixteen characters for one signature.
#[test]
fn j04_spare_bits_of_the_signature_have_one_spelling() {
    let token = minted();
    let (rest, last) = token.split_at(token.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let accepted: String = alphabet.chars().filter(|c| verify(&format!("{rest}{c}")).is_ok()).collect();
    assert_eq!(accepted, last);
}

#[test]
fn j12_what_is_too_long_is_refused_unread() {
    for text in
        ["A".repeat(MAX_TOKEN + 1), format!("{}{}", minted(), "A".repeat(MAX_TOKEN)), ".".repeat(1 << 20)]
    {
        assert_eq!(verify(&text), Err(TokenProblem::Malformed));
        assert!(!looks_like_token(&text));
    }
}

#[test]
fn a_token_looks_like_one_and_foreign_credentials_do_not() {
    assert!(looks_like_token(&minted()));
    let unsigned = URL_SAFE_NO_PAD.encode(header("\"none\"", "\"at+jwt\"", "\"x\""));
    for foreign in
        ["", "ghp_0123456789abcdef", "sk-ant-api03-x", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA", "..", &unsigned]
    {
        assert!(!looks_like_token(foreign), "{foreign}");
    }
}
