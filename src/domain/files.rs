//! The files that a run used: what was seen of its opens, folded by access and path. Observed by a layer, never claimed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::run::PathText;
pub use super::scope::Access;

/// At most so many lines are told of one run.
pub const MOST_LINES: usize = 200;
/// At most so many bytes have their paths together, as JSON: an entry of the log has to stay below 64 KiB.
pub const MOST_BYTES: usize = 32 * 1024;
/// The largest count: the largest integer that every reader of JSON keeps (RFC 7493 §2.2).
pub const MOST: u64 = (1 << 53) - 1;
/// What stands at the end of a path for everything below it.
pub const BELOW: &str = "/**";

/// One line of what was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsedPath {
    /// Read or written.
    pub access: Access,
    /// An absolute path as the run named it; `/**` at its end stands for everything below.
    pub path: PathText,
    /// How often.
    pub count: u64,
    /// Whether the walls stood in the way.
    #[serde(default)]
    pub refused: bool,
}

/// What was seen of the opens of a run, bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Told")]
pub struct UsedFiles {
    files: Vec<UsedPath>,
    #[serde(skip_serializing_if = "is_zero")]
    unseen: u64,
}

/// As it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    files: Vec<UsedPath>,
    #[serde(default)]
    unseen: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The list is none that a layer would tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotUsedFiles {
    /// Too many lines.
    #[error("fold the files to at most {MOST_LINES} lines")]
    TooMany,
    /// Too long in all.
    #[error("fold the files until their paths have at most {MOST_BYTES} bytes together")]
    TooLong,
    /// A path does not say where it is.
    #[error("line {0}: write an absolute path, with `/**` at its end for everything below")]
    NotAbsolute(usize),
    /// Nothing happened, or more than can be.
    #[error("line {0}: a count is at least 1 and below 2^53")]
    NoCount(usize),
    /// More than can be.
    #[error("what was not seen is counted up to 2^53")]
    Unseen,
    /// The same access to the same path, twice.
    #[error("line {0}: access, path and outcome stand in a line before")]
    Double(usize),
}

impl UsedFiles {
    /// Checks the list; `unseen` are opens that were noticed and could not be read.
    ///
    /// # Errors
    /// [`NotUsedFiles`], with the first line that is wrong, counted from 0.
    pub fn new(files: Vec<UsedPath>, unseen: u64) -> Result<Self, NotUsedFiles> {
        if files.len() > MOST_LINES {
            return Err(NotUsedFiles::TooMany);
        }
        if files.iter().map(|line| length(line.path.as_str())).sum::<usize>() > MOST_BYTES {
            return Err(NotUsedFiles::TooLong);
        }
        if unseen > MOST {
            return Err(NotUsedFiles::Unseen);
        }
        let mut known = BTreeSet::new();
        for (index, line) in files.iter().enumerate() {
            if !line.path.as_str().starts_with('/') {
                return Err(NotUsedFiles::NotAbsolute(index));
            }
            if line.count == 0 || line.count > MOST {
                return Err(NotUsedFiles::NoCount(index));
            }
            if !known.insert((line.access, line.path.as_str(), line.refused)) {
                return Err(NotUsedFiles::Double(index));
            }
        }
        drop(known);
        Ok(Self { files, unseen })
    }

    /// The lines.
    #[must_use]
    pub fn lines(&self) -> &[UsedPath] {
        &self.files
    }

    /// The lines, to be told.
    #[must_use]
    pub fn into_lines(self) -> Vec<UsedPath> {
        self.files
    }

    /// Opens that were noticed, and whose paths could not be read.
    #[must_use]
    pub const fn unseen(&self) -> u64 {
        self.unseen
    }
}

impl TryFrom<Told> for UsedFiles {
    type Error = NotUsedFiles;

    fn try_from(told: Told) -> Result<Self, NotUsedFiles> {
        Self::new(told.files, told.unseen)
    }
}

/// Bytes of a path as JSON.
#[must_use]
pub fn length(path: &str) -> usize {
    path.len() + path.matches(['"', '\\']).count()
}

/// Whether what this line tells of may lie within a granted pattern. Where the line or the pattern stands for more than one path, what
/// may be is taken for what is: only what surely was not touched counts as never touched.
#[must_use]
pub fn may_touch(line: &UsedPath, pattern: &str, workspace: Option<&str>) -> bool {
    let (start, open) = literal(pattern);
    let root = if pattern.starts_with('/') { "" } else { workspace.unwrap_or("") };
    let start = format!("{}{start}", root.trim_end_matches('/'));
    let path = line.path.as_str();
    match path.strip_suffix(BELOW) {
        Some(base) => within(base, &start) && (open || base == start) || within(&start, base),
        None => {
            if open {
                within(path, &start)
            } else {
                path == start
            }
        }
    }
}

/// What of a pattern stands before its first wildcard, beginning with a slash, and whether there is one.
fn literal(pattern: &str) -> (String, bool) {
    let mut start = String::new();
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        if part.contains('*') {
            return (start, true);
        }
        start.push('/');
        start.push_str(part);
    }
    (start, false)
}

/// Whether `path` is `directory` or below it; both without a slash at the end.
fn within(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(path: &str) -> UsedPath {
        UsedPath { access: Access::Read, path: path.parse().unwrap(), count: 1, refused: false }
    }

    #[test]
    fn only_what_surely_was_not_touched_counts_as_never_touched() {
        let touches = |path: &str, pattern: &str| may_touch(&line(path), pattern, Some("/home/ada/app"));
        for (path, pattern) in [
            ("/usr/lib/x", "/usr/**"),
            ("/usr", "/usr/**"),
            ("/**", "/usr/**"),
            ("/usr/lib/**", "/usr/**"),
            ("/home/ada/app/src/a", "**"),
            ("/home/ada/app/src/a", "src/a"),
            ("/home/ada/**", "src/a"),
            ("/home/ada/app/src/**", "src/*/deep"),
        ] {
            assert!(touches(path, pattern), "{path} {pattern}");
        }
        for (path, pattern) in [
            ("/usrlocal", "/usr/**"),
            ("/home/ada/other", "**"),
            ("/home/ada/app/src/ab", "src/a"),
            ("/home/ada/app/src/a/b", "src/a"),
            ("/opt/**", "/usr/**"),
            ("/home/ada/app/src/a/**", "src/b"),
        ] {
            assert!(!touches(path, pattern), "{path} {pattern}");
        }
    }

    #[test]
    fn a_list_that_no_layer_would_tell_is_refused() {
        let many: Vec<UsedPath> = (0..=MOST_LINES).map(|n| line(&format!("/{n}"))).collect();
        assert_eq!(UsedFiles::new(many, 0), Err(NotUsedFiles::TooMany));
        let long: Vec<UsedPath> = (100..140).map(|n| line(&format!("/{n}{}", "x".repeat(1000)))).collect();
        assert_eq!(UsedFiles::new(long, 0), Err(NotUsedFiles::TooLong));
        assert_eq!(UsedFiles::new(vec![line("a/b")], 0), Err(NotUsedFiles::NotAbsolute(0)));
        assert_eq!(UsedFiles::new(vec![line("/a"), line("/a")], 0), Err(NotUsedFiles::Double(1)));
        let mut none = line("/a");
        none.count = 0;
        assert_eq!(UsedFiles::new(vec![none], 0), Err(NotUsedFiles::NoCount(0)));
    }
}
