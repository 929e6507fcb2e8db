//! One event of each kind in each form, as it was and as the schemas want it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::base::clock::Timestamp;
use crate::domain::ledger::Event;

/// One of each, a line each.
const EVENTS: &str = include_str!("tests/events.jsonl");
/// How many kinds there are: an event that is added is to be added there too.
const KINDS: usize = 47;

fn events() -> Vec<Event> {
    let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    EVENTS.lines().map(read).collect()
}

fn said(format: Format) -> Vec<Value> {
    let origin: Origin = "exeat/46c8ebed69a47150".parse().unwrap();
    let at: Timestamp = "2026-11-23T22:14:33.114219Z".to_owned().try_into().unwrap();
    let line = |(index, event)| {
        let line = format.line(&origin, index, &Entry { at, event }).unwrap();
        assert!(!line.contains('\n'));
        serde_json::from_str(&line).unwrap()
    };
    (0..).zip(events()).map(line).collect()
}

#[test]
fn every_kind_of_event_is_in_the_list() {
    let kinds: BTreeSet<_> = events().iter().map(Event::name).collect();
    assert_eq!((kinds.len(), events().len()), (KINDS, KINDS));
}

#[test]
fn cloud_events_are_as_they_were() {
    insta::assert_json_snapshot!(said(Format::CloudEvents));
}

#[test]
fn ocsf_events_are_as_they_were() {
    insta::assert_json_snapshot!(said(Format::Ocsf));
}

#[test]
fn a_cloud_event_has_what_every_one_must_have() {
    for event in said(Format::CloudEvents) {
        for name in ["specversion", "id", "source", "type"] {
            assert!(event[name].as_str().is_some_and(|text| !text.is_empty()), "{name}: {event}");
        }
    }
}

/// The required attributes of the classes, and the constraints on the objects in them (OCSF 1.8.0).
#[test]
fn an_ocsf_event_has_what_its_class_requires() {
    for event in said(Format::Ocsf) {
        let number = |name: &str| event[name].as_u64().unwrap_or_else(|| panic!("{name}: {event}"));
        for name in ["severity_id", "status_id", "time"] {
            let _ = number(name);
        }
        assert_eq!(number("type_uid"), number("class_uid") * 100 + number("activity_id"));
        assert_eq!(number("category_uid"), number("class_uid") / 1000);
        assert!(event["metadata"]["version"].is_string() && event["metadata"]["product"]["name"].is_string());
        let required: &[&str] = match number("class_uid") {
            3002 => &["user", "service"],
            6002 => &["app"],
            6003 => &["actor", "api", "src_endpoint"],
            other => panic!("{other}"),
        };
        for name in required {
            assert!(event[name].as_object().is_some_and(|object| !object.is_empty()), "{name}: {event}");
        }
        if number("class_uid") == 6003 {
            assert!(event["api"]["operation"].is_string());
        }
        if number("activity_id") == 99 {
            assert!(event["activity_name"].is_string());
        }
    }
}

#[test]
fn ledger_lines_are_not_made_from_one_entry() {
    let origin: Origin = "exeat/46c8ebed69a47150".parse().unwrap();
    let entry = Entry { at: Timestamp::from_seconds(0), event: Event::Stopped {} };
    assert_eq!(Format::Jsonl.line(&origin, 0, &entry), None);
}
