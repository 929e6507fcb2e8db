//! What is installed: upstreams, credentials by name, identities, agents, layers, people, and the policy in force.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::IntoResponse;

use super::page::{Page, Shell};
use super::visitor::Visitor;
use super::words::span;
use crate::base::clock::Timestamp;
use crate::broker::Catalog;
use crate::domain::approval::Policy;
use crate::domain::layer::Layer;
use crate::domain::principal::{Agent, Person, Role};
use crate::domain::upstream::Upstream;
use crate::edges::state::Edge;
use crate::store::SealedCredential;

/// A table: its name, what its columns are called, its rows.
struct Table {
    name: &'static str,
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    add: &'static str,
}

#[derive(Template)]
#[template(path = "installed.html")]
struct InstalledPage {
    shell: Shell,
    tables: Vec<Table>,
    policy: Vec<(&'static str, String)>,
    version: String,
}

pub(super) async fn show(Visitor(known): Visitor, State(edge): State<Edge>) -> impl IntoResponse {
    let (catalog, policy) = (edge.broker().catalog(), edge.broker().policy());
    let tables = vec![
        upstreams(&catalog),
        credentials(&catalog),
        identities(&catalog),
        agents(&catalog),
        layers(&catalog),
        people(&catalog),
    ];
    let version = policy.version().to_string();
    Page(InstalledPage { tables, policy: rules(policy), version, shell: Shell::of(&known, "installed") })
}

fn joined<T: ToString>(all: impl IntoIterator<Item = T>) -> String {
    all.into_iter().map(|one| one.to_string()).collect::<Vec<_>>().join(", ")
}

/// That it was removed and when, or else `here`.
fn until(removed_at: Option<Timestamp>, here: impl ToString) -> String {
    removed_at.map_or_else(|| here.to_string(), |at| format!("removed {at}"))
}

fn upstreams(catalog: &Catalog) -> Table {
    let row = |upstream: &Arc<Upstream>| {
        vec![
            upstream.name.to_string(),
            upstream.version.to_string(),
            joined(&upstream.origins),
            upstream.slot.to_string(),
            if upstream.client_certificate.is_some() { "shown".to_owned() } else { "none".to_owned() },
        ]
    };
    Table {
        name: "Upstreams",
        head: vec!["name", "version", "answers at", "credential goes to", "client certificate"],
        rows: catalog.upstreams().map(row).collect(),
        add: "exeat upstream add NAME --origin https://… --slot bearer",
    }
}

fn credentials(catalog: &Catalog) -> Table {
    let name =
        |id| catalog.upstreams().find(|upstream| upstream.id == id).map(|upstream| upstream.name.to_string());
    let row = |credential: &Arc<SealedCredential>| {
        vec![
            name(credential.upstream).unwrap_or_default(),
            credential.identity.to_string(),
            credential.version.to_string(),
            credential.id.to_string(),
        ]
    };
    Table {
        name: "Credentials",
        head: vec!["upstream", "acting identity", "version", "id"],
        rows: catalog.credentials().iter().map(row).collect(),
        add: "exeat credential add --upstream NAME --identity service:NAME",
    }
}

fn identities(catalog: &Catalog) -> Table {
    Table {
        name: "Acting identities",
        head: vec!["identity"],
        rows: catalog.identities().iter().map(|identity| vec![identity.to_string()]).collect(),
        add: "exeat identity add service:NAME",
    }
}

fn agents(catalog: &Catalog) -> Table {
    let row = |agent: &Arc<Agent>| {
        vec![
            agent.name.to_string(),
            joined(&agent.identities),
            joined(agent.upstreams.iter().map(ToString::to_string)),
            until(agent.removed_at, agent.expires_at),
            agent.id.to_string(),
        ]
    };
    Table {
        name: "Agents",
        head: vec!["name", "may act as", "may reach", "key until", "id"],
        rows: catalog.agents().iter().map(row).collect(),
        add: "exeat agent add NAME --identity service:NAME --upstream NAME",
    }
}

fn layers(catalog: &Catalog) -> Table {
    let row = |layer: &Arc<Layer>| {
        vec![
            layer.name.to_string(),
            joined(layer.upstreams.iter().map(ToString::to_string)),
            if layer.inject { "is handed the credential".to_owned() } else { "asks only".to_owned() },
            until(layer.removed_at, layer.expires_at),
        ]
    };
    Table {
        name: "Layers",
        head: vec!["name", "upstreams", "credential", "key until"],
        rows: catalog.layers().iter().map(row).collect(),
        add: "exeat layer add NAME --form nginx --upstream NAME --agent ID",
    }
}

fn people(catalog: &Catalog) -> Table {
    let row = |person: &Arc<Person>| {
        vec![
            person.name.to_string(),
            joined(person.roles.iter().map(|role: &Role| role.as_str())),
            until(person.removed_at, "active"),
            person.id.to_string(),
        ]
    };
    Table {
        name: "People",
        head: vec!["name", "roles", "state", "id"],
        rows: catalog.people().iter().map(row).collect(),
        add: "exeat person add NAME --role reviewer",
    }
}

fn rules(policy: &Policy) -> Vec<(&'static str, String)> {
    let seconds = |count: u32| span(Duration::from_secs(count.into()));
    vec![
        ("people who must approve", policy.required_approvers.to_string()),
        ("longest approval", seconds(policy.ceiling.expires_in)),
        ("most uses", policy.ceiling.max_uses.to_string()),
        ("most tokens", policy.ceiling.max_tokens.to_string()),
        ("longest token", seconds(policy.longest_token)),
        ("undecided requests of an agent", policy.max_pending.to_string()),
        (
            "runs without walls",
            if policy.unsafe_no_sandbox { "allowed".to_owned() } else { "refused".to_owned() },
        ),
    ]
}
