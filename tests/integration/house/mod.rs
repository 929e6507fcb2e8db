//! A real Exeat: the built binary, a data directory of its own, free ports, stopped when the test ends.

mod browser;
mod handed;
mod nginx;
mod program;
mod terminal;
mod upstream;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) use browser::Browser;
pub(crate) use handed::{hand_over, received};
pub(crate) use nginx::Nginx;
pub(crate) use program::Program;
pub(crate) use terminal::Terminal;
pub(crate) use upstream::Upstream;

/// A running installation.
pub(crate) struct House {
    pub dir: TempDir,
    pub agent: String,
    pub review: String,
    pub proxy: String,
    pub review_key: String,
    pub http: Client,
    child: Child,
}

/// An enrolled agent.
pub(crate) struct Agent {
    pub id: String,
    pub key: String,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub body: Value,
}

pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_exeat"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

impl House {
    /// `exeat init`, then `exeat serve`.
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    /// The same with settings.
    pub(crate) fn start_with(config: &str) -> Self {
        Self::start_as(binary(), config)
    }

    /// The same, served by a command of the caller's.
    pub(crate) fn start_as(server: Command, config: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let data = dir.path().join("data");
        let output =
            binary().args(["init", "--person", "Alice", "--json", "--data-dir"]).arg(&data).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let made: Value = serde_json::from_slice(&output.stdout).unwrap();
        std::fs::write(data.join("config.toml"), config).unwrap();
        let (child, ready) = serve(server, &data, [ANY; 3], Stdio::inherit());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            agent: text(&ready["agent"]),
            review: text(&ready["review"]),
            proxy: text(&ready["proxy"]),
            review_key: text(&made["review_key"]),
            http: client(),
            child,
            dir,
        }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it at once, as a power cut would, and starts it again on the same ports.
    pub(crate) fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.start_again(&[]);
    }

    /// Starts it again, with more environment.
    pub(crate) fn start_again(&mut self, environment: &[(&str, &str)]) {
        self.start_again_saying(environment, Stdio::inherit());
    }

    /// The same; what it says on standard error goes to `says`.
    pub(crate) fn start_again_saying(&mut self, environment: &[(&str, &str)], says: Stdio) {
        let mut command = binary();
        command.envs(environment.iter().copied());
        self.start_again_as(command, &self.data(), says);
    }

    /// The same through a command of the caller's, on another data directory.
    pub(crate) fn start_again_as(&mut self, command: Command, data: &Path, says: Stdio) {
        // The same ports: tokens name their issuer, and it is the agent listener.
        let ports = [&self.agent, &self.review, &self.proxy].map(|url| url.trim_start_matches("http://"));
        let (child, ready) = serve(command, data, ports, says);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (self.agent, self.review, self.proxy) =
            (text(&ready["agent"]), text(&ready["review"]), text(&ready["proxy"]));
        // Kept connections were to the one before.
        self.http = client();
        self.child = child;
        // Connections to the process before this one are dead.
        self.http = client();
    }

    /// Asks it to stop and waits until it has.
    pub(crate) fn stop(&mut self) -> std::process::ExitStatus {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap()
    }

    /// A person's call.
    pub(crate) async fn review(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.review_as(&self.review_key, method, path, body).await
    }

    pub(crate) async fn review_as(
        &self,
        key: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        call(&self.http, method, &format!("{}{path}", self.review), key, body).await
    }

    /// An agent's call.
    pub(crate) async fn ask(&self, agent: &Agent, method: Method, path: &str, body: Option<Value>) -> Answer {
        call(&self.http, method, &format!("{}{path}", self.agent), &agent.key, body).await
    }

    /// Installs `upstream` with its credential for `service:ci-bot`, and an agent that may ask for it.
    pub(crate) async fn install(&self, upstream: &Upstream, slot: &str) -> Agent {
        let body = json!({"name": "files", "origins": [upstream.origin()], "slot": slot,
            "ca_pem": upstream.certificate, "allow_addresses": ["127.0.0.0/8"]});
        self.review(Method::POST, "/v1/upstreams", Some(body)).await.expect(201);
        self.review(Method::POST, "/v1/identities", Some(json!({"identity": "service:ci-bot"})))
            .await
            .expect(201);
        let body = json!({"upstream": "files", "identity": "service:ci-bot", "secret": upstream.secret()});
        self.review(Method::POST, "/v1/credentials", Some(body)).await.expect(201);
        self.enrol("agent-1").await
    }

    pub(crate) async fn enrol(&self, name: &str) -> Agent {
        let body = json!({"name": name, "identities": ["service:ci-bot"], "upstreams": ["files"]});
        let made = self.review(Method::POST, "/v1/agents", Some(body)).await.expect(201);
        Agent { id: made["id"].as_str().unwrap().to_owned(), key: made["key"].as_str().unwrap().to_owned() }
    }

    /// Asks for `GET` on `path`; gives the approval.
    pub(crate) async fn request(&self, agent: &Agent, path: &str, limits: Value) -> Value {
        let body = json!({"identity": "service:ci-bot", "reason": "to test", "limits": limits,
            "items": [{"type": "http", "upstream": "files", "methods": ["GET"], "paths": [path]}]});
        self.ask(agent, Method::POST, "/v1/approvals", Some(body)).await.expect(201)
    }

    /// Approves everything that was asked.
    pub(crate) async fn approve(&self, approval: &Value) -> Answer {
        let id = approval["id"].as_str().unwrap();
        let body = json!({"statement_digest": approval["statement_digest"], "items": [{"index": 0, "decision": "approve"}]});
        self.review(Method::POST, &format!("/v1/approvals/{id}/decision"), Some(body)).await
    }

    /// Exchanges an approval.
    pub(crate) async fn exchange(&self, agent: &Agent, approval: &str) -> Answer {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", approval),
            ("subject_token_type", "urn:exeat:params:oauth:token-type:approval-id"),
        ];
        let url = format!("{}/oauth/token", self.agent);
        answer(self.http.post(url).bearer_auth(&agent.key).form(&form).send().await.unwrap()).await
    }

    /// Asked, approved and exchanged.
    pub(crate) async fn token(&self, agent: &Agent, path: &str, limits: Value) -> (String, String) {
        let approval = self.request(agent, path, limits).await;
        self.approve(&approval).await.expect(200);
        let id = approval["id"].as_str().unwrap().to_owned();
        let token = self.exchange(agent, &id).await.expect(200);
        (id, token["access_token"].as_str().unwrap().to_owned())
    }

    /// A client whose way out is the proxy, as this agent.
    pub(crate) fn through_proxy(&self, agent: &Agent) -> Client {
        let ca = std::fs::read(self.data().join("ca.pem")).unwrap();
        install_crypto();
        Client::builder()
            .proxy(reqwest::Proxy::all(&self.proxy).unwrap().basic_auth("agent", &agent.key))
            .tls_certs_only([reqwest::Certificate::from_pem(&ca).unwrap()])
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap()
    }

    /// The whole log, as a person reads it.
    pub(crate) async fn log(&self) -> Vec<Value> {
        let page = self.review(Method::GET, "/v1/ledger/entries?limit=1000", None).await.expect(200);
        page["entries"].as_array().unwrap().clone()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Answer {
    /// The body, if the status is this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// The problem's name.
    pub(crate) fn problem(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default().trim_start_matches("urn:exeat:problem:")
    }
}

pub(crate) fn install_crypto() {
    drop(rustls::crypto::ring::default_provider().install_default());
}

fn client() -> Client {
    install_crypto();
    Client::builder().no_proxy().build().unwrap()
}

async fn call(http: &Client, method: Method, url: &str, key: &str, body: Option<Value>) -> Answer {
    let mut request = http.request(method, url).bearer_auth(key);
    if let Some(body) = body {
        request = request.json(&body);
    }
    answer(request.send().await.unwrap()).await
}

pub(crate) async fn answer(response: Response) -> Answer {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}

/// Any free port.
const ANY: &str = "127.0.0.1:0";

fn serve(mut command: Command, data: &Path, listen: [&str; 3], says: Stdio) -> (Child, Value) {
    let [agent, review, proxy] = listen;
    let mut child = command
        .args([
            "serve",
            "--json",
            "--agent-listen",
            agent,
            "--review-listen",
            review,
            "--proxy-listen",
            proxy,
        ])
        .arg("--data-dir")
        .arg(data)
        .stdout(Stdio::piped())
        .stderr(says)
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not ready: {line}"));
    assert_eq!(ready["event"], "ready");
    (child, ready)
}
