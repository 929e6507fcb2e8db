//! Where the key must not be: looked for as it is, in base64 and in hexadecimal.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::cli::failure::Failure;

/// The forms in which a key is looked for.
pub(super) struct Needles(Vec<Zeroizing<Vec<u8>>>);

impl Needles {
    pub(super) fn of(key: &str) -> Self {
        let mut forms = vec![key.as_bytes().to_vec(), hex::encode(key).into_bytes()];
        // Base64 looks different in each of the three places a key can begin in; the first and last digits depend on
        // what stands beside it, and are left out.
        for lead in 0..3 {
            let padded = [&vec![0; lead][..], key.as_bytes()].concat();
            for encoded in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
                let inner = encoded.get(4..encoded.len().saturating_sub(4)).unwrap_or(&encoded);
                forms.push(inner.as_bytes().to_vec());
            }
        }
        Self(forms.into_iter().map(Zeroizing::new).collect())
    }

    pub(super) fn in_bytes(&self, hay: &[u8]) -> bool {
        self.0.iter().any(|needle| hay.windows(needle.len()).any(|window| window == needle.as_slice()))
    }

    /// Whether any file under `folder` holds it.
    pub(super) fn in_folder(&self, folder: &Path) -> Result<bool, Failure> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let found = if path.is_dir() { self.in_folder(&path)? } else { self.in_bytes(&fs::read(&path)?) };
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the environment or the arguments of the process hold it; nothing when we may not look.
    pub(super) fn in_process(&self, id: u32) -> Result<Option<bool>, Failure> {
        let read = |name: &str| match fs::read(format!("/proc/{id}/{name}")) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(None),
            read => read.map(Some),
        };
        let both = read("environ")?.zip(read("cmdline")?);
        Ok(both.map(|(environment, arguments)| self.in_bytes(&environment) || self.in_bytes(&arguments)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_every_form_it_is_looked_for() {
        let key = "forge_0123456789abcdef0123456789abcdef01234567";
        let needles = Needles::of(key);
        for before in ["", "a", "ab", "abc"] {
            let text = format!("{before}{key}yz");
            assert!(needles.in_bytes(text.as_bytes()));
            assert!(needles.in_bytes(hex::encode(&text).as_bytes()));
            assert!(needles.in_bytes(STANDARD_NO_PAD.encode(&text).as_bytes()), "{before}");
        }
        assert!(!needles.in_bytes(b"forge_0123456789abcdef0123456789abcdef"));
    }
}
