//! `exeat demo-agent`: a coding agent as far as Exeat can tell, inside its walls. It holds a placeholder and no key; whatever it
//! needs it has from the run around it.
//!
//! It says what happens to it as one line of JSON each, for the demo to tell and to check.

use std::fs;
use std::io;
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use super::house::at;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{DONE, Output};
use crate::cli::settings::InRun;
use crate::cli::wait;
use crate::domain::upstream::Origin;
use crate::edges::client::{Client, use_ring};
use crate::edges::wire::ApprovalView;

/// The path that the agent needs.
const NEEDED: &str = "/repos/acme/app/issues";
/// What it tries at the upstream once it may do the first of it, once.
const TRIED: [(Method, &str); 4] = [
    (Method::GET, NEEDED),
    (Method::POST, NEEDED),
    (Method::GET, "/repos/acme/payroll/contents"),
    (Method::GET, NEEDED),
];

/// Play the demo's agent.
#[derive(Args, Debug)]
pub(crate) struct DemoAgent {
    #[command(flatten)]
    inside: InRun,
    /// The authorities that it trusts.
    #[arg(long, env = "SSL_CERT_FILE", value_name = "FILE")]
    ca: PathBuf,
    /// A page that no upstream governs.
    #[arg(long)]
    page: String,
    /// The upstream it wants to reach.
    #[arg(long)]
    upstream: Origin,
    /// Whom it wants to act as.
    #[arg(long)]
    identity: String,
}

impl DemoAgent {
    pub(crate) async fn run(self, _output: Output) -> Result<Exit, Failure> {
        let agent =
            At { exeat: self.inside.client()?, outside: self.outside()?, say: Output::new(true), told: self };
        agent.looks_around()?;
        if !agent.reads_the_page().await? {
            return DONE;
        }
        agent.uses_the_upstream().await?;
        DONE
    }

    /// The way out: through the run's proxy, trusting what the run trusts.
    fn outside(&self) -> Result<reqwest::Client, Failure> {
        use_ring();
        let cannot = |error: reqwest::Error| Failure::because("the agent cannot go out", &error);
        let proxy = reqwest::Proxy::all(self.inside.proxy()?).map_err(cannot)?;
        let roots = reqwest::Certificate::from_pem_bundle(&fs::read(&self.ca)?).map_err(cannot)?;
        reqwest::Client::builder()
            .proxy(proxy)
            .tls_certs_only(roots)
            .timeout(Duration::from_secs(30))
            .build()
            .map_err(cannot)
    }
}

/// The agent at work.
struct At {
    told: DemoAgent,
    exeat: Client,
    outside: reqwest::Client,
    say: Output,
}

impl At {
    /// What it can do by itself, and what not.
    fn looks_around(&self) -> Result<(), Failure> {
        let key = std::env::home_dir().unwrap_or_default().join(".ssh/id_ed25519");
        let there = (self.told.upstream.host.as_str(), self.told.upstream.port);
        self.say(&json!({
            "event": "began",
            "run": self.told.inside.run(),
            "read": fs::read_to_string("README.md")?.trim(),
            "write": refusal(fs::write("notes.md", "I was here")),
            "home": refusal(fs::read(key)),
            "direct": refusal(TcpStream::connect(there)),
        }))
    }

    /// Whether it came to that.
    async fn reads_the_page(&self) -> Result<bool, Failure> {
        let ask = json!({ "reason": "I am to follow the handbook" });
        if !self.asks_for(&self.told.page, None, ask).await? {
            return Ok(false);
        }
        let page = self.go(Method::GET, &self.told.page, None).await?;
        self.say(&page)?;
        Ok(true)
    }

    async fn uses_the_upstream(&self) -> Result<(), Failure> {
        let placeholder = std::env::var_os("FORGE_TOKEN").and_then(|text| text.into_string().ok());
        let (token, origin) = (placeholder.as_deref(), &self.told.upstream);
        let ask = json!({
            "reason": "I am to summarise the open issues of acme/app",
            "limits": { "max_uses": 1 },
        });
        if !self.asks_for(&format!("{origin}{NEEDED}"), token, ask).await? {
            return Ok(());
        }
        for (method, path) in TRIED {
            self.say(&self.go(method, &format!("{origin}{path}"), token).await?)?;
        }
        Ok(())
    }

    /// Goes there, is refused, asks for what the refusal offers, and waits. Whether it was granted.
    async fn asks_for(&self, url: &str, token: Option<&str>, ask: Value) -> Result<bool, Failure> {
        let refused = self.go(Method::GET, url, token).await?;
        self.say(&refused)?;
        let mut body = at(&refused, "/body/ask/body").clone();
        let step = json!({
            "claimed": { "tool": "Bash", "call": format!("curl {url}") },
            "refusal": at(&body, "/step/refusal"),
        });
        if let (Some(body), Value::Object(ask)) = (body.as_object_mut(), ask) {
            body.extend(ask);
            body.extend([("identity".to_owned(), json!(self.told.identity)), ("step".to_owned(), step)]);
        }
        let asked: ApprovalView = self.exeat.send("/v1/approvals", &body).await?;
        self.say(&json!({ "event": "asked", "approval": asked.id }))?;
        let decided = wait::for_decision(&self.exeat, asked.id, Duration::from_hours(1), self.say).await?;
        self.say(&json!({ "event": "decided", "state": decided.state }))?;
        Ok(decided.state == "approved")
    }

    /// Sends one request, and gives what is said of the answer.
    async fn go(&self, method: Method, url: &str, token: Option<&str>) -> Result<Value, Failure> {
        let lost = |error: reqwest::Error| Failure::because("the agent has no answer", &error);
        let mut request = self.outside.request(method.clone(), url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.map_err(lost)?;
        let status = response.status().as_u16();
        let text = response.text().await.map_err(lost)?;
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(
            json!({ "event": "answered", "method": method.as_str(), "url": url, "status": status, "body": body }),
        )
    }

    fn say(&self, what: &Value) -> Result<(), Failure> {
        self.say.answer(what, |_| {})
    }
}

/// Why it did not work; nothing when it did.
fn refusal<T>(tried: io::Result<T>) -> Option<String> {
    tried.err().map(|error| error.to_string())
}
