//! Randomness as a parameter.

use ring::rand::{SecureRandom, SystemRandom};

/// Where unpredictable bytes come from.
pub trait Random: Send + Sync + 'static {
    /// Fills `buffer` with unpredictable bytes.
    ///
    /// # Errors
    /// When the operating system has no randomness to give.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoRandomness>;
}

/// The operating system gave no randomness. Nothing can be made safely; the operation fails.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no randomness")]
pub struct NoRandomness;

/// The operating system's generator.
#[derive(Debug)]
pub struct SystemRandomness(SystemRandom);

impl Default for SystemRandomness {
    fn default() -> Self {
        Self(SystemRandom::new())
    }
}

impl Random for SystemRandomness {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoRandomness> {
        self.0.fill(buffer).map_err(|_| NoRandomness)
    }
}

/// `N` unpredictable bytes.
///
/// # Errors
/// When the source has none.
pub fn bytes<const N: usize>(random: &dyn Random) -> Result<[u8; N], NoRandomness> {
    let mut buffer = [0; N];
    random.fill(&mut buffer)?;
    Ok(buffer)
}
