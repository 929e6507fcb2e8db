//! The watcher: looks at every stopped call, lets it go on, counts what it named.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::call::{Call, Does, Names, opens};
use super::notify::{Calls, Stopped};
use super::path::{Buffer, start};
use super::seen::{Named, Seen};

/// Watches until nobody is left to be watched.
///
/// # Errors
/// When the kernel refuses the descriptor. Whoever is watched then opens nothing any more.
pub fn watch(listener: OwnedFd, seen: &Mutex<Seen>) -> io::Result<()> {
    let calls = Calls::over(listener);
    let mut buffer = Buffer::new();
    while let Some(stopped) = calls.next()? {
        let named = look(&stopped, &mut buffer);
        // Held until it is counted: nobody is told the counts in between.
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = named.as_deref().map(|all| seen.before(all)).unwrap_or_default();
        // What does not go on was interrupted, and comes again or never.
        if !calls.go_on(&stopped) {
            continue;
        }
        match named {
            None => seen.count_unseen(),
            Some(all) => seen.count(all, &before),
        }
    }
    Ok(())
}

/// What a stopped call would do, to which paths. None when that cannot be read.
fn look(stopped: &Stopped, buffer: &mut Buffer) -> Option<Vec<Named>> {
    let call = Call::of(stopped.number)?;
    let mut all = Vec::with_capacity(call.names.len());
    for names in call.names {
        let does = match names.does {
            Does::Flags(argument) => opens(stopped.argument(argument)),
            does => Some(does),
        };
        if let Some(does) = does
            && let Place::Path(path) = place(stopped, names, buffer)?
        {
            all.push(Named { does, path });
        }
    }
    Some(all)
}

/// What a call names.
enum Place {
    /// A path.
    Path(PathBuf),
    /// A file without one, such as a memory file or a pipe.
    Nameless,
}

fn place(stopped: &Stopped, names: &Names, buffer: &mut Buffer) -> Option<Place> {
    let text = buffer.text(stopped.pid, stopped.argument(names.path))?;
    if text.is_absolute() {
        let own = text.as_os_str().as_encoded_bytes().starts_with(b"/proc/");
        return Some(Place::Path(if own { of_caller(text, stopped.pid) } else { text.to_owned() }));
    }
    let start = start(stopped.pid, names.directory.map(|argument| stopped.argument(argument)))?;
    if text.as_os_str().is_empty() {
        // The descriptor itself.
        let nameless = !start.is_absolute() || start.as_os_str().as_encoded_bytes().ends_with(b" (deleted)");
        return Some(if nameless { Place::Nameless } else { Place::Path(start) });
    }
    Some(Place::Path(start.join(text)))
}

/// A path in `/proc` that means the caller itself, and not whoever asks.
fn of_caller(path: &Path, pid: u32) -> PathBuf {
    let own = path.strip_prefix("/proc/self").or_else(|_| path.strip_prefix("/proc/thread-self"));
    own.map_or_else(|_| path.to_owned(), |rest| Path::new("/proc").join(pid.to_string()).join(rest))
}
