//! The files of a run, for people: used, refused, never touched.

use super::output::Page;
use crate::domain::files::UsedPath;
use crate::domain::report::{FilesAccount, RunAccount};

/// At most so many lines are shown of each kind; `--json` has all.
const SHOWN: usize = 20;

/// Tells what was seen of the files of a run that has ended.
pub(super) fn told(page: &mut Page, run: &RunAccount) {
    let Some(files) = &run.files else {
        if run.end.is_some() {
            page.line("     files: nobody looked which were opened");
        }
        return;
    };
    page.line("     files");
    lines(page, "", &files.used);
    lines(page, "refused: ", &files.refused);
    let shown = files.never_touched.iter().take(SHOWN);
    for same in shown.collect::<Vec<_>>().chunk_by(|a, b| a.access == b.access) {
        let paths: Vec<&str> = same.iter().map(|one| one.path.as_str()).collect();
        let access = same.first().map(|one| one.access.to_string()).unwrap_or_default();
        page.line(format!("       open and never touched: {access} {}", paths.join(", ")));
    }
    further(page, files.never_touched.len().saturating_sub(SHOWN), "open and never touched");
    rest(page, files);
}

fn lines(page: &mut Page, what: &str, lines: &[UsedPath]) {
    let mut most: Vec<&UsedPath> = lines.iter().collect();
    most.sort_by_key(|line| std::cmp::Reverse(line.count));
    most.truncate(SHOWN);
    most.sort_by(|a, b| (a.access, a.path.as_str()).cmp(&(b.access, b.path.as_str())));
    for line in most {
        page.line(format!("       {what}{} {}  {}×", line.access, line.path, line.count));
    }
    further(page, lines.len().saturating_sub(SHOWN), if what.is_empty() { "used" } else { "refused" });
}

fn further(page: &mut Page, count: usize, what: &str) {
    if count > 0 {
        page.line(format!("       … and {count} more {what}: --json has all"));
    }
}

fn rest(page: &mut Page, files: &FilesAccount) {
    if files.unseen > 0 {
        page.line(format!("       {} opens were noticed and could not be looked at", files.unseen));
    }
    if files.further > 0 {
        page.line(format!("       {} lines are not listed: ask for the report of the run", files.further));
    }
}
