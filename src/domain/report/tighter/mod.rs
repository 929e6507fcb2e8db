//! The tighter grant: the smallest scope that covers what was used of a grant, for the next request (`docs/scope.md`).
//!
//! It is made from what the log has and from nothing else. Whatever is proposed is within what was granted, by [`subset`], and allows
//! again all that was recorded, by the function that decides; where either cannot be shown, the granted item itself is proposed.

mod body;
mod git;
mod http;
mod pattern;
mod recorded;
mod replay;
mod seen;
mod spent;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use self::recorded::Request;
use super::lanes_fold::target;
use crate::domain::approval::Limits;
use crate::domain::scope::{ScopeItem, Target, subset};

pub(super) use self::seen::Seen;
pub(super) use self::spent::Spent;

/// One request holds at most this many items.
const MAX_ITEMS: usize = 32;

/// What would have been enough, in the words of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tighter {
    /// What may be done.
    pub items: Vec<ScopeItem>,
    /// How long and how often.
    pub limits: Limits,
}

/// How closely the uses of an item are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Detail {
    /// Each method with its paths, and each path with its query and body.
    Whole,
    /// Each method with its paths; query and body stay as granted.
    Paths,
    /// One item for all methods and paths.
    Single,
}

/// The smallest items, all within `granted`, that allow again what was recorded of its uses: the lines that the log has of them, as
/// [`HttpTarget::redacted`](crate::domain::scope::HttpTarget::redacted) makes them, or `connect host:port`. The order of uses does not matter.
#[must_use]
pub fn smallest(granted: &ScopeItem, recorded: &BTreeSet<String>) -> Vec<ScopeItem> {
    at(Detail::Whole, granted, recorded)
}

/// The proposals for several granted items: as close as one request can hold, and none within another. `None` when none can.
pub(super) fn together(uses: &[(&ScopeItem, Option<&BTreeSet<String>>)]) -> Option<Vec<ScopeItem>> {
    let all = |detail| {
        let each = uses.iter().flat_map(|(item, recorded)| match recorded {
            Some(recorded) => at(detail, item, recorded),
            None => vec![(*item).clone()],
        });
        without_spare(each.collect())
    };
    [Detail::Whole, Detail::Single].into_iter().map(all).find(|items| items.len() <= MAX_ITEMS)
}

fn at(closest: Detail, granted: &ScopeItem, recorded: &BTreeSet<String>) -> Vec<ScopeItem> {
    let details = [Detail::Whole, Detail::Paths, Detail::Single].into_iter();
    details
        .filter(|detail| *detail >= closest)
        .filter_map(|detail| proposal(detail, granted, recorded))
        .find(|items| items.iter().all(|item| subset(item, granted)))
        .unwrap_or_else(|| vec![granted.clone()])
}

/// What allows again all that was recorded; `None` when that cannot be shown.
fn proposal(detail: Detail, granted: &ScopeItem, recorded: &BTreeSet<String>) -> Option<Vec<ScopeItem>> {
    let written = serde_json::to_value(granted).ok()?;
    let written = written.as_object()?;
    let requests = || recorded.iter().map(|line| Request::read(line)).collect::<Option<Vec<_>>>();
    match granted {
        ScopeItem::Http(_) => {
            let requests = requests()?;
            let items = http::proposal(detail, granted, written, &requests)?;
            replay::all_http(granted, &items, &requests).then_some(items)
        }
        ScopeItem::Git(_) => {
            let requests = requests()?;
            let items = vec![git::proposal(granted, written, &requests)?];
            replay::all_git(granted, &items, &requests).then_some(items)
        }
        ScopeItem::Network(_) => {
            let hosts: BTreeSet<&str> =
                recorded.iter().map(|line| line.strip_prefix("connect ")).collect::<Option<_>>()?;
            let item = with(written, [("hosts", json!(hosts))])?;
            let reached: Vec<Target> = hosts.into_iter().map(target).collect::<Option<_>>()?;
            reached.iter().all(|target| item.allows(target)).then(|| vec![item])
        }
        // Files are not recorded use by use.
        ScopeItem::Filesystem(_) => None,
    }
}

/// A filesystem item with these of its patterns alone.
pub(super) fn of_files(granted: &ScopeItem, touched: &BTreeSet<String>) -> ScopeItem {
    let narrowed = || {
        let written = serde_json::to_value(granted).ok()?;
        let item = with(written.as_object()?, [("paths", json!(touched))])?;
        subset(&item, granted).then_some(item)
    };
    narrowed().unwrap_or_else(|| granted.clone())
}

/// The item with other members; `null` takes one away. `None` when it is no item then.
fn with<const N: usize>(written: &Map<String, Value>, members: [(&str, Value); N]) -> Option<ScopeItem> {
    let mut item = written.clone();
    for (name, value) in members {
        if value.is_null() {
            drop(item.remove(name));
        } else {
            drop(item.insert(name.to_owned(), value));
        }
    }
    ScopeItem::parse(&Value::Object(item)).ok()
}

/// Each once, and none that another contains.
fn without_spare(mut items: Vec<ScopeItem>) -> Vec<ScopeItem> {
    items.sort_by_cached_key(ToString::to_string);
    items.dedup();
    let spare = |item: &ScopeItem| items.iter().any(|other| other != item && subset(item, other));
    items.iter().filter(|item| !spare(item)).cloned().collect()
}

#[cfg(test)]
mod tests;
