//! The scope language from outside: what it promises for every input, and the attacks it stands against.

mod attacks;
mod generate;
mod language;
mod properties;
mod targets;
mod tighter;

use exeat::domain::scope::{Ambiguity, HttpTarget, NetworkTarget, ScopeError, ScopeItem, Target};
use exeat::domain::upstream::Scheme;
use serde_json::{Value, json};

fn item(value: &Value) -> ScopeItem {
    ScopeItem::parse(value).unwrap_or_else(|error| panic!("{error} in {value}"))
}

fn refusal(value: &Value) -> ScopeError {
    ScopeItem::parse(value).expect_err("an item that must be refused")
}

/// An item that allows reading these paths of the upstream `api`.
fn reads(paths: &[&str]) -> Value {
    json!({"type": "http", "upstream": "api", "methods": ["GET"], "paths": paths})
}

fn connects(hosts: &[&str]) -> Value {
    json!({"type": "network", "hosts": hosts})
}

fn get(path_and_query: &str) -> Result<HttpTarget, Ambiguity> {
    let upstream = "api".parse().expect("a name");
    HttpTarget::new(upstream, Scheme::Https, "api.example.com", 443, "GET", path_and_query)
}

/// Why a request is refused, by its stable name.
fn why(path_and_query: &str) -> &'static str {
    get(path_and_query).map_or_else(Ambiguity::name, |_| "accepted")
}

fn get_target(path_and_query: &str) -> Target {
    get(path_and_query).unwrap_or_else(|error| panic!("{error}: {path_and_query}")).into()
}

fn connection(host: &str, port: u16) -> Target {
    NetworkTarget::new(host, port).unwrap_or_else(|error| panic!("{error}: {host}")).into()
}
