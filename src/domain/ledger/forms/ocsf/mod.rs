//! OCSF 1.8 (<https://schema.ocsf.io/1.8.0>): what agents and people do is API Activity, what was not accepted is Authentication, and the
//! broker's own coming and going is Application Lifecycle. All of the event, as the log has it, is under `unmapped`.

mod class;
mod who;

use serde_json::{Map, Value, json};

use self::class::Class;
use super::place::{Place, endpoint};
use crate::domain::ledger::event::{Entry, Event};
use crate::domain::ledger::note::Origin;
use crate::domain::reported::UseReport;
use crate::domain::session::Session;
use crate::domain::usage::Outcome;

/// The version of the schema.
const VERSION: &str = "1.8.0";
/// Product, vendor, and who acts where nobody else does.
const NAME: &str = "Exeat";

pub(super) fn event(origin: &Origin, index: u64, entry: &Entry) -> Value {
    let event = &entry.event;
    let class = Class::of(event);
    let mut said = Map::new();
    let mut set = |name: &str, value: Value| drop(said.insert(name.to_owned(), value));
    set("category_uid", (class.uid / 1000).into());
    set("class_uid", class.uid.into());
    set("activity_id", class.activity.into());
    set("type_uid", (class.uid * 100 + class.activity).into());
    set("severity_id", class.severity.into());
    set("status_id", class.status.into());
    if class.activity == class::OTHER {
        set("activity_name", event.name().into());
    }
    set("time", entry.at.as_micros().div_euclid(1000).into());
    set(
        "metadata",
        json!({
            "version": VERSION,
            "product": { "name": NAME, "vendor_name": NAME },
            "log_name": origin.as_str(),
            "uid": index.to_string(),
            "sequence": index,
            "event_code": event.name(),
        }),
    );
    set("message", message(event).into());
    match class.uid {
        class::AUTHENTICATION => said.extend(authentication(event)),
        class::LIFECYCLE => drop(said.insert("app".to_owned(), json!({ "name": NAME, "vendor_name": NAME }))),
        _ => said.extend(api_activity(event)),
    }
    let mut event = serde_json::to_value(event).unwrap_or_default();
    drop(event.as_object_mut().and_then(|fields| fields.remove("type")));
    drop(said.insert("unmapped".to_owned(), event));
    Value::Object(said)
}

/// The event's name as words.
fn message(event: &Event) -> String {
    event.name().replace('_', " ")
}

fn authentication(event: &Event) -> Map<String, Value> {
    let members = match event {
        Event::SessionBegan { session: Session { person, .. } } | Event::SessionEnded { person, .. } => {
            json!({ "user": { "uid": person.to_string() }, "service": { "name": "review" } })
        }
        Event::AuthenticationFailed { listener } => json!({
            "user": { "name": "unknown" },
            "service": { "name": listener },
            "status_detail": "the key was not accepted",
        }),
        _ => json!({ "user": { "name": "unknown" }, "service": { "name": NAME } }),
    };
    members.as_object().cloned().unwrap_or_default()
}

fn api_activity(event: &Event) -> Map<String, Value> {
    let mut said = Map::new();
    let mut set = |name: &str, value: Value| drop(said.insert(name.to_owned(), value));
    let place = target(event).and_then(Place::read);
    set("actor", who::actor(event));
    set("src_endpoint", who::source(event));
    set("api", api(event, place.as_ref()));
    let resources = who::resources(event);
    if !resources.is_empty() {
        set("resources", resources.into());
    }
    if let Some(place) = &place {
        set("http_request", place.http_request());
    }
    if let Some(endpoint) = destination(event, place.as_ref()) {
        set("dst_endpoint", endpoint);
    }
    if let Some(status) = outcome(event).and_then(|outcome| outcome.status) {
        set("http_response", json!({ "code": status }));
        set("status_code", status.to_string().into());
    }
    if let Some(detail) = detail(event) {
        set("status_detail", detail.into());
    }
    said
}

fn api(event: &Event, place: Option<&Place<'_>>) -> Value {
    let links = event.links();
    let usage = links.usage.filter(|_| !matches!(event, Event::Requested { .. })).map(|id| id.to_string());
    let mut api = json!({
        "operation": place.map_or(event.name(), |place| place.method),
        "service": { "name": place.map_or(NAME, Place::host) },
    });
    let Some(fields) = api.as_object_mut() else { return api };
    if let Some(id) = usage.or_else(|| links.approval.map(|id| id.to_string())) {
        drop(fields.insert("request".to_owned(), json!({ "uid": id })));
    }
    let problem = match event {
        Event::UseRefused(refusal) => Some(&refusal.problem),
        Event::RequestRefused { problem, .. }
        | Event::DecisionRefused { problem, .. }
        | Event::ExchangeRefused { problem, .. } => Some(problem),
        _ => outcome(event).and_then(|outcome| outcome.broken.as_ref()),
    };
    if let Some(problem) = problem {
        drop(fields.insert("response".to_owned(), json!({ "error": problem })));
    }
    api
}

/// Method and URL, where a request was made or tried.
pub(super) fn target(event: &Event) -> Option<&str> {
    match event {
        Event::UseStarted(start) => Some(&start.target),
        Event::UseRefused(refusal) => refusal.target.as_deref(),
        _ => None,
    }
}

fn outcome(event: &Event) -> Option<&Outcome> {
    match event {
        Event::UseFinished { outcome, .. } | Event::UseReported(UseReport { outcome, .. }) => Some(outcome),
        _ => None,
    }
}

/// Where it went, and the address that was dialled.
fn destination(event: &Event, place: Option<&Place<'_>>) -> Option<Value> {
    let (mut there, address) = match event {
        Event::UseStarted(start) => (place?.endpoint(), start.address),
        Event::UseRefused(_) => (place?.endpoint(), None),
        Event::ConnectionOpened(start) => (endpoint(&start.host), Some(start.address)),
        Event::ConnectionClosed { host, .. } | Event::ConnectionUnfinished { host, .. } => {
            (endpoint(host), None)
        }
        _ => return None,
    };
    if let (Some(fields), Some(address)) = (there.as_object_mut(), address) {
        drop(fields.insert("ip".to_owned(), address.ip().to_string().into()));
        drop(fields.insert("port".to_owned(), address.port().into()));
    }
    Some(there)
}

fn detail(event: &Event) -> Option<&str> {
    match event {
        Event::UseRefused(refusal) => Some(&refusal.reason),
        Event::Decided { state, .. } => Some(state),
        Event::ConnectionClosed { broken, .. } => broken.as_deref(),
        _ => outcome(event)?.broken.as_deref(),
    }
}
