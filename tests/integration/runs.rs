//! Runs from outside: the test plays the shim, with a loopback port in front of the run's socket.

mod files;
mod handed;
mod identity;
mod inside;
mod lifecycle;
mod network;
mod placeholders;
mod report;
mod shim;

use reqwest::Method;
use serde_json::{Value, json};

use self::shim::Shim;
use crate::house::{Agent, Answer, House};

/// A run and the way into it.
struct Run {
    id: String,
    socket: std::path::PathBuf,
    placeholders: Value,
    shim: Shim,
}

/// What a run says of itself when nothing more is needed.
fn plain(rung: &str) -> Value {
    json!({"profile": "test", "rung": rung, "workspace": "/work"})
}

async fn start(house: &House, agent: &Agent, body: Value) -> Run {
    let made = house.ask(agent, Method::POST, "/v1/runs", Some(body)).await.expect(201);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let socket: std::path::PathBuf = text("socket").into();
    assert!(socket.is_absolute() && std::path::Path::new(&text("ca")).exists());
    let shim = Shim::before(&socket).await;
    Run { id: text("id"), socket, placeholders: made["placeholders"].clone(), shim }
}

async fn end(house: &House, agent: &Agent, run: &Run, body: Value) -> Answer {
    house.ask(agent, Method::POST, &format!("/v1/runs/{}/end", run.id), Some(body)).await
}

async fn tell(house: &House, agent: &Agent, run: &Run, body: Value) -> Answer {
    house.ask(agent, Method::POST, &format!("/v1/runs/{}/steps", run.id), Some(body)).await
}

/// Asked for `GET path` in the run, and approved.
async fn approved(house: &House, agent: &Agent, run: &Run, path: &str, limits: Value) -> Value {
    let body = json!({"identity": "service:ci-bot", "reason": "to test", "limits": limits, "run": run.id,
        "items": [{"type": "http", "upstream": "files", "methods": ["GET"], "paths": [path]}]});
    let approval = house.ask(agent, Method::POST, "/v1/approvals", Some(body)).await.expect(201);
    house.approve(&approval).await.expect(200);
    approval
}

async fn token(house: &House, agent: &Agent, run: &Run, path: &str) -> String {
    let approval = approved(house, agent, run, path, json!({})).await;
    let token = house.exchange(agent, approval["id"].as_str().unwrap()).await.expect(200);
    token["access_token"].as_str().unwrap().to_owned()
}

/// The events of one type, newest last.
async fn events(house: &House, name: &str) -> Vec<Value> {
    let log = house.log().await;
    log.iter().map(|line| line["entry"]["event"].clone()).filter(|event| event["type"] == name).collect()
}
