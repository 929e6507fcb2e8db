//! The upstream, and reverse proxies before it that check a request and set a header: TLS on both sides, as Exeat has it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ClientConfig;

use super::SECRET;
use super::client::{Target, trusting};
use crate::claim::Found;
use crate::process::Process;

const PATIENCE: Duration = Duration::from_secs(20);
/// A large body, in bytes.
const LARGE: usize = 10_000_000;

/// nginx over TLS with a small answer and a large one.
pub(super) struct Upstream {
    _process: Process,
    address: SocketAddr,
    /// The root that its certificate goes back to.
    pub(super) root: String,
    tls: Arc<ClientConfig>,
    files: PathBuf,
}

impl Upstream {
    pub(super) fn start(directory: &Path) -> Found<Self> {
        let files = directory.join("upstream");
        std::fs::create_dir(&files)?;
        let root = certificates(&files)?;
        let line = "No part of this is what is looked for, and all of it is looked at, byte by byte.\n";
        let large: String = line.chars().cycle().take(LARGE).collect();
        std::fs::write(files.join("large"), large)?;
        let address = free()?;
        let body = format!(r#"{{"items":"{}"}}"#, "x".repeat(188));
        let server = format!(
            "server {{ listen {address} ssl; {tls} default_type application/json; root {files};
             location /json {{ return 200 '{body}'; }} }}",
            tls = tls_of(&files),
            files = files.display()
        );
        let process = nginx(&files, "upstream", &server, address)?;
        let tls = trusting(&root)?;
        Ok(Self { _process: process, address, root, tls, files })
    }

    pub(super) const fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn origin(&self) -> String {
        format!("https://localhost:{}", self.port())
    }

    pub(super) fn target(&self) -> Target {
        Target { address: self.address, tls: Arc::clone(&self.tls) }
    }
}

/// Another program on the way.
pub(super) struct Peer {
    pub(super) name: &'static str,
    _process: Process,
    address: SocketAddr,
}

impl Peer {
    /// nginx, which asks a server of its own about each request.
    pub(super) fn nginx(directory: &Path, upstream: &Upstream) -> Found<Self> {
        let (address, asked) = (free()?, free()?);
        let server = format!(
            "upstream up {{ server {up}; keepalive 512; keepalive_requests 100000000; }}
             upstream asked {{ server {asked}; keepalive 512; keepalive_requests 100000000; }}
             server {{ listen {asked}; location / {{ return 204; }} }}
             server {{ listen {address} ssl; {tls} proxy_http_version 1.1;
               location / {{ auth_request /asked; proxy_pass https://up; proxy_ssl_verify on; proxy_set_header Connection '';
                 proxy_ssl_name localhost; proxy_ssl_trusted_certificate {files}/root.pem;
                 proxy_set_header Host $http_host; proxy_set_header Authorization 'Bearer {SECRET}'; }}
               location = /asked {{ internal; proxy_pass http://asked; proxy_pass_request_body off;
                 proxy_set_header Content-Length ''; proxy_set_header Connection ''; }} }}",
            up = upstream.address,
            tls = tls_of(&upstream.files),
            files = upstream.files.display()
        );
        let process = nginx(directory, "peer", &server, address)?;
        Ok(Self { name: "nginx with auth_request", _process: process, address })
    }

    /// HAProxy, which asks nobody.
    pub(super) fn haproxy(directory: &Path, upstream: &Upstream) -> Found<Self> {
        let (address, files) = (free()?, upstream.files.display());
        let config = format!(
            "global\n maxconn 4096\n nbthread 2\ndefaults\n mode http\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n\
             frontend in\n bind {address} ssl crt {files}/both.pem\n http-request set-header Authorization \"Bearer {SECRET}\"\n default_backend up\n\
             backend up\n http-reuse always\n server up {up} ssl verify required ca-file {files}/root.pem verifyhost localhost\n",
            up = upstream.address
        );
        let file = directory.join("haproxy.cfg");
        std::fs::write(&file, config)?;
        let mut command = Command::new("haproxy");
        command.arg("-q").arg("-db").arg("-f").arg(file);
        Ok(Self { name: "HAProxy", _process: listening(command, address)?, address })
    }

    pub(super) fn target(&self, upstream: &Upstream) -> Target {
        Target { address: self.address, tls: Arc::clone(&upstream.tls) }
    }
}

/// A root and a certificate for localhost from it; gives the root.
fn certificates(files: &Path) -> Found<String> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // With one name, both would look as if they had signed themselves.
    params.distinguished_name.push(DnType::CommonName, "root of the bench");
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &issuer)?;
    let (certificate, key) = (certificate.pem(), key.serialize_pem());
    for (name, content) in [
        ("root.pem", issuer.pem()),
        ("certificate.pem", certificate.clone()),
        ("key.pem", key.clone()),
        ("both.pem", certificate + &key),
    ] {
        std::fs::write(files.join(name), content)?;
    }
    Ok(issuer.pem())
}

fn tls_of(files: &Path) -> String {
    let files = files.display();
    format!("ssl_certificate {files}/certificate.pem; ssl_certificate_key {files}/key.pem;")
}

fn nginx(directory: &Path, name: &str, servers: &str, address: SocketAddr) -> Found<Process> {
    let place = directory.join(format!("nginx-{name}"));
    std::fs::create_dir(&place)?;
    let temporary: Vec<String> = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {}/{kind};", place.display()))
        .into();
    let config = format!(
        "daemon off; master_process off; worker_processes 1; pid {0}/pid; error_log stderr crit;
         events {{ worker_connections 4096; }}
         http {{ access_log off; {1} keepalive_requests 100000000; {servers} }}",
        place.display(),
        temporary.concat()
    );
    let file = place.join("nginx.conf");
    std::fs::write(&file, config)?;
    let mut command = Command::new("nginx");
    command.args(["-e", "stderr", "-p"]).arg(&place).arg("-c").arg(file);
    listening(command, address)
}

/// Starts a program and waits until somebody listens there.
fn listening(mut command: Command, address: SocketAddr) -> Found<Process> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let mut process =
        Process(child.map_err(|error| format!("{}: {error}", command.get_program().display()))?);
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        if process.0.try_wait()?.is_some() || began.elapsed() > PATIENCE {
            return Err(format!("{} does not listen", command.get_program().display()).into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(process)
}

fn free() -> Found<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
