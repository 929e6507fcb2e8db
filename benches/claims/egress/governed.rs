//! An installation that governs the upstream, and what an agent of it was given.

use std::path::Path;

use hyper::Method;
use serde_json::{Value, json};

use super::SECRET;
use super::client::Way;
use super::upstream::Upstream;
use crate::claim::Found;
use crate::http::Connection;
use crate::process::{Exeat, exchange, text};

/// A way through Exeat that is open.
pub(super) struct Governed {
    pub(super) exeat: Exeat,
    /// What the agent shows in place of the secret.
    pub(super) token: String,
    key: String,
    root: String,
}

impl Governed {
    /// Makes it in `data`, has the agent ask, and approves.
    pub(super) async fn start(data: &Path, upstream: &Upstream) -> Found<Self> {
        let exeat = Exeat::start(data).await?;
        let installed = json!({"name": "large", "origins": upstream.origins(), "slot": "bearer",
            "ca_pem": upstream.root, "allow_addresses": ["127.0.0.0/8"]});
        exeat.person(Method::POST, "/v1/upstreams", Some(installed)).await?;
        let credential = json!({"upstream": "large", "identity": "service:ci-bot", "secret": SECRET});
        exeat.person(Method::POST, "/v1/credentials", Some(credential)).await?;
        let agent = json!({"name": "loader", "identities": ["service:ci-bot"], "upstreams": ["large"]});
        let agent = exeat.person(Method::POST, "/v1/agents", Some(agent)).await?;
        let key = text(&agent, "key")?;
        let approval = exeat.approved(&key, "large", "/**").await?;
        let (_, answer) = Connection::to(exeat.agent).await?.ask(&exchange(&key, &approval)).await?;
        let token = text(&serde_json::from_slice::<Value>(&answer)?, "access_token")?;
        let root = std::fs::read_to_string(data.join("ca.pem"))?;
        Ok(Self { exeat, token, key, root })
    }

    /// To this port of the upstream.
    pub(super) fn way(&self, port: u16) -> Found<Way> {
        Way::tunnel(self.exeat.proxy, Some(&self.key), port, &self.root)
    }
}
