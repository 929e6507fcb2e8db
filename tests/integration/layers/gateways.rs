//! Real gateways, as `examples/` configures them: only ports, keys and the upstream's name are put in. `make tools-test` installs them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Layer, Stand};
use crate::house::{Program, binary};

/// How long a gateway may take to begin, and an answer to come.
const PATIENCE: Duration = Duration::from_mins(1);

/// A way from an agent to the upstream.
pub(super) struct Gateway {
    pub(super) name: &'static str,
    address: String,
    /// The root to trust inside a tunnel, and a line for `CONNECT`; none where requests go in the clear.
    tunnel: Option<(String, String)>,
    host: String,
    process: Option<Program>,
}

/// An answer as it came.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    text: String,
}

impl Reply {
    /// The problem's name, if the answer is a problem of Exeat's.
    pub(super) fn problem(&self) -> Option<String> {
        let document = self.text.get(self.text.find('{')?..=self.text.rfind('}')?)?;
        let document: serde_json::Value = serde_json::from_str(document).ok()?;
        document["type"].as_str()?.strip_prefix("urn:exeat:problem:").map(str::to_owned)
    }
}

impl Gateway {
    /// Sends one request as bytes and reads what comes back.
    pub(super) async fn say(&self, request: &str) -> Reply {
        tokio::time::timeout(PATIENCE, self.conversation(request)).await.unwrap()
    }

    /// The name that the agent reaches.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    async fn conversation(&self, request: &str) -> Reply {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let Some((root, line)) = &self.tunnel else { return exchange(stream, request).await };
        let connect = format!("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n{line}\r\n", self.host);
        stream.write_all(connect.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => break,
            }
        }
        if !head.starts_with(b"HTTP/1.1 200") {
            return reply(&head);
        }
        let name = ServerName::try_from("localhost").unwrap();
        match trusting(root).connect(name, stream).await {
            Ok(stream) => exchange(stream, request).await,
            Err(error) => unreachable!("{}: no TLS inside the tunnel: {error}", self.name),
        }
    }

    /// Waits until the gateway answers with a verdict of Exeat's. One that ends meanwhile fails the test.
    async fn ready(mut self) -> Self {
        let begun = tokio::time::timeout(PATIENCE, self.begun()).await;
        assert!(begun.is_ok(), "{} does not answer", self.name);
        self
    }

    async fn begun(&mut self) {
        let ask = format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.host);
        loop {
            let process = self.process.as_mut().unwrap();
            assert!(!process.has_ended(), "{} ended by itself", self.name);
            if TcpStream::connect(&self.address).await.is_ok() && self.conversation(&ask).await.status == 403
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Exeat's own proxy.
    pub(super) fn exeat(stand: &Stand) -> Self {
        let root = std::fs::read_to_string(stand.house.data().join("ca.pem")).unwrap();
        let line = format!("Proxy-Authorization: Bearer {}\r\n", stand.agent.key);
        let address = stand.house.proxy.trim_start_matches("http://").to_owned();
        Self { name: "exeat", address, tunnel: Some((root, line)), host: host(stand), process: None }
    }

    pub(super) async fn nginx(stand: &Stand, layer: &Layer) -> Self {
        let place = Place::new(stand);
        let config = place.fill(
            "nginx.conf",
            &[("listen 127.0.0.1:8080", &format!("listen {}", place.address())), ("exl_KEY", &layer.key)],
        );
        let mut command = Command::new("nginx");
        command.args(["-e", "stderr", "-g", "daemon off;", "-p"]).arg(place.dir.path()).arg("-c").arg(config);
        place.start("nginx", command).ready().await
    }

    pub(super) async fn caddy(stand: &Stand, layer: &Layer) -> Self {
        let place = Place::new(stand);
        let port = place.port;
        let config = place.fill(
            "Caddyfile",
            &[
                (":8080", &format!(":{port}")),
                ("X-Forwarded-Host api.github.com", &format!("X-Forwarded-Host {}", place.host)),
            ],
        );
        let mut command = Command::new(tool("bin/caddy"));
        command
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(config)
            .env("EXEAT_LAYER_KEY", &layer.key);
        command.env("XDG_DATA_HOME", place.dir.path()).env("XDG_CONFIG_HOME", place.dir.path());
        place.start("caddy", command).ready().await
    }

    pub(super) async fn traefik(stand: &Stand, layer: &Layer) -> Self {
        let place = Place::new(stand);
        let said = format!("X-Forwarded-Host: {}", place.host);
        let requests = place.fill(
            "traefik-dynamic.yaml",
            &[("exl_KEY", &layer.key), ("X-Forwarded-Host: api.github.com", &said)],
        );
        let config = place.fill(
            "traefik.yaml",
            &[
                ("127.0.0.1:8080", &place.address()),
                ("filename: traefik-dynamic.yaml", &format!("filename: {}", requests.display())),
            ],
        );
        let mut command = Command::new(tool("bin/traefik"));
        command.arg(format!("--configFile={}", config.display()));
        place.start("traefik", command).ready().await
    }

    pub(super) async fn envoy(stand: &Stand, layer: &Layer) -> Self {
        let place = Place::new(stand);
        let agent = stand.house.agent.rsplit(':').next().unwrap().to_owned();
        let number = |port: &str| format!("port_value: {port} }}");
        let config = place.fill(
            "envoy.yaml",
            &[
                ("exl_KEY", &layer.key),
                ("port_value: 8080 }", &number(&place.port.to_string())),
                ("port_value: 7331 }", &number(&agent)),
                ("port_value: 443 }", &number(&stand.upstream.address.port().to_string())),
                (
                    "x-forwarded-host, value: api.github.com",
                    &format!("x-forwarded-host, value: {:?}", place.host),
                ),
            ],
        );
        let mut command = Command::new(tool("bin/envoy"));
        command.args(["--disable-hot-restart", "--concurrency", "1", "-l", "error", "-c"]).arg(config);
        place.start("envoy", command).ready().await
    }

    /// Anthropic's sandbox-runtime, deciding through `exeat decider`.
    pub(super) async fn srt(stand: &Stand, layer: &Layer) -> Self {
        let place = Place::new(stand);
        let (root, pem) = certificate_authority(place.dir.path());
        let mut command = binary();
        command.env("EXEAT_URL", &stand.house.agent).env("EXEAT_LAYER_KEY", &layer.key);
        command.env("NODE_EXTRA_CA_CERTS", place.dir.path().join("upstream.pem"));
        let start = "exec \"$0\" \"$1\" proxy --listen \"$2\" --decider-fd 0 --ca-fd 3 3<\"$3\"";
        command.args(["decider", "--", "sh", "-c", start]).arg(node());
        command.arg(tool("npm/node_modules/@anthropic-ai/sandbox-runtime/dist/cli.js"));
        command.arg(place.address()).arg(pem);
        let gateway = place.start("srt", command);
        Self { tunnel: Some((root, String::new())), ..gateway }.ready().await
    }
}

/// Where a gateway is started: a folder and a port of its own.
struct Place {
    dir: TempDir,
    port: u16,
    host: String,
    agent: String,
}

impl Place {
    fn new(stand: &Stand) -> Self {
        let dir = TempDir::new().unwrap();
        std::fs::write(dir.path().join("upstream.pem"), &stand.upstream.certificate).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let agent = stand.house.agent.trim_start_matches("http://").to_owned();
        Self { dir, port, host: host(stand), agent }
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// An example with what is of this test in it. Everything to be replaced has to be there.
    fn fill(&self, example: &str, own: &[(&str, &str)]) -> PathBuf {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut text = std::fs::read_to_string(root.join("examples").join(example)).unwrap();
        for (what, with) in own {
            assert!(text.contains(what), "{example} says nothing of {what}");
            text = text.replace(what, with);
        }
        let (ca, origin) = (self.dir.path().join("upstream.pem"), format!("https://{}", self.host));
        for (what, with) in [
            ("https://api.github.com", &*origin),
            ("api.github.com", "localhost"),
            ("/etc/ssl/certs/ca-certificates.crt", ca.to_str().unwrap()),
            ("127.0.0.1:7331", &self.agent),
        ] {
            text = text.replace(what, with);
        }
        let file = self.dir.path().join(example);
        std::fs::write(&file, text).unwrap();
        file
    }

    fn start(self, name: &'static str, command: Command) -> Gateway {
        let (address, host) = (self.address(), self.host);
        let process = Some(Program::start(name, command, self.dir));
        Gateway { name, address, tunnel: None, host, process }
    }
}

/// What `make tools-test` put beside the build.
pub(super) fn tool(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/layers").join(path)
}

/// The Node.js that sandbox-runtime needs.
pub(super) fn node() -> PathBuf {
    crate::clients::node::node().join("bin/node")
}

fn host(stand: &Stand) -> String {
    format!("localhost:{}", stand.upstream.address.port())
}

/// A root for sandbox-runtime, which takes RSA keys alone: the certificate, and a file with key and certificate.
pub(super) fn certificate_authority(dir: &Path) -> (String, PathBuf) {
    let (key, certificate, both) = (dir.join("ca.key"), dir.join("ca.pem"), dir.join("ca.both"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=srt", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success());
    let (key, root) = (std::fs::read_to_string(key).unwrap(), std::fs::read_to_string(certificate).unwrap());
    std::fs::write(&both, format!("{key}{root}")).unwrap();
    (root, both)
}

fn trusting(root: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// The request, and everything until the other end closes.
async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> Reply {
    let mut answer = Vec::new();
    // A gateway may answer and close before it has read all of what it refuses.
    if stream.write_all(request.as_bytes()).await.is_ok() {
        drop(stream.flush().await);
    }
    drop(stream.read_to_end(&mut answer).await);
    reply(&answer)
}

/// What was answered; a connection that was closed without a word is a refusal with status 0.
fn reply(answer: &[u8]) -> Reply {
    let text = String::from_utf8_lossy(answer).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Reply { status, text }
}
