//! What becomes of a call, as far as the walls have a say: asked of the kernel, about the same path, from within the same mounts.
//!
//! The watcher does not learn how a call that it lets go on ended. It knows what the run was granted, and what the kernel says to a
//! process of the same user behind the same mounts.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{Access as May, AtFlags, CWD, StatVfsMountFlags, accessat, statvfs};
use rustix::io::Errno;

use super::call::Does;
use super::path::plain;
use crate::planes::filesystem::inside::Inside;
use crate::planes::filesystem::second_wall;

/// Places that each run has of its own.
const OWN: [&str; 4] = ["/proc", "/dev", "/tmp", "/run/exeat"];

/// What a run was granted.
#[derive(Debug)]
pub struct Granted {
    /// The longest first.
    shown: Vec<PathBuf>,
    /// Empty where something else is outside.
    empty: [PathBuf; 2],
    fixed: Vec<PathBuf>,
    second_wall: OnceLock<bool>,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was done, as far as the walls have a say.
    Done,
    /// The walls stood in the way.
    Refused,
    /// There is nothing to do it to, walls or no walls.
    Nothing,
}

impl Granted {
    /// What these walls grant.
    #[must_use]
    pub fn of(inside: &Inside) -> Self {
        let own = OWN.iter().map(PathBuf::from);
        let mut shown: Vec<PathBuf> =
            inside.read.iter().chain(&inside.write).chain(&inside.room).cloned().chain(own).collect();
        shown.sort_by_key(|path| std::cmp::Reverse(path.as_os_str().len()));
        Self {
            shown,
            empty: [inside.home.clone(), PathBuf::from("/tmp")],
            fixed: inside.guarded.clone(),
            second_wall: OnceLock::new(),
        }
    }

    /// What becomes of doing this to `path`: absolute, as the caller named it. What makes, changes or takes away names is judged before
    /// it goes on, the rest after.
    pub(super) fn judge(&self, does: Does, path: &Path) -> Verdict {
        let fixed = || self.fixed.iter().any(|fixed| fixed.as_os_str() == plain(path).as_os_str());
        match does {
            Does::Reads | Does::Writes { .. } if is_own_stream(path) => Verdict::Done,
            Does::Reads => self.reads(path),
            Does::Writes { makes: true } => match writable(path) {
                Err(Errno::NOENT) => self.beside(path),
                found => self.answer(path, found),
            },
            Does::Writes { makes: false } | Does::Changes => self.answer(path, writable(path)),
            Does::Makes => match exists(path) {
                Ok(()) => Verdict::Nothing,
                Err(_) => self.beside(path),
            },
            Does::Removes => match exists(path) {
                Ok(()) if fixed() => Verdict::Refused,
                Ok(()) => self.beside(path),
                Err(error) => self.missing(path, error),
            },
            Does::Replaces if fixed() => Verdict::Refused,
            Does::Replaces => self.beside(path),
            // They say themselves which of the others it is.
            Does::Flags(_) => Verdict::Nothing,
        }
    }

    fn reads(&self, path: &Path) -> Verdict {
        let may = |access| accessat(CWD, path, access, AtFlags::EACCESS);
        match may(May::READ_OK) {
            Ok(()) if self.grant(path).is_some() || !self.has_second_wall() => Verdict::Done,
            // A link may lead from a place without a name in the grants to one that has one.
            Ok(()) => match std::fs::canonicalize(path) {
                Ok(real) if self.grant(&real).is_some() => Verdict::Done,
                _ => Verdict::Refused,
            },
            // What may be run and not read is run.
            Err(Errno::ACCESS) if may(May::EXEC_OK).is_ok() && path.is_file() => Verdict::Done,
            Err(error) => self.missing(path, error),
        }
    }

    /// Whether the directory that holds `path` is mounted to be written.
    fn beside(&self, path: &Path) -> Verdict {
        path.parent().map_or(Verdict::Refused, |directory| self.answer(path, writable(directory)))
    }

    fn answer(&self, path: &Path, writable: Result<bool, Errno>) -> Verdict {
        match writable {
            Ok(true) => Verdict::Done,
            Ok(false) => Verdict::Refused,
            Err(error) => self.missing(path, error),
        }
    }

    /// What is not there within a grant is not there. What may be hidden behind an empty directory, or is shown nowhere, the walls keep.
    fn missing(&self, path: &Path, error: Errno) -> Verdict {
        let absent = matches!(error, Errno::NOENT | Errno::NOTDIR);
        match self.grant(path) {
            Some(grant) if absent && !self.empty.iter().any(|empty| empty == grant) => Verdict::Nothing,
            _ => Verdict::Refused,
        }
    }

    /// The innermost grant that holds `path`.
    fn grant(&self, path: &Path) -> Option<&Path> {
        let path = plain(path);
        self.shown.iter().map(PathBuf::as_path).find(|shown| is_within(&path, shown))
    }

    /// Landlock goes by path from the root: without it, the empty directories around what is granted can be listed.
    fn has_second_wall(&self) -> bool {
        *self.second_wall.get_or_init(|| second_wall::abi().is_some())
    }
}

/// As `starts_with`, for paths without `..` that are many: byte by byte.
fn is_within(path: &Path, directory: &Path) -> bool {
    let (path, directory) = (path.as_os_str().as_encoded_bytes(), directory.as_os_str().as_encoded_bytes());
    path.strip_prefix(directory).is_some_and(|rest| rest.first().is_none_or(|byte| *byte == b'/'))
}

fn exists(path: &Path) -> Result<(), Errno> {
    accessat(CWD, path, May::EXISTS, AtFlags::SYMLINK_NOFOLLOW)
}

/// Whether what is there is mounted to be written, where its links lead.
fn writable(path: &Path) -> Result<bool, Errno> {
    statvfs(path).map(|found| !found.f_flag.contains(StatVfsMountFlags::RDONLY))
}

/// Names that mean another thing to whoever asks: what the caller holds open, it may open again.
fn is_own_stream(path: &Path) -> bool {
    const STREAMS: [&str; 5] = ["/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd", "/dev/tty"];
    STREAMS.iter().any(|stream| is_within(path, Path::new(stream)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_missing_is_the_walls_doing_only_where_they_hide_something() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        let (home, work) = (root.join("home"), root.join("home/work"));
        fs::create_dir_all(&work).unwrap();
        fs::write(work.join("file"), "").unwrap();
        let granted = Granted {
            shown: vec![work.clone(), home.clone()],
            empty: [home.clone(), PathBuf::from("/tmp")],
            fixed: vec![work.join("file")],
            second_wall: OnceLock::from(true),
        };
        let judge = |does, path: PathBuf| granted.judge(does, &path);
        assert_eq!(judge(Does::Reads, work.join("file")), Verdict::Done);
        assert_eq!(judge(Does::Reads, work.join("none")), Verdict::Nothing);
        assert_eq!(judge(Does::Reads, work.join("file/none")), Verdict::Nothing);
        assert_eq!(judge(Does::Reads, home.join(".ssh/id")), Verdict::Refused);
        assert_eq!(judge(Does::Reads, work.join("../.ssh/id")), Verdict::Refused);
        assert_eq!(judge(Does::Removes, work.join("none/../file")), Verdict::Nothing);
        assert_eq!(judge(Does::Removes, work.join("./file")), Verdict::Refused);
        assert_eq!(judge(Does::Reads, root.join("elsewhere")), Verdict::Refused);
        assert_eq!(judge(Does::Reads, root.clone()), Verdict::Refused);
        assert_eq!(judge(Does::Writes { makes: true }, work.join("new")), Verdict::Done);
        assert_eq!(judge(Does::Writes { makes: false }, work.join("new")), Verdict::Nothing);
        assert_eq!(judge(Does::Writes { makes: true }, home.join("no/new")), Verdict::Refused);
        assert_eq!(judge(Does::Makes, work.join("file")), Verdict::Nothing);
        assert_eq!(judge(Does::Makes, work.join("new")), Verdict::Done);
        assert_eq!(judge(Does::Removes, work.join("file")), Verdict::Refused);
        assert_eq!(judge(Does::Removes, work.join("none")), Verdict::Nothing);
        assert_eq!(judge(Does::Replaces, work.join("file")), Verdict::Refused);
        assert_eq!(judge(Does::Changes, work.join("file")), Verdict::Done);
        assert_eq!(judge(Does::Reads, "/dev/fd/9999".into()), Verdict::Done);
    }
}
