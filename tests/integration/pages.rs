//! The pages: people sign in, decide and read there. Driven by requests without a script, and in a real browser.

mod browsing;
mod forms;
mod passkeys;
mod pictures;

use reqwest::header::{LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::house::{Agent, House, Upstream, install_crypto};

/// Somebody with a browser that runs no scripts.
struct Visitor {
    http: Client,
    pages: String,
    cookie: String,
}

/// A page as it came.
struct Seen {
    status: u16,
    location: Option<String>,
    text: String,
}

impl Visitor {
    /// Nobody yet.
    fn stranger(house: &House) -> Self {
        install_crypto();
        let http = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Self { http, pages: house.review.clone(), cookie: String::new() }
    }

    /// Who signs in with this key.
    async fn signed_in(house: &House, key: &str) -> Self {
        let mut visitor = Self::stranger(house);
        let seen = visitor.send("/login", &[("key", key), ("next", "")]).await;
        assert_eq!((seen.status, seen.location.as_deref()), (303, Some("/")), "{}", seen.text);
        visitor.cookie = seen.text;
        visitor
    }

    async fn look(&self, path: &str) -> Seen {
        let request = self.http.get(format!("{}{path}", self.pages)).header("cookie", &self.cookie);
        seen(request.send().await.unwrap()).await
    }

    /// Sends a form; the session that comes back is in the text.
    async fn send(&self, path: &str, form: &[(&str, &str)]) -> Seen {
        self.send_from(&self.pages, path, form).await
    }

    /// The same, as a page of `origin` would.
    async fn send_from(&self, origin: &str, path: &str, form: &[(&str, &str)]) -> Seen {
        let request = self.http.post(format!("{}{path}", self.pages)).header("cookie", &self.cookie);
        seen(request.header("origin", origin).form(form).send().await.unwrap()).await
    }
}

async fn seen(response: Response) -> Seen {
    let status = response.status().as_u16();
    let text = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (location, cookie) = (text(LOCATION), text(SET_COOKIE));
    let body = response.text().await.unwrap();
    let text = cookie.map_or(body, |cookie| cookie.split(';').next().unwrap().to_owned());
    Seen { status, location, text }
}

/// An installation, its upstream, and an agent that may ask.
async fn ready() -> (House, Upstream, Agent) {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    (house, upstream, agent)
}

/// Two items, one to read and one to change something.
async fn two_items(house: &House, agent: &Agent, reason: &str) -> Value {
    let item = |method: &str, path: &str| json!({"type": "http", "upstream": "files", "methods": [method], "paths": [path]});
    let body = json!({"identity": "service:ci-bot", "reason": reason,
        "step": {"claimed": {"tool": "Bash", "call": "make release"}},
        "items": [item("GET", "/files/**"), item("DELETE", "/files/old")]});
    house.ask(agent, reqwest::Method::POST, "/v1/approvals", Some(body)).await.expect(201)
}

fn id(approval: &Value) -> &str {
    approval["id"].as_str().unwrap()
}

fn digest(approval: &Value) -> &str {
    approval["statement_digest"].as_str().unwrap()
}
