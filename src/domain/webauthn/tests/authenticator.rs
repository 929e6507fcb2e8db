//! An authenticator and a browser in a few lines: they say what a test has them say, and sign it.

use minicbor::Encoder;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

use super::super::*;
use crate::base::crypto::hash::sha256;
use crate::base::crypto::sign::SigningKey;
use crate::base::secret::Secret;

pub(super) const ID: &str = "exeat.example";
pub(super) const ORIGIN: &str = "https://exeat.example";
pub(super) const CHALLENGE: [u8; 32] = [7; 32];

/// User present and verified.
pub(super) const SEEN: u8 = 0b0000_0101;
pub(super) const ATTESTED: u8 = 0b0100_0000;
pub(super) const EXTENSIONS: u8 = 0b1000_0000;

pub(in crate::domain) fn party() -> RelyingParty {
    RelyingParty::new(ID, vec![ORIGIN.parse().unwrap()]).unwrap()
}

/// What a browser writes (§5.8.1.1).
pub(super) fn client_data(function: &str, challenge: &[u8], origin: &str) -> String {
    let challenge = encoding::text(challenge);
    format!(
        r#"{{"type":"webauthn.{function}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#
    )
}

/// The first 37 bytes of authenticator data.
pub(super) fn data(flags: u8, count: u32) -> Vec<u8> {
    [sha256(&[ID.as_bytes()]).as_bytes(), &[flags][..], &count.to_be_bytes()].concat()
}

/// An attestation object without a statement.
pub(super) fn object(data: &[u8]) -> Vec<u8> {
    object_with("none", &[0xa0], data)
}

pub(super) fn object_with(format: &str, statement: &[u8], data: &[u8]) -> Vec<u8> {
    let mut writer = Encoder::new(Vec::new());
    writer.map(3).unwrap().str("fmt").unwrap().str(format).unwrap().str("attStmt").unwrap();
    writer.writer_mut().extend_from_slice(statement);
    writer.str("authData").unwrap().bytes(data).unwrap();
    writer.into_writer()
}

pub(in crate::domain) enum Authenticator {
    EdDsa(SigningKey),
    Es256(EcdsaKeyPair),
}

impl Authenticator {
    pub(super) fn ed_dsa(seed: u8) -> Self {
        Self::EdDsa(SigningKey::from_seed(&Secret::new(vec![seed; 32])).unwrap())
    }

    pub(in crate::domain) fn es256() -> Self {
        let (way, random) = (&ECDSA_P256_SHA256_ASN1_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(way, &random).unwrap();
        Self::Es256(EcdsaKeyPair::from_pkcs8(way, pkcs8.as_ref(), &random).unwrap())
    }

    pub(super) fn cose(&self) -> Vec<u8> {
        match self {
            Self::EdDsa(key) => {
                [&hex::decode("a401010327200621").unwrap()[..], &[0x58, 32], &key.public().as_bytes()[..]]
                    .concat()
            }
            Self::Es256(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                [&hex::decode("a5010203262001215820").unwrap()[..], x, &[0x22, 0x58, 32], y].concat()
            }
        }
    }

    /// Authenticator data with this one's key, and with `extensions` if there are any.
    pub(super) fn attested(&self, flags: u8, id: &[u8], extensions: &[u8]) -> Vec<u8> {
        let flags = flags | ATTESTED | if extensions.is_empty() { 0 } else { EXTENSIONS };
        let length = u16::try_from(id.len()).unwrap().to_be_bytes();
        [&data(flags, 0), &[0xaa; 16][..], &length, id, &self.cose(), extensions].concat()
    }

    pub(in crate::domain) fn registers(&self) -> Passkey {
        registration(&self.attested(SEEN, b"a passkey", &[])).verify(&party(), &CHALLENGE).unwrap()
    }

    /// An assertion as everything should be.
    pub(in crate::domain) fn signs(&self, challenge: &[u8]) -> Assertion {
        self.signs_all(client_data("get", challenge, ORIGIN), data(SEEN, 1))
    }

    pub(super) fn signs_all(&self, client_data: impl Into<Vec<u8>>, data: Vec<u8>) -> Assertion {
        let mut assertion = Assertion {
            credential_id: PasskeyId::from_bytes(b"a passkey").unwrap(),
            client_data_json: client_data.into(),
            authenticator_data: data,
            signature: Vec::new(),
            user_handle: None,
        };
        let signed = assertion.signed();
        assertion.signature = match self {
            Self::EdDsa(key) => key.sign(&signed).to_vec(),
            Self::Es256(key) => key.sign(&SystemRandom::new(), &signed).unwrap().as_ref().to_vec(),
        };
        assertion
    }
}

pub(super) fn registration(data: &[u8]) -> Registration {
    Registration {
        client_data_json: client_data("create", &CHALLENGE, ORIGIN).into_bytes(),
        attestation_object: object(data),
        transports: [Transport::Internal].into(),
    }
}
