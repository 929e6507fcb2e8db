//! Who acted, from where, and on what.

use serde_json::{Value, json};

use super::NAME;
use crate::base::id::PersonId;
use crate::domain::identity::Identity;
use crate::domain::ledger::event::{Event, Revoker};

/// A person, else the layer that says so, else the agent, else Exeat itself. Of a use, the user is whom the upstream sees.
pub(super) fn actor(event: &Event) -> Value {
    if let Some((id, name)) = person(event) {
        return match name {
            Some(name) => json!({ "user": { "uid": id.to_string(), "name": name } }),
            None => json!({ "user": { "uid": id.to_string() } }),
        };
    }
    match event {
        Event::LayerReported(sighting) => {
            return json!({ "app_uid": sighting.layer.to_string(), "app_name": sighting.layer_name });
        }
        Event::UseReported(report) => return json!({ "app_uid": report.layer.to_string() }),
        Event::StrangersRefused { .. } => return json!({ "user": { "name": "unknown" } }),
        _ => {}
    }
    match (event.links().agent.filter(|_| acts(event)), identity(event)) {
        (Some(agent), Some(identity)) => {
            json!({ "app_uid": agent.to_string(), "user": { "name": identity } })
        }
        (Some(agent), None) => json!({ "app_uid": agent.to_string() }),
        (None, _) => json!({ "app_name": NAME }),
    }
}

/// The run, else whoever acted: addresses are not on record.
pub(super) fn source(event: &Event) -> Value {
    let links = event.links();
    let person = person(event).map(|(id, _)| id.to_string());
    let run = links.run.filter(|_| acts(event)).map(|id| id.to_string());
    let agent = links.agent.filter(|_| acts(event)).map(|id| id.to_string());
    person.or(run).or(agent).map_or_else(|| json!({ "svc_name": NAME }), |id| json!({ "uid": id }))
}

/// All that the entry is about, by id.
pub(super) fn resources(event: &Event) -> Vec<Value> {
    let links = event.links();
    let credential = match event {
        Event::UseStarted(start) => Some(start.credential),
        Event::CredentialSealed { credential, .. } => Some(*credential),
        _ => None,
    };
    let named = [
        ("approval", links.approval.map(|id| id.to_string())),
        ("token", links.token.map(|id| id.to_string())),
        ("use", links.usage.map(|id| id.to_string())),
        ("run", links.run.map(|id| id.to_string())),
        ("agent", links.agent.map(|id| id.to_string())),
        ("credential", credential.map(|id| id.to_string())),
    ];
    named.into_iter().filter_map(|(kind, id)| Some(json!({ "type": kind, "uid": id? }))).collect()
}

/// Whether the agent that an entry names did what it tells of.
const fn acts(event: &Event) -> bool {
    !matches!(
        event,
        Event::Expired { .. }
            | Event::UseUnfinished { .. }
            | Event::ConnectionUnfinished { .. }
            | Event::RunWidened { .. }
            | Event::LayerReported(_)
            | Event::UseReported(_)
    )
}

fn identity(event: &Event) -> Option<&Identity> {
    match event {
        Event::UseStarted(start) => Some(&start.identity),
        Event::TokenIssued { identity, .. } => Some(identity),
        Event::Requested { statement, .. } => Some(&statement.identity),
        _ => None,
    }
}

/// The person who acted, and what they were called.
fn person(event: &Event) -> Option<(PersonId, Option<&str>)> {
    match event {
        Event::Decided { decision, .. } => Some((decision.person, Some(decision.name.as_str()))),
        Event::PasskeyRegistered { person, .. }
        | Event::PasskeyRemoved { person, .. }
        | Event::DecisionRefused { person, .. } => Some((*person, None)),
        Event::KeyRotated { by, .. } | Event::PersonAdded { by, .. } => by.map(|by| (by, None)),
        Event::TokenRevoked { by: Revoker::Person { id }, .. } => Some((*id, None)),
        Event::PersonRemoved { by, .. }
        | Event::SessionEnded { by, .. }
        | Event::AgentEnrolled { by, .. }
        | Event::AgentRemoved { by, .. }
        | Event::LayerEnrolled { by, .. }
        | Event::LayerRemoved { by, .. }
        | Event::IdentityAdded { by, .. }
        | Event::UpstreamDefined { by, .. }
        | Event::CredentialSealed { by, .. }
        | Event::ClientKeySealed { by, .. }
        | Event::Revoked { by, .. }
        | Event::LedgerRead { by, .. } => Some((*by, None)),
        _ => None,
    }
}
