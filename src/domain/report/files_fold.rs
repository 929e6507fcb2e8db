//! The files of one run in a report: used, refused, and never touched of what was granted.

use super::lanes::{FilesAccount, RunAccount, Untouched};
use crate::domain::files::{UsedFiles, UsedPath, may_touch};
use crate::domain::scope::ScopeItem;
use crate::domain::widening::Widened;

/// At most this many lines are listed in one report.
const MAX_LINES: usize = 2000;

/// How many lines there is still room for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(MAX_LINES)
    }
}

/// Holds what was seen against what was granted.
pub(super) fn account(run: &RunAccount, seen: &UsedFiles, room: &mut Room) -> FilesAccount {
    let mut files = FilesAccount { never_touched: untouched(run, seen), ..FilesAccount::default() };
    files.unseen = seen.unseen();
    for line in seen.lines() {
        let Some(left) = room.0.checked_sub(1) else {
            files.further += 1;
            continue;
        };
        room.0 = left;
        let list = if line.refused { &mut files.refused } else { &mut files.used };
        list.push(line.clone());
    }
    files
}

fn untouched(run: &RunAccount, seen: &UsedFiles) -> Vec<Untouched> {
    let workspace = run.workspace.as_ref().map(crate::domain::run::PathText::as_str);
    let mut untouched = Vec::new();
    let opened = run.widenings.iter().filter(|one| matches!(one.widened, Widened::Open { .. }));
    for item in run.filesystem.iter().chain(opened.map(|one| &one.item)) {
        let ScopeItem::Filesystem(item) = item else { continue };
        let counts = |line: &&UsedPath| line.access == item.access() && !line.refused;
        for path in item.paths() {
            if !seen.lines().iter().filter(counts).any(|line| may_touch(line, &path, workspace)) {
                untouched.push(Untouched { access: item.access(), path });
            }
        }
    }
    untouched
}
