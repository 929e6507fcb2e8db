//! The one door to `ring`: hashing, signatures, authenticated encryption. One file per primitive.

pub mod aead;
pub mod hash;
pub mod kdf;
pub mod sign;
