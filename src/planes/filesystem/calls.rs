//! What the library has no name for, or not for every architecture.

/// `fchmodat2(2)`: new calls have one number everywhere.
pub(super) const FCHMODAT2: i64 = 452;

/// What of `O_TMPFILE`, a file without a name in a directory, is not `O_DIRECTORY` (open(2)).
pub(super) const TMPFILE: i32 = libc::O_TMPFILE & !libc::O_DIRECTORY;
