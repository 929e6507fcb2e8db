//! A key store of Java's own kind (JKS, version 2) that holds nothing but certificates. Java reads no PEM; this form every version of it
//! reads, without a password, and for them nothing in it has to be sealed.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::base::crypto::hash::sha1_for_old_formats;

/// What the form begins with.
const MAGIC: u32 = 0xfeed_feed;
const VERSION: u32 = 2;
/// An entry that is a certificate, and no key.
const CERTIFICATE: u32 = 2;
/// Who gives a password gives this one; a wrong one counts as damage. It protects nothing.
const PASSWORD: &str = "changeit";
/// What stands between the password and the content where the digest is made.
const BETWEEN: &[u8] = b"Mighty Aphrodite";
/// `SEQUENCE` (X.690 §8.9): every certificate begins so, and Java refuses the whole store for one that does not.
const SEQUENCE: u8 = 0x30;

/// The store of the certificates in `pem`.
pub(super) fn store(pem: &[u8]) -> Vec<u8> {
    let found = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok);
    let all: Vec<CertificateDer<'_>> = found.filter(|one| one.first() == Some(&SEQUENCE)).collect();
    let mut store = Vec::with_capacity(pem.len());
    number(&mut store, MAGIC);
    number(&mut store, VERSION);
    number(&mut store, u32::try_from(all.len()).unwrap_or(u32::MAX));
    for (index, certificate) in all.iter().enumerate() {
        number(&mut store, CERTIFICATE);
        text(&mut store, &format!("authority-{index}"));
        // When it was put there: at no time.
        store.extend([0; 8]);
        text(&mut store, "X.509");
        number(&mut store, u32::try_from(certificate.len()).unwrap_or(u32::MAX));
        store.extend_from_slice(certificate);
    }
    let password: Vec<u8> = PASSWORD.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let digest = sha1_for_old_formats(&[&password, BETWEEN, &store]);
    store.extend(digest);
    store
}

fn number(store: &mut Vec<u8>, number: u32) {
    store.extend(number.to_be_bytes());
}

/// As `DataOutput.writeUTF` writes plain ASCII.
fn text(store: &mut Vec<u8>, text: &str) {
    store.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    store.extend(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    #[test]
    fn a_store_holds_each_certificate_and_ends_with_the_digest_of_it_all() {
        let key = KeyPair::generate().unwrap();
        let one = CertificateParams::new(vec!["one.test".to_owned()]).unwrap().self_signed(&key).unwrap();
        let other = CertificateParams::new(vec!["other.test".to_owned()]).unwrap().self_signed(&key).unwrap();
        let made = store(format!("a comment\n{}\n{}", one.pem(), other.pem()).as_bytes());
        assert_eq!(made[..12], [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 2]);
        let holds = |der: &[u8]| made.windows(der.len()).any(|window| window == der);
        assert!(
            holds(one.der())
                && holds(other.der())
                && holds(b"\x00\x0bauthority-1")
                && holds(b"\x00\x05X.509")
        );
        let (content, digest) = made.split_at(made.len() - 20);
        let password: Vec<u8> = "changeit".bytes().flat_map(|byte| [0, byte]).collect();
        assert_eq!(digest, sha1_for_old_formats(&[&password, b"Mighty Aphrodite", content]));
    }

    #[test]
    fn what_is_no_certificate_is_left_out() {
        let none = store(b"");
        assert_eq!((none.len(), &none[8..12]), (32, &[0; 4][..]));
        let odd = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
        let key = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
        let broken = "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n";
        assert_eq!(store(format!("{odd}{key}{broken}").as_bytes()), none);
    }
}
