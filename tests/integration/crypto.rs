//! The primitives against vectors made by somebody else.

use exeat::base::crypto::aead::{DoesNotOpen, Key};
use exeat::base::crypto::kdf::{Cost, derive};
use exeat::base::random::{NoRandomness, Random};
use exeat::base::secret::Secret;

/// Gives the same bytes every time.
struct Fixed(Vec<u8>);

impl Random for Fixed {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoRandomness> {
        buffer.copy_from_slice(&self.0);
        Ok(())
    }
}

/// McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, test case 16.
#[test]
fn aead_is_aes_256_gcm() {
    let key = hex::decode("feffe9928665731c6d6a8f9467308308").unwrap().repeat(2);
    let key = Key::from_secret(Secret::new(key)).unwrap();
    let nonce = hex::decode("cafebabefacedbaddecaf888").unwrap();
    let associated = hex::decode("feedfacedeadbeeffeedfacedeadbeefabaddad2").unwrap();
    let plaintext = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
    let ciphertext = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662";
    let tag = "76fc6ece0f4e1768cddf8853bb2d551b";

    let sealed = key.seal(&Fixed(nonce.clone()), &associated, &hex::decode(plaintext).unwrap()).unwrap();
    assert_eq!(hex::encode(&sealed), format!("{}{ciphertext}{tag}", hex::encode(&nonce)));

    let opened = key.open(&associated, &sealed).unwrap();
    assert_eq!(hex::encode(opened.expose_secret()), plaintext);
    assert_eq!(key.open(b"elsewhere", &sealed).unwrap_err(), DoesNotOpen);
    assert_eq!(key.open(&associated, &[]).unwrap_err(), DoesNotOpen);
}

/// Computed by the reference implementation in C (argon2-cffi), for the two costs we name.
#[test]
fn kdf_is_argon2id() {
    let passphrase = Secret::new(b"correct horse battery".to_vec());
    let salt: [u8; 16] = std::array::from_fn(|i| u8::try_from(i).unwrap());
    let key = |cost| hex::encode(derive(&passphrase, &salt, cost).unwrap().as_secret().expose_secret());
    assert_eq!(
        key(Cost::RFC_9106_LOW_MEMORY),
        "5995fc5ddabdb7f10fae2ad796270c269821d70b0efb8fb60262a81f1b6f0eb8"
    );
    assert_eq!(key(Cost::OWASP_MINIMUM), "aaecaeb1f79eb8019ba62c34f62fa3e15289f88ff98779ae81de07821992ff1f");
}

#[test]
fn a_key_has_exactly_32_bytes() {
    for length in [0, 16, 31, 33] {
        assert!(Key::from_secret(Secret::new(vec![1; length])).is_none());
    }
}
