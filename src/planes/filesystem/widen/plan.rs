//! What an item that was granted to a run comes to, in steps; or why it has to wait for the next start.

use std::fs;
use std::path::{Path, PathBuf};

use super::{GRANTED, Step};
use crate::domain::scope::{Access, FilesystemItem};
use crate::planes::filesystem::place::{Forbidden, keep_apart};
use crate::planes::filesystem::plan::Plan;
use crate::planes::filesystem::profile::Profile;
use crate::planes::filesystem::protect::Protection;

/// How one item is opened.
#[derive(Clone, Debug, Default)]
pub struct Widening {
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// Where it shows, path by path; what is granted from outside also shows where its link stands.
    pub at: Vec<PathBuf>,
    /// What has to stand in the workspace first, so that it can be protected.
    pub protection: Protection,
}

/// Why an item is not opened while the run goes on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unwidened(String);

fn no<T>(why: impl Into<String>) -> Result<T, Unwidened> {
    Err(Unwidened(why.into()))
}

impl Plan {
    /// How `item` is opened. `together` are the items of its approval; `next` gives names in [`GRANTED`].
    ///
    /// # Errors
    /// Why it is not.
    pub fn widening(
        &self,
        forbidden: &Forbidden,
        item: &FilesystemItem,
        together: &[&FilesystemItem],
        mut next: impl FnMut() -> u64,
    ) -> Result<Widening, Unwidened> {
        let mut all = Widening::default();
        for text in item.paths() {
            let path = extent(self.workspace(), &text)?;
            let write = item.access() == Access::Write;
            if self.is_open(&path, write) {
                all.at.push(path);
            } else if !self.profile().terms().files.widen {
                return no("the run's profile says files.widen = false; grant it in a profile");
            } else if path.starts_with(self.workspace()) {
                self.within_workspace(&path, &mut all)?;
            } else {
                let read = |other: &&FilesystemItem| {
                    other.access() == Access::Read && other.paths().any(|path| path == text)
                };
                if write && !together.iter().any(read) {
                    return no(format!("what is mounted can be read: ask to read {text} with it"));
                }
                self.outside(forbidden, &path, write, next(), &mut all)?;
            }
        }
        Ok(all)
    }

    /// Whether the profile has it open already.
    fn is_open(&self, path: &Path, write: bool) -> bool {
        let written = self.written().iter().any(|open| path.starts_with(open));
        let (workspace, shut) = (path.starts_with(self.workspace()), self.protection().all());
        let free = !shut.iter().any(|shut| path.starts_with(shut) && path != self.workspace());
        if write {
            return written || (workspace && self.writable() && free);
        }
        let system = self.system().filter_map(|path| fs::canonicalize(path).ok());
        written || workspace || self.read().iter().cloned().chain(system).any(|open| path.starts_with(open))
    }

    /// A write in a workspace that is only read.
    fn within_workspace(&self, path: &Path, all: &mut Widening) -> Result<(), Unwidened> {
        let protection = self.protection_when_written()?;
        let shown = path.display();
        let closed: Vec<PathBuf> =
            protection.shut.iter().chain(&protection.barred).chain(protection.held.keys()).cloned().collect();
        if let Some(closed) = closed.iter().find(|closed| path.starts_with(closed)) {
            return no(format!("{} is protected in every run", closed.display()));
        }
        all.at.push(path.to_owned());
        if path != self.workspace() {
            if let Some(inner) = closed.iter().find(|closed| closed.starts_with(path)) {
                return no(format!(
                    "{shown} holds {}, which is protected: ask for ** or for what is beside it",
                    inner.display()
                ));
            }
            all.steps.push(Step::Cover { at: path.to_owned(), write: true });
            return Ok(());
        }
        // All of it is covered before any of it may be written: at no moment can what is protected be changed, or moved away.
        let mut covered: Vec<&PathBuf> = protection.anchored.iter().chain(&closed).collect();
        covered.sort();
        all.steps.extend(covered.into_iter().map(|at| Step::Cover { at: at.clone(), write: false }));
        all.steps.extend(protection.anchored.iter().map(|at| Step::Unseal { at: at.clone() }));
        all.steps.push(Step::Unseal { at: self.workspace().to_owned() });
        all.protection = protection;
        Ok(())
    }

    /// What is protected when the workspace is written: by this profile, or as in a built-in one where this one only reads.
    fn protection_when_written(&self) -> Result<Protection, Unwidened> {
        let own = &self.profile().terms().workspace;
        let built_in = Profile::load("workspace-write").map_err(|error| Unwidened(error.to_string()))?;
        let terms = if own.protect.is_empty() { &built_in.terms().workspace } else { own };
        Protection::of(self.workspace(), terms, &self.never_written())
            .map_err(|error| Unwidened(error.to_string()))
    }

    fn outside(
        &self,
        forbidden: &Forbidden,
        path: &Path,
        write: bool,
        name: u64,
        all: &mut Widening,
    ) -> Result<(), Unwidened> {
        let from = forbidden.judge(path, "given to a run").map_err(|error| Unwidened(error.to_string()))?;
        if write {
            let mut shut = self.protection().all();
            shut.extend(self.never_written().into_iter().map(Path::to_owned));
            keep_apart(self.workspace(), &shut, std::slice::from_ref(&from))
                .map_err(|error| Unwidened(error.to_string()))?;
        }
        all.at.push(Path::new(GRANTED).join(name.to_string()));
        all.steps.push(Step::Grant { from, name: name.to_string(), write });
        Ok(())
    }
}

/// A file, or a directory with all below it: what can be mounted as it is.
fn extent(workspace: &Path, text: &str) -> Result<PathBuf, Unwidened> {
    let (path, tree) = match text.strip_suffix("**") {
        Some(path) => (path.strip_suffix('/').unwrap_or(path), true),
        None => (text, false),
    };
    if path.contains('*') {
        return no(format!(
            "{text} is a pattern: only a file, DIR/** and ** can be opened while a run goes on"
        ));
    }
    let path = if path.is_empty() && text.starts_with('/') { Path::new("/") } else { Path::new(path) };
    let path = workspace.join(path).components().collect::<PathBuf>();
    let shown = path.display();
    match fs::canonicalize(&path) {
        Err(error) => return no(format!("{shown}: {error}")),
        Ok(real) if real != path => {
            return no(format!("a link leads from {shown} to {}: ask for that", real.display()));
        }
        Ok(_) => {}
    }
    match (path.is_dir(), tree) {
        (true, false) => no(format!("{shown} is a directory: ask for {text}/**")),
        (false, true) => no(format!("{shown} is no directory")),
        _ => Ok(path),
    }
}
