//! Which places of the machine may be given to a run: never the root, a home, what the walls make anew, or Exeat's own.

use std::fs;
use std::path::{Path, PathBuf};

use super::WallError;

/// What the walls make anew for each run; nothing of the machine is put over it or around it.
const MADE_ANEW: [&str; 5] = ["/proc", "/dev", "/sys", "/run", "/tmp"];

/// The places that no run may be given.
#[derive(Clone, Debug)]
pub struct Forbidden {
    home: PathBuf,
    own: Vec<PathBuf>,
}

impl Forbidden {
    /// `home` is the person's; `own` are Exeat's directories, and those that are not there are nobody's.
    ///
    /// # Errors
    /// When there is no home directory: then nobody knows what must stay out.
    pub fn new(home: &Path, own: &[PathBuf]) -> Result<Self, WallError> {
        let home = fs::canonicalize(home).map_err(|error| WallError::path(home, error))?;
        let own = own.iter().filter_map(|path| fs::canonicalize(path).ok()).collect();
        Ok(Self { home, own })
    }

    /// The home directory.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The same, with one more directory of Exeat's.
    #[must_use]
    pub fn and(mut self, own: &Path) -> Self {
        self.own.extend(fs::canonicalize(own).ok());
        self
    }

    /// The path with every symbolic link resolved, if it may be given to a run as its `role`.
    ///
    /// # Errors
    /// When it is not there, or may not be given.
    pub fn judge(&self, path: &Path, role: &'static str) -> Result<PathBuf, WallError> {
        let real = fs::canonicalize(path).map_err(|error| WallError::path(path, error))?;
        let refused = |reason: String| Err(WallError::Place { path: real.clone(), role, reason });
        if real == Path::new("/") {
            return refused("is the root of the machine".to_owned());
        }
        if self.home.starts_with(&real) && self.home != Path::new("/") {
            return refused(format!("holds the home directory {}", self.home.display()));
        }
        if let Some(made) = MADE_ANEW.iter().find(|made| Path::new(made).starts_with(&real)) {
            return refused(format!("holds {made}, which every run has for itself"));
        }
        if let Some(made) = ["/proc", "/dev", "/sys"].iter().find(|made| real.starts_with(made)) {
            return refused(format!("lies in {made}"));
        }
        if let Some(own) = self.own.iter().find(|own| own.starts_with(&real) || real.starts_with(own)) {
            return refused(format!("meets Exeat's data in {}", own.display()));
        }
        Ok(real)
    }

    /// The workspace: a directory that may be given.
    ///
    /// # Errors
    /// As [`Forbidden::judge`], or when it is no directory.
    pub fn workspace(&self, path: &Path) -> Result<PathBuf, WallError> {
        let real = self.judge(path, "the workspace")?;
        if ["/usr", "/etc", "/bin", "/lib", "/var", "/opt"].iter().any(|system| real == Path::new(system)) {
            let reason = "belongs to the system".to_owned();
            return Err(WallError::Place { path: real, role: "the workspace", reason });
        }
        if !real.is_dir() {
            return Err(WallError::path(path, std::io::Error::from(std::io::ErrorKind::NotADirectory)));
        }
        Ok(real)
    }
}

/// Refuses what would give away, beside the workspace, a path that is protected in it.
///
/// `written` are the other places the run may write. One that holds the workspace, or a protected path, could be renamed around
/// it: the protection holds where it was put, and the name would lead elsewhere.
///
/// # Errors
/// When one does.
pub fn keep_apart(workspace: &Path, shut: &[PathBuf], written: &[PathBuf]) -> Result<(), WallError> {
    for path in written {
        let around =
            shut.iter().map(PathBuf::as_path).chain([workspace]).find(|inner| inner.starts_with(path));
        let within = shut.iter().find(|outer| path.starts_with(outer));
        if let Some(inner) = around.or(within.map(PathBuf::as_path)) {
            let reason = format!("would undo the protection of {}", inner.display());
            return Err(WallError::Place { path: path.clone(), role: "written", reason });
        }
    }
    Ok(())
}
