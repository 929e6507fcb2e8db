//! The real `exeat`, served from a directory of its own and stopped by its process id.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::claim::{Found, number};
use crate::http::{Shot, call};

/// Settings for many tokens that live long. Everything else is as shipped.
pub(crate) const SETTINGS: &str = "[policy]\ntoken_lifetime = 3600\n[policy.defaults]\nexpires_in = 86400\n\
    max_uses = 100000000\nmax_tokens = 1000000\n[policy.ceiling]\nexpires_in = 86400\nmax_uses = 100000000\n\
    max_tokens = 1000000\n[log]\nlevel = \"warn\"\n";

/// A process that is stopped when the bench is done with it.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    /// Memory that is resident, in MiB.
    pub(crate) fn resident(&self) -> Found<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kib: usize = line.trim().trim_end_matches(" kB").parse()?;
        Ok(number(kib) / 1024.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A served installation.
pub(crate) struct Exeat {
    pub(crate) process: Process,
    pub(crate) agent: SocketAddr,
    pub(crate) proxy: SocketAddr,
    review: SocketAddr,
    review_key: String,
    pub(crate) agent_key: String,
}

impl Exeat {
    /// Makes an installation in `data` and serves it.
    pub(crate) async fn start(data: &Path) -> Found<Self> {
        let review_key = init(data)?;
        let mut exeat = Self::serve(data, review_key)?;
        exeat.agent_key = exeat.install().await?;
        Ok(exeat)
    }

    /// Serves an installation that is there.
    pub(crate) fn serve(data: &Path, review_key: String) -> Found<Self> {
        let mut child = exeat("serve", data)
            .args([
                "--agent-listen",
                "127.0.0.1:0",
                "--review-listen",
                "127.0.0.1:0",
                "--proxy-listen",
                "127.0.0.1:0",
            ])
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("no output")?;
        let process = Process(child);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line)?;
        let address = |name: &str| Found::Ok(text(&ready, name)?.trim_start_matches("http://").parse()?);
        let (agent, review, proxy) = (address("agent")?, address("review")?, address("proxy")?);
        Ok(Self { process, agent, proxy, review, review_key, agent_key: String::new() })
    }

    /// The program as somebody starts it who holds the agent's key.
    pub(crate) fn command(&self, data: &Path, home: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_exeat"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home)
            .env("EXEAT_URL", format!("http://{}", self.agent))
            .env("EXEAT_AGENT_KEY", &self.agent_key)
            .env("EXEAT_DATA_DIR", data);
        command
    }

    /// A person's call.
    pub(crate) async fn person(&self, method: Method, path: &str, body: Option<Value>) -> Found<Value> {
        let caller = ("authorization", format!("Bearer {}", self.review_key));
        call(self.review, method, path, caller, body).await
    }

    /// An approval that gives as many tokens as the settings allow.
    pub(crate) async fn approval(&self) -> Found<String> {
        self.approved(&self.agent_key, "github", "/repos/acme/app/**").await
    }

    /// The same of these paths of an upstream, for the agent of this key.
    pub(crate) async fn approved(&self, key: &str, upstream: &str, paths: &str) -> Found<String> {
        let body = json!({"identity": "service:ci-bot", "reason": "to measure", "items":
            [{"type": "http", "upstream": upstream, "methods": ["GET"], "paths": [paths]}]});
        let caller = ("authorization", format!("Bearer {key}"));
        let asked = call(self.agent, Method::POST, "/v1/approvals", caller, Some(body)).await?;
        let id = text(&asked, "id")?;
        let decision = json!({"statement_digest": text(&asked, "statement_digest")?, "items": [{"index": 0, "decision": "approve"}]});
        self.person(Method::POST, &format!("/v1/approvals/{id}/decision"), Some(decision)).await?;
        Ok(id)
    }

    /// The exchange of an approval.
    pub(crate) fn exchange(&self, approval: &str) -> Shot {
        exchange(&self.agent_key, approval)
    }

    /// The introspection of a token.
    pub(crate) fn introspection(&self, token: &str) -> Shot {
        form(&self.agent_key, "/oauth/introspect", format!("token={token}"))
    }

    async fn install(&self) -> Found<String> {
        let upstream = json!({"name": "github", "origins": ["https://api.github.com"], "slot": "bearer"});
        let credential =
            json!({"upstream": "github", "identity": "service:ci-bot", "secret": "a-secret-of-the-bench"});
        let agent = json!({"name": "builder", "identities": ["service:ci-bot"], "upstreams": ["github"]});
        self.person(Method::POST, "/v1/upstreams", Some(upstream)).await?;
        self.person(Method::POST, "/v1/identities", Some(json!({"identity": "service:ci-bot"}))).await?;
        self.person(Method::POST, "/v1/credentials", Some(credential)).await?;
        text(&self.person(Method::POST, "/v1/agents", Some(agent)).await?, "key")
    }
}

/// The exchange of an approval by the agent of this key.
pub(crate) fn exchange(key: &str, approval: &str) -> Shot {
    form(
        key,
        "/oauth/token",
        format!(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token={approval}\
         &subject_token_type=urn%3Aexeat%3Aparams%3Aoauth%3Atoken-type%3Aapproval-id"
        ),
    )
}

fn form(key: &str, path: &str, body: String) -> Shot {
    Shot {
        method: Method::POST,
        path: path.to_owned(),
        caller: ("authorization", format!("Bearer {key}")),
        content_type: "application/x-www-form-urlencoded",
        body: Bytes::from(body),
    }
}

/// Makes an installation with room for many tokens; gives the review key.
pub(crate) fn init(data: &Path) -> Found<String> {
    let output = exeat("init", data).args(["--person", "Olga"]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    std::fs::write(data.join("config.toml"), SETTINGS)?;
    text(&serde_json::from_slice(&output.stdout)?, "review_key")
}

/// A field that is text.
pub(crate) fn text(value: &Value, name: &str) -> Found<String> {
    let found = value.pointer(&format!("/{}", name.replace('.', "/"))).and_then(Value::as_str);
    Ok(found.ok_or_else(|| format!("no `{name}` in {value}"))?.to_owned())
}

/// A directory on the disk that holds the build, gone with this value. Not `/tmp`, which may be memory.
pub(crate) fn scratch() -> Found<TempDir> {
    Ok(TempDir::with_prefix_in("claims-", target())?)
}

/// Where the build keeps what is temporary.
pub(crate) fn target() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

fn exeat(verb: &str, data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_exeat"));
    command.env_clear().args([verb, "--json", "--data-dir"]).arg(data);
    command
}
