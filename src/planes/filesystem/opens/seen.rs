//! What was seen, counted as cheaply as can be while its caller waits, and judged in batches.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::call::Does;
use super::path::plain;
use super::used::Used;
use super::verdict::{Granted, Verdict};
use crate::domain::files::{Access, UsedFiles};

/// Opens that wait to be judged.
const MOST_WAITING: usize = 256;
/// Paths that are known to open, and the longest of them, in bytes.
const MOST_KNOWN: usize = 20_000;
const LONGEST_KNOWN: usize = 512;

/// One file that a call names.
pub(super) struct Named {
    pub(super) does: Does,
    /// Absolute, as the kernel will follow it.
    pub(super) path: PathBuf,
}

impl Named {
    const fn access(&self) -> Access {
        match self.does {
            Does::Reads => Access::Read,
            _ => Access::Write,
        }
    }

    /// Whether it can be judged after it went on: an open neither takes a name away nor moves one.
    const fn is_open(&self) -> bool {
        matches!(self.does, Does::Reads | Does::Writes { .. })
    }
}

/// What was seen of a run.
pub struct Seen {
    granted: Granted,
    used: Used,
    /// How often each path was opened that is known to open, to read and to write. By bytes: that is quicker than by components.
    known: [HashMap<OsString, u64>; 2],
    waiting: Vec<Named>,
}

impl Seen {
    /// Nothing yet of a run with these grants.
    #[must_use]
    pub fn new(granted: Granted) -> Self {
        Self { granted, used: Used::default(), known: Default::default(), waiting: Vec::new() }
    }

    /// Looks at what a call is about to do, before it goes on: what it makes is not there yet, what it removes still is. So are the files
    /// that were opened before it. Nothing for an open.
    pub(super) fn before(&mut self, all: &[Named]) -> Vec<Verdict> {
        if all.iter().all(Named::is_open) {
            return Vec::new();
        }
        self.settle();
        for one in all {
            self.forget(&one.path);
        }
        all.iter().map(|one| self.granted.judge(one.does, &one.path)).collect()
    }

    /// Counts what went on.
    pub(super) fn count(&mut self, all: Vec<Named>, before: &[Verdict]) {
        // What takes the place of something that is not there is not done either.
        if before.contains(&Verdict::Nothing) {
            return;
        }
        for (at, one) in all.into_iter().enumerate() {
            match before.get(at) {
                Some(verdict) => {
                    self.used.count(one.access(), &plain(&one.path), *verdict == Verdict::Refused, 1);
                }
                None => self.open(one),
            }
        }
    }

    /// Counts what could not be looked at.
    pub(super) const fn count_unseen(&mut self) {
        self.used.count_unseen();
    }

    fn open(&mut self, one: Named) {
        // What opened a moment ago opens: most files are opened many times.
        if let Some(count) = known(&mut self.known, one.access()).get_mut(one.path.as_os_str()) {
            *count += 1;
            return;
        }
        self.waiting.push(one);
        if self.waiting.len() >= MOST_WAITING {
            self.settle();
        }
    }

    /// Judges the opens that wait.
    fn settle(&mut self) {
        for one in std::mem::take(&mut self.waiting) {
            let access = one.access();
            let known = known(&mut self.known, access);
            if let Some(count) = known.get_mut(one.path.as_os_str()) {
                *count += 1;
                continue;
            }
            let room = known.len() < MOST_KNOWN && one.path.as_os_str().len() <= LONGEST_KNOWN;
            match self.granted.judge(one.does, &one.path) {
                Verdict::Done if room => drop(known.insert(one.path.into_os_string(), 1)),
                Verdict::Nothing => {}
                verdict => self.used.count(access, &plain(&one.path), verdict == Verdict::Refused, 1),
            }
        }
    }

    /// What is known of a path that changes is known no more.
    fn forget(&mut self, path: &Path) {
        for access in [Access::Read, Access::Write] {
            if let Some(count) = known(&mut self.known, access).remove(path.as_os_str()) {
                self.used.count(access, &plain(path), false, count);
            }
        }
    }

    /// As it is told.
    #[must_use]
    pub fn folded(&mut self) -> UsedFiles {
        self.settle();
        for access in [Access::Read, Access::Write] {
            for (path, count) in known(&mut self.known, access).drain() {
                self.used.count(access, &plain(Path::new(&path)), false, count);
            }
        }
        self.used.folded()
    }
}

const fn known(known: &mut [HashMap<OsString, u64>; 2], access: Access) -> &mut HashMap<OsString, u64> {
    let [read, write] = known;
    match access {
        Access::Read => read,
        Access::Write => write,
    }
}
