//! The one door to `ring`: hashing, signatures, authenticated encryption. One file per primitive.

pub mod hash;
pub mod sign;
