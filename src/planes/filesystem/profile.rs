//! Profiles: what a run may see and change, as a TOML file that a person can read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::WallError;
use super::limits::Limits;
use crate::domain::run::Rung;

mod fault;

use fault::{contradiction, read};

/// A profile that was understood.
#[derive(Clone, Debug)]
pub struct Profile {
    name: String,
    file: Option<PathBuf>,
    terms: Terms,
}

/// What the file says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Where a run starts.
    pub rung: Rung,
    /// The workspace.
    pub workspace: Workspace,
    /// Files outside it.
    pub files: Files,
    /// Variables.
    pub environment: Environment,
    /// The network.
    #[serde(default)]
    pub network: Network,
    /// Limits.
    pub limits: Limits,
}

/// Access to the workspace.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workspace {
    /// Read or write.
    pub access: Access,
    /// Paths in it that stay as they are.
    #[serde(default)]
    pub protect: Vec<PathBuf>,
    /// Files that are not there and must not be made, with the harmless content that stands in for each.
    #[serde(default)]
    pub held: BTreeMap<PathBuf, String>,
}

/// Read or write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Look.
    Read,
    /// Change.
    Write,
}

/// Files outside the workspace.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Of the system, read-only, where they exist.
    pub system: Vec<PathBuf>,
    /// Read-only; they must exist.
    #[serde(default)]
    pub read: Vec<PathBuf>,
    /// Read and written; they must exist.
    #[serde(default)]
    pub write: Vec<PathBuf>,
    /// Whether what is opened is seen and told.
    #[serde(default = "yes")]
    pub observe: bool,
    /// Whether more may be opened while a run goes on, once it is granted. Landlock then leaves it to the mounts.
    #[serde(default = "yes")]
    pub widen: bool,
}

const fn yes() -> bool {
    true
}

/// Variables of the run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Names that pass from outside.
    pub pass: Vec<String>,
    /// Variables that are set.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
}

/// The network of the run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Hosts that are asked for at the start, as `host:port`.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Whether programs inside may speak TCP to each other.
    #[serde(default)]
    pub loopback: bool,
}

/// The profiles that come with Exeat, by name.
pub const BUILT_IN: [(&str, &str); 4] = [
    ("read-only", include_str!("../../../profiles/read-only.toml")),
    ("workspace-write", include_str!("../../../profiles/workspace-write.toml")),
    ("networked", include_str!("../../../profiles/networked.toml")),
    ("credentialed", include_str!("../../../profiles/credentialed.toml")),
];

impl Profile {
    /// The built-in profile of that name, or the one in that file: what has a `/` or a `.` in it is a file.
    ///
    /// # Errors
    /// When there is none, or it makes no sense.
    pub fn load(name: &str) -> Result<Self, WallError> {
        if let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
            return Self::parse(name, None, text);
        }
        if !name.contains(['/', '.']) {
            let known = BUILT_IN.map(|(known, _)| known).join(", ");
            return Err(fault(
                name,
                format!("there is none of that name; built in are {known}, and a file is named by its path"),
            ));
        }
        let path = fs::canonicalize(name).map_err(|error| WallError::path(name, error))?;
        let text = fs::read_to_string(&path).map_err(|error| WallError::path(&path, error))?;
        Self::parse(name, Some(path), &text)
    }

    fn parse(name: &str, file: Option<PathBuf>, text: &str) -> Result<Self, WallError> {
        let terms = read(text).map_err(|reason| fault(name, reason))?;
        match contradiction(&terms) {
            Some(reason) => Err(fault(name, reason)),
            None => Ok(Self { name: name.to_owned(), file, terms }),
        }
    }

    /// As it was named.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// As it is told of elsewhere: a built-in one by its name, another by that of its file.
    #[must_use]
    pub fn short_name(&self) -> &str {
        let file = self.file.as_deref().and_then(Path::file_name).and_then(std::ffi::OsStr::to_str);
        file.unwrap_or(&self.name)
    }

    /// The file it came from, if it is not built in.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// What it says.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }
}

fn fault(name: &str, reason: impl Into<String>) -> WallError {
    WallError::Profile { name: name.to_owned(), reason: reason.into() }
}

#[cfg(test)]
mod tests;
