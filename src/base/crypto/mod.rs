//! The one door to `ring`: hashing, signatures, authenticated encryption. One file per primitive.

pub mod aead;
pub mod hash;
pub mod kdf;
pub mod sign;
pub mod verify;

/// The 32 bytes that 64 lower-case hexadecimal digits stand for: one spelling for each value.
fn from_lower_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let lower = !text.bytes().any(|b| b.is_ascii_uppercase());
    (lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}
