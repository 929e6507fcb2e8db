//! The calls that are watched, and what they say they will do to which path.

use libc as sys;

use super::super::calls::{FCHMODAT2, TMPFILE};

/// Where the arguments of a call name a file.
pub(super) struct Names {
    /// The argument that holds the directory a relative path starts at; none: the caller's own.
    pub(super) directory: Option<usize>,
    /// The argument that points to the path.
    pub(super) path: usize,
    /// What is done to it.
    pub(super) does: Does,
}

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    /// As the open flags in this argument say.
    Flags(usize),
    /// Reads it.
    Reads,
    /// Writes into it; `makes` it, too, when it is not there.
    Writes {
        /// As `O_CREAT`.
        makes: bool,
    },
    /// Makes it, where nothing is.
    Makes,
    /// Changes its mode, its owner.
    Changes,
    /// Takes its name away.
    Removes,
    /// Takes its place.
    Replaces,
}

/// A watched call.
pub(super) struct Call {
    /// Its number.
    pub(super) number: i64,
    /// The files it names.
    pub(super) names: &'static [Names],
}

const fn at(argument: usize, does: Does) -> Names {
    Names { directory: Some(argument), path: argument + 1, does }
}

macro_rules! calls {
    ($($(#[$when:meta])* $number:path [$($names:expr),+];)+) => {
        /// All of them.
        pub(super) const CALLS: &[Call] = &[$($(#[$when])* { Call { number: $number, names: &[$($names),+] } },)+];
    };
}

#[cfg(target_arch = "x86_64")]
const fn here(path: usize, does: Does) -> Names {
    Names { directory: None, path, does }
}

calls! {
    sys::SYS_openat [at(0, Does::Flags(2))];
    sys::SYS_execveat [at(0, Does::Reads)];
    sys::SYS_execve [Names { directory: None, path: 0, does: Does::Reads }];
    sys::SYS_unlinkat [at(0, Does::Removes)];
    sys::SYS_mkdirat [at(0, Does::Makes)];
    sys::SYS_mknodat [at(0, Does::Makes)];
    sys::SYS_symlinkat [at(1, Does::Makes)];
    sys::SYS_linkat [at(2, Does::Makes)];
    sys::SYS_renameat2 [at(0, Does::Removes), at(2, Does::Replaces)];
    sys::SYS_fchmodat [at(0, Does::Changes)];
    FCHMODAT2 [at(0, Does::Changes)];
    sys::SYS_fchownat [at(0, Does::Changes)];
    sys::SYS_truncate [Names { directory: None, path: 0, does: Does::Writes { makes: false } }];
    sys::SYS_renameat [at(0, Does::Removes), at(2, Does::Replaces)];
    #[cfg(target_arch = "x86_64")] sys::SYS_open [here(0, Does::Flags(1))];
    #[cfg(target_arch = "x86_64")] sys::SYS_creat [here(0, Does::Writes { makes: true })];
    #[cfg(target_arch = "x86_64")] sys::SYS_unlink [here(0, Does::Removes)];
    #[cfg(target_arch = "x86_64")] sys::SYS_rmdir [here(0, Does::Removes)];
    #[cfg(target_arch = "x86_64")] sys::SYS_mkdir [here(0, Does::Makes)];
    #[cfg(target_arch = "x86_64")] sys::SYS_mknod [here(0, Does::Makes)];
    #[cfg(target_arch = "x86_64")] sys::SYS_symlink [here(1, Does::Makes)];
    #[cfg(target_arch = "x86_64")] sys::SYS_link [here(1, Does::Makes)];
    #[cfg(target_arch = "x86_64")] sys::SYS_rename [here(0, Does::Removes), here(1, Does::Replaces)];
    #[cfg(target_arch = "x86_64")] sys::SYS_chmod [here(0, Does::Changes)];
    #[cfg(target_arch = "x86_64")] sys::SYS_chown [here(0, Does::Changes)];
    #[cfg(target_arch = "x86_64")] sys::SYS_lchown [here(0, Does::Changes)];
}

impl Call {
    /// The call with this number.
    pub(super) fn of(number: i64) -> Option<&'static Self> {
        CALLS.iter().find(|call| call.number == number)
    }

    /// The argument that holds open flags, if they stand in one: what they say, the kernel's filter can read.
    pub(super) fn flags(&self) -> Option<usize> {
        match self.names {
            [Names { does: Does::Flags(argument), .. }] => Some(*argument),
            _ => None,
        }
    }
}

/// What open flags mean. A descriptor that only names a file, or lists a directory, reads no file.
pub(super) fn opens(flags: u64) -> Option<Does> {
    let set = |flag: i32| u64::try_from(flag).is_ok_and(|flag| flags & flag == flag);
    if set(sys::O_PATH) || set(sys::O_DIRECTORY) && !set(TMPFILE) {
        return None;
    }
    let makes = set(sys::O_CREAT);
    // The lowest two bits are the mode, and reading is the one that is none of them.
    let writes = makes || flags & 3 != 0 || set(sys::O_TRUNC);
    Some(if writes { Does::Writes { makes } } else { Does::Reads })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_say_whether_a_file_is_read_or_written() {
        let of = |flags: i32| opens(u64::try_from(flags).unwrap());
        assert_eq!(of(sys::O_RDONLY | sys::O_CLOEXEC), Some(Does::Reads));
        for flags in [sys::O_WRONLY, sys::O_RDWR, sys::O_TRUNC, sys::O_TMPFILE | sys::O_RDWR] {
            assert_eq!(of(flags), Some(Does::Writes { makes: false }), "{flags:o}");
        }
        assert_eq!(of(sys::O_CREAT | sys::O_WRONLY), Some(Does::Writes { makes: true }));
        assert_eq!(of(sys::O_PATH), None);
        assert_eq!(of(sys::O_RDONLY | sys::O_DIRECTORY), None);
    }

    #[test]
    fn every_number_stands_once() {
        for call in CALLS {
            assert_eq!(
                CALLS.iter().filter(|other| other.number == call.number).count(),
                1,
                "{}",
                call.number
            );
        }
        assert!(CALLS.len() < 64, "jumps in the filter are one byte");
    }
}
