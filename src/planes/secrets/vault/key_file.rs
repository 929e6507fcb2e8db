//! The key file on the disk: made once, never overwritten, replaced whole or not at all.
//!
//! It is a regular file that only its owner can read; anything else is refused, not repaired.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::key_document::{Document, FormatProblem, PassphraseProblem, Protection, Protector, write};
use super::keyring::Keyring;
use crate::base::crypto::aead::SealError;
use crate::base::crypto::hash::{Digest, sha256};
use crate::base::random::Random;
use crate::base::secret::Secret;

/// A file longer than this is not a key file.
const MAX_LENGTH: u64 = 1024 * 1024;

/// The key file could not be used: which file, why, and what to do.
#[derive(Debug)]
pub struct KeyFileError {
    /// Where it is, or should be.
    pub path: PathBuf,
    /// Why, and what to do.
    pub problem: Problem,
}

/// Why a key file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// There is none.
    #[error("is missing; restore it from a backup, or run `exeat init` for a new installation")]
    Missing,
    /// There is one already.
    #[error(
        "exists already and is never overwritten; choose another place, or move it away if it is not needed"
    )]
    Exists,
    /// Others than its owner may read or write it.
    #[error(
        "can be read or written by others (mode {mode:04o}, owner {owner}); make it yours and `chmod 600` it"
    )]
    Exposed {
        /// The permission bits.
        mode: u32,
        /// The user id of the owner.
        owner: u32,
    },
    /// It is a link, a directory, a device or too long.
    #[error("is not a regular file of reasonable size; links are not followed")]
    NotAFile,
    /// It is not what this process read or wrote last.
    #[error("was changed by somebody else since it was read; restart Exeat, then try again")]
    Changed,
    /// Its text is not understood.
    #[error(transparent)]
    Format(#[from] FormatProblem),
    /// The passphrase is missing, wrong, too short or not asked for.
    #[error(transparent)]
    Passphrase(#[from] PassphraseProblem),
    /// Sealing the keys in it failed.
    #[error("could not be sealed under the passphrase")]
    Seal(#[from] SealError),
    /// Reading or writing failed.
    #[error("could not be read or written ({})", .0.kind())]
    Io(#[from] io::Error),
}

/// An open key file: where it is, what protects it, and what it held when last read or written.
#[derive(Debug)]
pub(super) struct KeyFile {
    path: PathBuf,
    protector: Protector,
    digest: Digest,
}

impl KeyFile {
    /// Makes the file; it must not exist.
    pub(super) fn create(
        path: &Path,
        passphrase: Option<&Secret>,
        keyring: &Keyring,
        random: &dyn Random,
    ) -> Result<Self, KeyFileError> {
        let create = || {
            let protector = Protector::new(passphrase, random)?;
            let text = write(&protector, keyring, random)?;
            write_new(path, &text)?;
            directory(path)?.sync_all()?;
            Ok(Self { path: path.to_owned(), protector, digest: sha256(&[&text]) })
        };
        create().map_err(at(path))
    }

    /// Reads the file and opens the keys in it.
    pub(super) fn load(path: &Path, passphrase: Option<&Secret>) -> Result<(Self, Keyring), KeyFileError> {
        let load = || {
            let text = read(path)?;
            let document = Document::parse(&text)?;
            let protector = document.protector(passphrase)?;
            let keyring = document.keyring(&protector)?;
            Ok((Self { path: path.to_owned(), protector, digest: sha256(&[&text]) }, keyring))
        };
        load().map_err(at(path))
    }

    /// How the keys in the file are protected.
    pub(super) fn protection(path: &Path) -> Result<Protection, KeyFileError> {
        let protection = || Ok(Document::parse(&read(path)?)?.protection());
        protection().map_err(at(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts `keyring` in the place of what the file holds. Afterwards the disk has the new file; on an error
    /// it has the old one or, if only the last sync failed, the new one, but always a whole one.
    pub(super) fn replace(&mut self, keyring: &Keyring, random: &dyn Random) -> Result<(), KeyFileError> {
        self.digest = self.exchange(keyring, random).map_err(at(&self.path))?;
        Ok(())
    }

    fn exchange(&self, keyring: &Keyring, random: &dyn Random) -> Result<Digest, Problem> {
        let directory = directory(&self.path)?;
        // Two processes that rotate at once would each lose the other's key.
        directory.lock()?;
        if sha256(&[&read(&self.path)?]) != self.digest {
            return Err(Problem::Changed);
        }
        let text = write(&self.protector, keyring, random)?;
        let next = beside(&self.path);
        // Left by a rotation that was killed. Nothing was sealed under its key: the rename had not happened.
        remove_if_there(&next)?;
        write_new(&next, &text)?;
        std::fs::rename(&next, &self.path)?;
        directory.sync_all()?;
        Ok(sha256(&[&text]))
    }
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the vault's key file {} {}", self.path.display(), self.problem)
    }
}

impl std::error::Error for KeyFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.problem.source()
    }
}

fn at(path: &Path) -> impl FnOnce(Problem) -> KeyFileError {
    let path = path.to_owned();
    move |problem| KeyFileError { path, problem }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Problem> {
    // NONBLOCK: a pipe in its place must not hang us before the check of the kind of file.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::NOENT => Problem::Missing,
        Errno::LOOP => Problem::NotAFile,
        other => Problem::Io(other.into()),
    })?;
    let mut file = File::from(file);
    let about = file.metadata()?;
    if !about.is_file() || about.len() > MAX_LENGTH {
        return Err(Problem::NotAFile);
    }
    let ours = about.uid() == rustix::process::geteuid().as_raw() || about.uid() == 0;
    if about.mode() & 0o077 != 0 || !ours {
        return Err(Problem::Exposed { mode: about.mode() & 0o7777, owner: about.uid() });
    }
    // Exact size at once: a buffer that grew would leave keys behind.
    let length = usize::try_from(about.len()).map_err(|_| Problem::NotAFile)?;
    let mut text = Zeroizing::new(vec![0; length]);
    file.read_exact(&mut text)?;
    Ok(text)
}

/// Writes a file that did not exist, to the disk. What could not be written whole is removed again.
fn write_new(path: &Path, text: &[u8]) -> Result<(), Problem> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR).map_err(|errno| match errno {
        Errno::EXIST => Problem::Exists,
        other => Problem::Io(other.into()),
    })?;
    let mut file = File::from(file);
    let written = file.write_all(text).and_then(|()| file.sync_all());
    if let Err(error) = written {
        remove_if_there(path)?;
        return Err(error.into());
    }
    Ok(())
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn directory(path: &Path) -> io::Result<File> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".next");
    PathBuf::from(name)
}
