//! CloudEvents 1.0, JSON format. `source` and `id` together name the entry: the log, and its index there.

use serde_json::{Value, json};

use crate::domain::ledger::event::{Entry, Event};
use crate::domain::ledger::note::Origin;

pub(super) fn event(origin: &Origin, index: u64, entry: &Entry) -> Value {
    let mut event = json!({
        "specversion": "1.0",
        "id": index.to_string(),
        "source": origin.as_str(),
        "type": format!("exeat.{}", entry.event.name()),
        "time": entry.at,
        "datacontenttype": "application/json",
        "data": entry,
    });
    if let (Some(fields), Some(subject)) = (event.as_object_mut(), subject(&entry.event)) {
        drop(fields.insert("subject".to_owned(), subject.into()));
    }
    event
}

/// What it is about: the use, the token, the approval or the run, the first of these that there is.
fn subject(event: &Event) -> Option<String> {
    let links = event.links();
    // A request names the refused use that it follows; it is about the approval all the same.
    let usage = links.usage.filter(|_| !matches!(event, Event::Requested { .. }));
    let usage = usage.map(|id| id.to_string());
    usage
        .or_else(|| links.token.map(|id| id.to_string()))
        .or_else(|| links.approval.map(|id| id.to_string()))
        .or_else(|| links.run.map(|id| id.to_string()))
}
