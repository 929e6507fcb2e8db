//! Memory that holds a secret: wiped when dropped, printed as nothing, compared in constant time.
//!
//! The files that may look inside (`expose_secret`) are listed in `tests/architecture.rs`.

use std::fmt;

use secrecy::{ExposeSecret, SecretSlice};
use zeroize::Zeroizing;

/// An upstream secret, a key or a passphrase in memory.
///
/// ```compile_fail
/// fn printed(secret: exeat::base::secret::Secret) -> String { secret.to_string() }
/// ```
/// ```compile_fail
/// fn copied(secret: &exeat::base::secret::Secret) -> exeat::base::secret::Secret { secret.clone() }
/// ```
/// ```compile_fail
/// fn written(secret: &exeat::base::secret::Secret) -> String { serde_json::to_string(secret).unwrap() }
/// ```
pub struct Secret(SecretSlice<u8>);

impl Secret {
    /// Takes the bytes over; the caller's buffer becomes the secret's own when it has no spare capacity.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        // `into_boxed_slice` would reallocate a vector with spare room and leave the old copy behind.
        let bytes = Zeroizing::new(bytes);
        Self(SecretSlice::from(bytes.as_slice().to_vec()))
    }

    /// Looks inside. Every caller is on a list.
    #[must_use]
    pub fn expose_secret(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
