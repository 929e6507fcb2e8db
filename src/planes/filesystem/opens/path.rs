//! The path a stopped call means, as its caller names it.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use super::notify::peek;

/// As on Linux (`PATH_MAX`).
const LONGEST: usize = 4096;
/// Memory is read in pieces that end where a page may. Hardly any path is longer than one.
const PIECE: u64 = 512;

/// Room for one path, used again for every call.
pub(super) struct Buffer(Vec<u8>);

impl Buffer {
    pub(super) fn new() -> Self {
        Self(vec![0; LONGEST])
    }

    /// The text at an address of a caller's memory, up to its NUL; none when it cannot be read or is none.
    pub(super) fn text(&mut self, pid: u32, address: u64) -> Option<&Path> {
        let mut length = 0;
        while length < LONGEST {
            let from = address.checked_add(length as u64)?;
            let piece = usize::try_from(PIECE - from % PIECE).ok()?;
            let room = self.0.get_mut(length..LONGEST.min(length + piece))?;
            let read = peek(pid, from, room).filter(|read| *read > 0)?;
            let end = room.iter().take(read).position(|byte| *byte == 0);
            if let Some(end) = end {
                return Some(Path::new(OsStr::from_bytes(self.0.get(..length + end)?)));
            }
            length += read;
        }
        None
    }
}

/// Where a caller's relative paths start: one of its open directories, or its own.
pub(super) fn start(pid: u32, directory: Option<u64>) -> Option<PathBuf> {
    // Descriptors are C integers: the upper half of the register says nothing.
    let descriptor = directory.map(|raw| i32::from_ne_bytes(low(raw)));
    let link = match descriptor {
        None | Some(libc::AT_FDCWD) => format!("/proc/{pid}/cwd"),
        Some(descriptor) => format!("/proc/{pid}/fd/{descriptor}"),
    };
    std::fs::read_link(link).ok()
}

fn low(raw: u64) -> [u8; 4] {
    u32::try_from(raw & u64::from(u32::MAX)).unwrap_or_default().to_ne_bytes()
}

/// An absolute path without `.` and `..`, links not followed.
pub(super) fn plain(path: &Path) -> Cow<'_, Path> {
    let bytes = path.as_os_str().as_encoded_bytes();
    let odd = bytes.windows(2).any(|pair| pair == b"//" || pair == b"/.");
    if !odd && (bytes.len() == 1 || !bytes.ends_with(b"/")) {
        return Cow::Borrowed(path);
    }
    let mut plain = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => drop(plain.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_plain() {
        let plain = |path: &str| plain(Path::new(path)).display().to_string();
        assert_eq!(plain("/w/a/../b/./c"), "/w/b/c");
        assert_eq!(plain("/x//y/"), "/x/y");
        assert_eq!(plain("/w/../../.."), "/");
        for path in ["/", "/w", "/w/a.b/c"] {
            assert_eq!(plain(path), path);
        }
        assert_eq!(plain("/w/.hidden"), "/w/.hidden");
    }

    #[test]
    fn text_is_read_up_to_its_end_across_pieces() {
        let (me, mut buffer) = (std::process::id(), Buffer::new());
        for length in [0, 1, 511, 512, 700, 4000, 4095] {
            for shift in [0, 1, 511, 4095] {
                let mut text = vec![b'a'; length + shift];
                text.push(0);
                let read = buffer.text(me, text.as_ptr() as u64 + shift as u64).unwrap();
                assert_eq!(read.as_os_str().len(), length);
            }
        }
        let endless = vec![b'a'; 9000];
        assert_eq!(buffer.text(me, endless.as_ptr() as u64), None);
        assert_eq!(buffer.text(me, 8), None);
        assert_eq!(buffer.text(me, u64::MAX), None);
    }
}
