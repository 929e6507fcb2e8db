//! Protected paths inside a writable workspace: what exists is made read-only, what does not exist cannot be made.
//!
//! A mount on `.git/hooks` alone would not do: `.git` could be renamed and made anew. So every directory on the way to a protected
//! path becomes a mount of itself, and the kernel neither renames nor removes a mount.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::WallError;
use super::plug::is_plug;
use super::profile::Workspace;

/// What is to be done in the workspace, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protection {
    /// Directories that stay where they are, by absolute path.
    pub anchored: Vec<PathBuf>,
    /// What is there and becomes read-only.
    pub shut: Vec<PathBuf>,
    /// Names that must not be made; an empty directory that nobody may write into will stand there.
    pub barred: Vec<PathBuf>,
    /// Names at which a file with this content will stand.
    pub held: BTreeMap<PathBuf, String>,
}

impl Protection {
    /// Looks at the workspace, which is a real path, and says what protects the paths of the profile, and `more` of them by
    /// absolute path. Changes nothing.
    ///
    /// # Errors
    /// When one leads through a symbolic link: a link can be replaced, and what it leads to cannot be told for sure.
    pub fn of(workspace: &Path, terms: &Workspace, more: &[&Path]) -> Result<Self, WallError> {
        let mut found = Self::default();
        let more = more.iter().filter_map(|path| path.strip_prefix(workspace).ok());
        for path in terms.protect.iter().map(PathBuf::as_path).chain(more) {
            for path in expanded(workspace, path)? {
                found.protect(workspace, &path)?;
            }
        }
        for (path, content) in &terms.held {
            found.hold(workspace, path, content)?;
        }
        found.settle();
        Ok(found)
    }

    /// Everything that is protected, in order: what [`super::guard`] watches.
    #[must_use]
    pub fn all(&self) -> Vec<PathBuf> {
        let mut all: Vec<PathBuf> =
            [&self.anchored, &self.shut, &self.barred].into_iter().flatten().cloned().collect();
        all.extend(self.held.keys().cloned());
        all.sort();
        all
    }

    fn protect(&mut self, workspace: &Path, path: &Path) -> Result<(), WallError> {
        let mut at = workspace.to_owned();
        let mut parts = path.components().peekable();
        while let Some(part) = parts.next() {
            at.push(part);
            match kind(&at)? {
                Kind::Missing => self.barred.push(at),
                Kind::Directory if parts.peek().is_some() => {
                    self.anchored.push(at.clone());
                    continue;
                }
                // A `.git` that is a file names the directory that holds the hooks: it is the file that must stay.
                Kind::File | Kind::Directory => self.shut.push(at),
            }
            return Ok(());
        }
        Ok(())
    }

    fn hold(&mut self, workspace: &Path, path: &Path, content: &str) -> Result<(), WallError> {
        let mut at = workspace.to_owned();
        for part in path.parent().into_iter().flat_map(Path::components) {
            at.push(part);
            match kind(&at)? {
                Kind::Directory => self.anchored.push(at.clone()),
                Kind::File => {
                    self.shut.push(at);
                    return Ok(());
                }
                Kind::Missing => {
                    self.barred.push(at);
                    return Ok(());
                }
            }
        }
        let at = workspace.join(path);
        match kind(&at)? {
            // The same content was put there by another run that is under way.
            Kind::File if fs::read(&at).is_ok_and(|found| found == content.as_bytes()) => {
                drop(self.held.insert(at, content.to_owned()));
            }
            Kind::Missing => drop(self.held.insert(at, content.to_owned())),
            Kind::File | Kind::Directory => self.shut.push(at),
        }
        Ok(())
    }

    /// Each path once, and nothing below what is shut or barred.
    fn settle(&mut self) {
        let closed: Vec<PathBuf> = self.shut.iter().chain(&self.barred).cloned().collect();
        let below = |path: &PathBuf| closed.iter().any(|closed| path != closed && path.starts_with(closed));
        for list in [&mut self.anchored, &mut self.shut, &mut self.barred] {
            list.sort();
            list.dedup();
            list.retain(|path| !below(path));
        }
        self.anchored.retain(|path| !closed.contains(path));
        self.held.retain(|path, _| !below(path) && !closed.contains(path));
    }
}

/// What stands at a path, without following it.
enum Kind {
    Missing,
    Directory,
    File,
}

fn kind(path: &Path) -> Result<Kind, WallError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => {
            let reason = "it is a symbolic link, which could be pointed elsewhere".to_owned();
            Err(WallError::Protect { path: path.to_owned(), reason })
        }
        // Another run put it there, or left it behind.
        Ok(found) if found.is_dir() && is_plug(path) => Ok(Kind::Missing),
        Ok(found) if found.is_dir() => Ok(Kind::Directory),
        Ok(_) => Ok(Kind::File),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Kind::Missing),
        Err(error) => Err(WallError::path(path, error)),
    }
}

/// The paths that a pattern stands for: `*` is one directory that is there now.
fn expanded(workspace: &Path, pattern: &Path) -> Result<Vec<PathBuf>, WallError> {
    let mut paths = vec![PathBuf::new()];
    for part in pattern.components() {
        if part != Component::Normal("*".as_ref()) {
            for path in &mut paths {
                path.push(part);
            }
            continue;
        }
        let mut next = Vec::new();
        for path in &paths {
            for name in directories(&workspace.join(path))? {
                next.push(path.join(name));
            }
        }
        paths = next;
    }
    Ok(paths)
}

fn directories(path: &Path) -> Result<Vec<std::ffi::OsString>, WallError> {
    let Ok(entries) = fs::read_dir(path) else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| WallError::path(path, error))?;
        if matches!(kind(&entry.path())?, Kind::Directory) {
            names.push(entry.file_name());
        }
    }
    Ok(names)
}
