//! Whom the programs of a run trust: the system's authorities and Exeat's, in one file, because most of them take only one (I02).

mod java;

use std::fs;
use std::path::{Path, PathBuf};

use super::WallError;

/// Where systems keep their authorities.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The authorities, in the forms that programs read.
#[derive(Clone, Debug)]
pub struct Trust {
    /// In PEM.
    pub pem: Vec<u8>,
    /// In a key store of Java's, if there is to be one.
    pub java: Option<Vec<u8>>,
}

impl Trust {
    /// The system's and Exeat's, whose certificate lies at `own`. A system without authorities leaves Exeat's alone.
    /// For Java they are made ready if `java` says so, because that takes a millisecond of every start.
    ///
    /// # Errors
    /// When Exeat's certificate cannot be read.
    pub fn with(own: &Path, java: bool) -> Result<Self, WallError> {
        let mut pem = SYSTEM.iter().find_map(|path| fs::read(path).ok()).unwrap_or_default();
        if pem.last().is_some_and(|last| *last != b'\n') {
            pem.push(b'\n');
        }
        pem.extend(fs::read(own).map_err(|error| WallError::path(own, error))?);
        Ok(Self { java: java.then(|| java::store(&pem)), pem })
    }
}

/// Where Java's store stands, beside the authorities in PEM.
#[must_use]
pub fn java_beside(pem: &Path) -> PathBuf {
    pem.with_extension("jks")
}
