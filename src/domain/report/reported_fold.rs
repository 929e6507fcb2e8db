//! What layers say they saw, folded by who says it of which run: equal things are one row with a count.

use std::collections::BTreeMap;

use super::fold::Place;
use super::lanes::ReportedRow;
use crate::base::id::{LayerId, RunId};
use crate::domain::reported::{Saw, Sighting};
use crate::domain::scope::Access;

/// At most this many rows.
const MAX_LISTED: usize = 200;

/// Layer, run, kind, what, how.
type Key = (LayerId, RunId, &'static str, String, Option<String>);

/// The rows while entries are read.
#[derive(Debug, Default)]
pub(super) struct ReportedFold(BTreeMap<Key, ReportedRow>);

impl ReportedFold {
    /// Takes a sighting; whether there was room for it.
    pub(super) fn add(&mut self, place: Place, sighting: &Sighting) -> bool {
        let (what, how, count, up, down) = match &sighting.saw {
            Saw::Connection { host, bytes_up, bytes_down } => {
                (host.as_str(), None, 1, *bytes_up, *bytes_down)
            }
            Saw::Refusal { target, reason } => (target.as_str(), Some(reason.to_string()), 1, 0, 0),
            Saw::File { access, path, count, refused } => {
                let access = if *access == Access::Write { "write" } else { "read" };
                let how = if *refused { format!("{access}, refused") } else { access.to_owned() };
                (path.as_str(), Some(how), *count, 0, 0)
            }
        };
        let kind = sighting.saw.kind();
        let key = (sighting.layer, sighting.run, kind, what.to_owned(), how.clone());
        if self.0.len() >= MAX_LISTED && !self.0.contains_key(&key) {
            return false;
        }
        let row = self.0.entry(key).or_insert_with(|| ReportedRow {
            layer: sighting.layer,
            layer_name: sighting.layer_name.clone(),
            run: sighting.run,
            kind: kind.to_owned(),
            what: what.to_owned(),
            how,
            count: 0,
            bytes_up: 0,
            bytes_down: 0,
            first: place.at,
            last: place.at,
        });
        row.count = row.count.saturating_add(count);
        row.bytes_up = row.bytes_up.saturating_add(up);
        row.bytes_down = row.bytes_down.saturating_add(down);
        row.last = place.at;
        true
    }

    pub(super) fn finish(self) -> Vec<ReportedRow> {
        self.0.into_values().collect()
    }
}
