//! The recorded uses of one granted item: each different line once, as long as there are not too many.

use std::collections::BTreeSet;

/// At most so many different lines are kept for an item.
const MAX_LINES: usize = 500;
/// At most so many bytes have they together: an agent may make each of its uses another.
const MAX_BYTES: usize = 256 * 1024;

/// Different lines, or that there were too many. The same whatever the order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    lines: BTreeSet<String>,
    bytes: usize,
    too_many: bool,
}

impl Seen {
    pub(crate) fn add(&mut self, line: &str) {
        if self.too_many || self.lines.contains(line) {
            return;
        }
        self.bytes += line.len();
        let _ = self.lines.insert(line.to_owned());
        if self.lines.len() > MAX_LINES || self.bytes > MAX_BYTES {
            *self = Self { too_many: true, ..Self::default() };
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        if other.too_many {
            *self = other.clone();
        }
        other.lines.iter().for_each(|line| self.add(line));
    }

    /// All lines; `None` when there were too many.
    pub(crate) fn lines(&self) -> Option<&BTreeSet<String>> {
        (!self.too_many).then_some(&self.lines)
    }
}
