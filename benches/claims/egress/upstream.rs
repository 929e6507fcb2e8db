//! The upstream: nginx over TLS, once for each version of HTTP, with a small answer and a large one.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ClientConfig;

use super::SECRET;
use super::client::{Target, trusting};
use super::programs::{free, nginx};
use crate::claim::Found;
use crate::process::Process;

/// A large body, in bytes.
const LARGE: usize = 10_000_000;
/// Since when nginx has a line of its own for HTTP/2.
const OWN_LINE: [u32; 3] = [1, 25, 1];

/// What everybody asks in the end.
pub(super) struct Upstream {
    _process: Process,
    pub(super) address: SocketAddr,
    many: SocketAddr,
    /// The root that its certificate goes back to.
    pub(super) root: String,
    tls: Arc<ClientConfig>,
    /// Where that root, its key and the certificate lie.
    pub(super) files: PathBuf,
}

impl Upstream {
    pub(super) fn start(directory: &Path) -> Found<Self> {
        let files = directory.join("upstream");
        std::fs::create_dir(&files)?;
        let root = certificates(&files)?;
        let line = "No part of this is what is looked for, and all of it is looked at, byte by byte.\n";
        let large: String = line.chars().cycle().take(LARGE).collect();
        std::fs::write(files.join("large"), large)?;
        let (address, many) = (free()?, free()?);
        let serves = format!(
            "{tls} default_type application/json; root {files};
             location /json {{ return 200 '{{\"items\":\"{body}\"}}'; }}
             location /checked {{ if ($http_authorization != 'Bearer {SECRET}') {{ return 403; }} return 200 'yes'; }}",
            tls = tls_of(&files),
            files = files.display(),
            body = "x".repeat(188)
        );
        let servers = format!(
            "server {{ listen {address} ssl; {serves} }} server {{ {} {serves} }}",
            listens_for_http2(many)?
        );
        let process = nginx(&files, "upstream", &servers, address)?;
        let tls = trusting(&root)?;
        Ok(Self { _process: process, address, many, root, tls, files })
    }

    /// Where HTTP/1.1 is spoken.
    pub(super) const fn port(&self) -> u16 {
        self.address.port()
    }

    /// Where HTTP/2 is spoken as well.
    pub(super) const fn port_of_http2(&self) -> u16 {
        self.many.port()
    }

    pub(super) fn origins(&self) -> [String; 2] {
        [self.port(), self.port_of_http2()].map(|port| format!("https://localhost:{port}"))
    }

    pub(super) fn target(&self) -> Target {
        self.at(self.address)
    }

    pub(super) fn target_of_http2(&self) -> Target {
        self.at(self.many)
    }

    /// Another address with the same certificate.
    pub(super) fn at(&self, address: SocketAddr) -> Target {
        Target { address, tls: Arc::clone(&self.tls) }
    }
}

/// The lines of nginx that name its certificate.
pub(super) fn tls_of(files: &Path) -> String {
    let files = files.display();
    format!("ssl_certificate {files}/certificate.pem; ssl_certificate_key {files}/key.pem;")
}

/// HTTP/2 was a word of `listen` before it had a line of its own, and each form is a fault in the other's time.
fn listens_for_http2(address: SocketAddr) -> Found<String> {
    let told = Command::new("nginx").arg("-v").output().map_err(|error| format!("nginx: {error}"))?;
    let told = String::from_utf8(told.stderr)?;
    let version = told.split_once("nginx/").and_then(|(_, rest)| rest.split_whitespace().next());
    let version: Vec<u32> =
        version.ok_or("nginx has no version")?.split('.').map_while(|part| part.parse().ok()).collect();
    Ok(if version.as_slice() < OWN_LINE.as_slice() {
        format!("listen {address} ssl http2;")
    } else {
        format!("listen {address} ssl; http2 on;")
    })
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
    let (root, certificate, key) = (issuer.pem(), certificate.pem(), key.serialize_pem());
    for (name, content) in [
        ("root.pem", root.clone()),
        ("root-both.pem", root.clone() + &issuer.key().serialize_pem()),
        ("certificate.pem", certificate.clone()),
        ("key.pem", key.clone()),
        ("both.pem", certificate + &key),
    ] {
        std::fs::write(files.join(name), content)?;
    }
    Ok(root)
}
