//! What layers report: a batch of CloudEvents 1.0 in the JSON batch format. Closed in its types, bounded, each event once.

use axum::extract::State;
use axum::response::Json;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::base::id::{RunId, UseId};
use crate::broker::{LayerTold, Said};
use crate::domain::files::MOST;
use crate::domain::problem::Problem;
use crate::domain::reported::Saw;
use crate::domain::usage::Outcome;
use crate::edges::caller::LayerCaller;
use crate::edges::extract::{EventBatch, json_at};
use crate::edges::problem::invalid;
use crate::edges::state::Edge;
use crate::edges::wire::{CloudEvent, EventsNoted};
use crate::store::Noted;

/// The longest source and id, in bytes.
const LONGEST: usize = 256;
/// The words with which a use can end, beside none: those that the proxy uses too.
const BROKEN: [&str; 5] = ["client_gone", "request_broke", "upstream_unreachable", "upstream_broke", "cut"];

/// Puts on record what a layer reports. An event that is not understood refuses the whole batch.
#[utoipa::path(post, path = "/v1/events", tag = "layers",
    request_body(content = Vec<CloudEvent>, content_type = "application/cloudevents-batch+json"),
    responses((status = 200, description = "What became of each", body = EventsNoted)))]
pub(super) async fn report(
    LayerCaller(layer): LayerCaller,
    State(edge): State<Edge>,
    EventBatch(batch): EventBatch,
) -> Result<Json<EventsNoted>, Problem> {
    let told = batch.into_iter().enumerate().map(|(at, event)| told(at, event));
    let noted = edge.broker().report_of(&layer, told.collect::<Result<_, _>>()?).await?;
    let word = |noted| match noted {
        Noted::Recorded => "recorded",
        Noted::Repeated => "repeated",
        Noted::Unknown => "unknown",
    };
    Ok(Json(EventsNoted { events: noted.into_iter().map(word).map(str::to_owned).collect() }))
}

/// How a use ended, as a layer says it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ended {
    r#use: UseId,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    bytes_up: u64,
    #[serde(default)]
    bytes_down: u64,
    #[serde(default)]
    broken: Option<String>,
}

fn told(at: usize, event: CloudEvent) -> Result<LayerTold, Problem> {
    let bad = |field: &str, what: &str| invalid(&format!("/{at}/{field}"), what);
    if event.specversion != "1.0" {
        return Err(bad("specversion", "expected `1.0`"));
    }
    if event.datacontenttype.as_deref().is_some_and(|kind| kind != "application/json") {
        return Err(bad("datacontenttype", "expected `application/json`"));
    }
    for (field, text) in [("id", &event.id), ("source", &event.source)] {
        if text.is_empty() || text.len() > LONGEST || text.chars().any(char::is_control) {
            return Err(bad(field, "give 1 to 256 bytes without control characters"));
        }
    }
    let said = match event.r#type.as_str() {
        "exeat.use.ended" => ended(at, event.data)?,
        "exeat.seen.connection" => saw(at, "connection", event.data)?,
        "exeat.seen.refusal" => saw(at, "refusal", event.data)?,
        "exeat.seen.file" => saw(at, "file", event.data)?,
        _ => return Err(bad("type", "not a type that is known here; docs/integrations.md lists them")),
    };
    Ok(LayerTold { name: (event.source, event.id), at: event.time, said })
}

fn ended(at: usize, data: Value) -> Result<Said, Problem> {
    let Ended { r#use, status, bytes_up, bytes_down, broken } = data_of(at, &data)?;
    let bad = |field: &str, what: &str| invalid(&format!("/{at}/data/{field}"), what);
    if status.is_some_and(|status| !(100..=599).contains(&status)) {
        return Err(bad("status", "give 100 to 599"));
    }
    if broken.as_deref().is_some_and(|word| !BROKEN.contains(&word)) {
        return Err(bad("broken", &format!("expected one of {}", BROKEN.join(", "))));
    }
    if bytes_up > MOST || bytes_down > MOST {
        return Err(bad("bytes_up", "larger than every reader of JSON keeps"));
    }
    Ok(Said::Ended(r#use, Outcome { status, bytes_up, bytes_down, broken, masked: None }))
}

/// `run`, and the members of what was seen.
fn saw(at: usize, kind: &str, data: Value) -> Result<Said, Problem> {
    let Value::Object(mut members) = data else {
        return Err(invalid(&format!("/{at}/data"), "expected an object"));
    };
    let run = members.remove("run").unwrap_or_default();
    let run: RunId = json_at(&format!("/{at}/data/run"), &run)?;
    if members.insert("kind".to_owned(), json!(kind)).is_some() {
        return Err(invalid(&format!("/{at}/data/kind"), "not a field here"));
    }
    let saw: Saw = data_of(at, &Value::Object(members))?;
    let most = match &saw {
        Saw::Connection { bytes_up, bytes_down, .. } => *bytes_up.max(bytes_down),
        Saw::File { count, .. } => *count,
        Saw::Refusal { .. } => 0,
    };
    if most > MOST {
        return Err(invalid(&format!("/{at}/data"), "a number larger than every reader of JSON keeps"));
    }
    Ok(Said::Saw(run, saw))
}

fn data_of<T: DeserializeOwned>(at: usize, data: &Value) -> Result<T, Problem> {
    json_at(&format!("/{at}/data"), data)
}
