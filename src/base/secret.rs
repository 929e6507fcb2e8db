//! Memory that holds a secret: wiped when dropped, printed as nothing.
//!
//! A secret has one home. It never grows, so no copy stays behind in a buffer it grew out of.
//! The files that may look inside (`expose_secret`) are listed in `tests/architecture.rs`.

use std::fmt;

use secrecy::{ExposeSecret, ExposeSecretMut, SecretSlice};
use zeroize::{Zeroize, Zeroizing};

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
    /// Takes the bytes over. A buffer without spare room becomes the secret's own; one with spare room is
    /// copied and then wiped to its full capacity, because shrinking it would leave the old copy behind.
    #[must_use]
    pub fn new(mut bytes: Vec<u8>) -> Self {
        if bytes.len() == bytes.capacity() {
            return Self(SecretSlice::from(bytes));
        }
        let exact = SecretSlice::from(bytes.as_slice().to_vec());
        bytes.zeroize();
        Self(exact)
    }

    /// A secret of `length` bytes, written in its final place by `fill`.
    ///
    /// # Errors
    /// Whatever `fill` says; what it had written is wiped.
    pub fn filled<E>(length: usize, fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut bytes = SecretSlice::from(vec![0; length]);
        fill(bytes.expose_secret_mut())?;
        Ok(Self(bytes))
    }

    /// How many bytes it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.expose_secret().len()
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Looks inside. Every caller is on a list.
    #[must_use]
    pub fn expose_secret(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

impl From<Zeroizing<Vec<u8>>> for Secret {
    fn from(mut bytes: Zeroizing<Vec<u8>>) -> Self {
        Self::new(std::mem::take(&mut *bytes))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Overwrites the dead part of this thread's stack, where a call that has just returned may have left key
/// material. For libraries that expand a key in a local variable and do not wipe it.
#[inline(never)]
#[expect(clippy::large_stack_arrays, reason = "the stack is what has to be overwritten")]
pub fn wipe_dead_stack() {
    // To make it is to overwrite; whoever might look at it keeps it from being left out.
    std::hint::black_box(&mut [0_u64; DEAD_STACK / 8]);
}

/// In bytes. Deeper than a call into the cryptography goes, which is 20 KiB without optimisation.
const DEAD_STACK: usize = 32 * 1024;
