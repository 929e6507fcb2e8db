//! Filesystem items: which files may be read or written.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use super::error::ScopeError;
use super::fields::Fields;
use super::path::{Segments, canonical};
use super::target::FilesystemTarget;
use crate::domain::inert::Inert;

/// Reading or writing files, below the workspace or by absolute path.
///
/// `write` does not bring `read` with it: each is asked for, and logged, by itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct FilesystemItem {
    access: Access,
    paths: Vec<FilePattern>,
}

/// What may be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Read it.
    Read,
    /// Create, change or remove it.
    Write,
}

/// A pattern below the workspace (`src/**`) or from the root (`/usr/**`). Neither ever contains the other: where the
/// workspace lies is not known here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct FilePattern {
    absolute: bool,
    segments: Segments,
}

impl FilesystemItem {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, ScopeError> {
        let access = Access::read(fields)?;
        let paths = fields.list("paths", FilePattern::parse)?;
        Ok(Self { access, paths: canonical(paths, FilePattern::within) })
    }

    /// What may be done.
    #[must_use]
    pub const fn access(&self) -> Access {
        self.access
    }

    /// The patterns in canonical order, as written.
    pub fn paths(&self) -> impl Iterator<Item = String> + '_ {
        self.paths.iter().map(ToString::to_string)
    }

    pub(super) fn allows(&self, target: &FilesystemTarget) -> bool {
        self.access == target.access() && self.paths.iter().any(|pattern| pattern.allows(target.path()))
    }

    pub(super) fn within(&self, other: &Self) -> bool {
        let paths = || self.paths.iter().all(|a| other.paths.iter().any(|b| a.within(b)));
        self.access == other.access && paths()
    }
}

impl fmt::Display for FilesystemItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "filesystem {}", self.access)?;
        // A path with a space in it must not show as two paths.
        self.paths().try_for_each(|path| {
            if path.contains([' ', '"']) { write!(f, " {path:?}") } else { write!(f, " {path}") }
        })
    }
}

impl Access {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, ScopeError> {
        match fields.text("access")? {
            "read" => Ok(Self::Read),
            "write" => Ok(Self::Write),
            _ => Err(ScopeError::new("/access", "name read or write")),
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
        })
    }
}

impl FilePattern {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX_PATH {
            return Err("shorten the path to 4096 bytes");
        }
        let (absolute, rest) = text.strip_prefix('/').map_or((false, text), |rest| (true, rest));
        let remedy =
            "write plain path segments: no empty, . or .. segment, no backslash, no invisible character";
        let literal = |part: &str| if is_plain(part) { Ok(()) } else { Err(remedy) };
        Ok(Self { absolute, segments: Segments::parse(rest, literal)? })
    }

    fn allows(&self, path: &str) -> bool {
        let (absolute, rest) = path.strip_prefix('/').map_or((false, path), |rest| (true, rest));
        self.absolute == absolute && self.segments.allow(rest.split('/'))
    }

    fn within(&self, other: &Self) -> bool {
        self.absolute == other.absolute && self.segments.within(&other.segments)
    }
}

impl fmt::Display for FilePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.absolute { "/" } else { "" }, self.segments)
    }
}

impl Serialize for FilePattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The longest path, as on Linux (`PATH_MAX`).
pub(super) const MAX_PATH: usize = 4096;

/// A segment with one reading that also shows as what it is.
pub(super) fn is_plain(segment: &str) -> bool {
    let space = |c: char| c.is_whitespace() && c != ' ';
    let named = !matches!(segment, "" | "." | "..") && segment.trim() == segment;
    let inert = segment.parse::<Inert<MAX_PATH>>().is_ok();
    named && inert && !segment.contains(['/', '\\', '*']) && !segment.contains(space)
}
