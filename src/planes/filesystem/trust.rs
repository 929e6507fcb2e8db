//! Whom the programs of a run trust: the system's authorities and Exeat's, in one file, because most of them take only one (I02).

use std::fs;
use std::path::Path;

use super::WallError;

/// Where systems keep their authorities.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The bundle. A system without authorities gives one with Exeat's alone.
///
/// # Errors
/// When Exeat's certificate cannot be read.
pub fn bundle(own: &Path) -> Result<Vec<u8>, WallError> {
    let mut bundle = SYSTEM.iter().find_map(|path| fs::read(path).ok()).unwrap_or_default();
    if bundle.last().is_some_and(|last| *last != b'\n') {
        bundle.push(b'\n');
    }
    bundle.extend(fs::read(own).map_err(|error| WallError::path(own, error))?);
    Ok(bundle)
}
