//! The data directory: what lies where, and who may read it.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::base::secret::Secret;

/// A directory that belongs to one Exeat.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

/// The directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It has been made already.
    #[error(
        "{0} holds an Exeat already; choose another directory, or start it with `exeat serve --data-dir {0}`"
    )]
    Exists(PathBuf),
    /// It has not been made.
    #[error("{0} holds no Exeat; make one with `exeat init --data-dir {0} --person NAME`")]
    Missing(PathBuf),
    /// Its database is gone. A new one in its place would be an empty log.
    #[error(
        "the database {0} is missing; restore it from a backup, or run `exeat init` for a new installation"
    )]
    NoStore(PathBuf),
    /// Others may look into it.
    #[error("{0} can be read or written by others; run `chmod -R go= {0}`")]
    Open(PathBuf),
    /// A file could not be read or written.
    #[error("cannot use {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl DataDir {
    /// Makes the directory, for its owner alone.
    ///
    /// # Errors
    /// When there is one already, or it cannot be made.
    pub fn create(path: &Path) -> Result<Self, DataDirError> {
        let io = |source| DataDirError::Io { path: path.to_owned(), source };
        if path.exists() && fs::read_dir(path).map_err(io)?.next().is_some() {
            return Err(DataDirError::Exists(path.to_owned()));
        }
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(io)?;
        Ok(Self(path.to_owned()))
    }

    /// Opens a directory that was made before.
    ///
    /// # Errors
    /// When there is none, its database is gone, or others may look into it.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let dir = Self(path.to_owned());
        if !dir.key_file().exists() && !dir.store_file().exists() {
            return Err(DataDirError::Missing(path.to_owned()));
        }
        if !dir.store_file().exists() {
            return Err(DataDirError::NoStore(dir.store_file()));
        }
        let metadata =
            fs::metadata(path).map_err(|source| DataDirError::Io { path: path.to_owned(), source })?;
        if metadata.mode() & 0o077 != 0 {
            return Err(DataDirError::Open(path.to_owned()));
        }
        Ok(dir)
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The vault's key-encryption keys.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.0.join("vault.key")
    }

    /// The store.
    #[must_use]
    pub fn store_file(&self) -> PathBuf {
        self.0.join("exeat.db")
    }

    /// The settings.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    /// The root certificate that agents trust for intercepted hosts.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.0.join("ca.pem")
    }

    /// Where the sockets of runs are.
    #[must_use]
    pub fn runs(&self) -> PathBuf {
        self.0.join("runs")
    }

    /// Writes a file that was not there, readable by its owner alone.
    ///
    /// # Errors
    /// When it is there or cannot be written.
    pub fn write_new(&self, path: &Path, content: &[u8]) -> Result<(), DataDirError> {
        let io = |source| DataDirError::Io { path: path.to_owned(), source };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
        file.write_all(content).and_then(|()| file.sync_all()).map_err(io)
    }
}

/// Reads a secret from a file that its owner alone can read; one final line break is not part of it.
///
/// # Errors
/// When it cannot be read, or others can.
pub(super) fn read_secret(path: &Path) -> Result<Secret, DataDirError> {
    let io = |source| DataDirError::Io { path: path.to_owned(), source };
    if fs::metadata(path).map_err(io)?.mode() & 0o077 != 0 {
        return Err(DataDirError::Open(path.to_owned()));
    }
    let text = Zeroizing::new(fs::read(path).map_err(io)?);
    let end = text.strip_suffix(b"\n").unwrap_or(&text).len();
    Ok(Secret::new(text.get(..end).unwrap_or_default().to_vec()))
}
