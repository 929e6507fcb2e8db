//! Other people's network layers: enrolled, asking, reporting; and why a verdict is what it is.

mod corpus;
mod decider;
mod enrolment;
mod events;
mod gateways;
mod questions;
mod why;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::house::{Agent, Answer, House, Upstream, answer};

/// An installation with an upstream, an agent that may ask for it, and an agent that no layer may speak for.
struct Stand {
    house: House,
    upstream: Upstream,
    agent: Agent,
    other: Agent,
}

/// An enrolled layer.
struct Layer {
    id: String,
    key: String,
}

impl Stand {
    async fn new() -> Self {
        Self::with_slot("bearer").await
    }

    async fn with_slot(slot: &str) -> Self {
        let (house, upstream) = (House::start(), Upstream::start().await);
        let agent = house.install(&upstream, slot).await;
        let other = house.enrol("agent-2").await;
        // The same server by its address too: a decider of srt is shown the address that the name may stand for.
        let origins = [upstream.origin(), format!("https://127.0.0.1:{}", upstream.address.port())];
        let body = json!({"name": "files", "origins": origins, "slot": slot,
            "ca_pem": upstream.certificate, "allow_addresses": ["127.0.0.0/8"]});
        house.review(Method::POST, "/v1/upstreams", Some(body)).await.expect(201);
        Self { house, upstream, agent, other }
    }

    /// A layer that may ask about the upstream for the agent.
    async fn layer(&self, form: &str) -> Layer {
        self.layer_with(form, json!({"inject": true})).await
    }

    async fn layer_with(&self, form: &str, more: Value) -> Layer {
        let mut body = json!({"name": format!("layer-{form}"), "form": form, "upstreams": ["files"], "agents": [self.agent.id]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = self.house.review(Method::POST, "/v1/layers", Some(body)).await.expect(201);
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        Layer { id: text("id"), key: text("key") }
    }

    /// A token of the agent for `GET` on `path`.
    async fn token(&self, path: &str) -> String {
        self.house.token(&self.agent, path, json!({})).await.1
    }

    /// A question in the form of nginx, with more headers.
    async fn ask(&self, layer: &Layer, (method, path): (&str, &str), headers: &[(&str, &str)]) -> Response {
        let url = self.upstream.url(path);
        let said = [("x-original-method", method), ("x-original-url", &url)];
        self.ask_with(layer, &[&said[..], headers].concat()).await
    }

    async fn ask_with(&self, layer: &Layer, headers: &[(&str, &str)]) -> Response {
        let mut request = self.house.http.get(format!("{}/v1/authorize", self.house.agent));
        request = request.header("exeat-layer-key", &layer.key);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    /// The entries of one type, newest last.
    async fn entries(&self, event: &str) -> Vec<Value> {
        let path = format!("/v1/ledger/entries?type={event}&limit=1000");
        let page = self.house.review(Method::GET, &path, None).await.expect(200);
        let entries = page["entries"].as_array().unwrap().iter();
        entries.map(|entry| entry["entry"]["event"].clone()).collect()
    }

    /// What a layer reports.
    async fn report(&self, layer: &Layer, events: &Value) -> Answer {
        let request = self.house.http.post(format!("{}/v1/events", self.house.agent));
        let request = request.header("exeat-layer-key", &layer.key);
        let request = request.header("content-type", "application/cloudevents-batch+json");
        answer(request.body(events.to_string()).send().await.unwrap()).await
    }
}

/// `Bearer …`.
fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}
