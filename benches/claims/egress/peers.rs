//! Reverse proxies before the upstream that set a header, some of which check a request first: TLS on both sides, as Exeat has it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::SECRET;
use super::client::Way;
use super::interceptors;
use super::programs::{free, installed, listening, nginx};
use super::upstream::{Upstream, tls_of};
use crate::claim::Found;
use crate::process::Process;

/// Another program on the way.
pub(super) struct Peer {
    /// How the client goes through it.
    pub(super) way: Way,
    _process: Process,
    /// A directory that it alone needed.
    _place: Option<TempDir>,
}

/// How a peer is started.
type Start = fn(&Path, &Upstream) -> Found<Peer>;

/// All of them, each under its name.
pub(super) const ALL: [(&str, Start); 6] = [
    ("bare interceptor", interceptors::bare),
    ("nginx with auth_request", nginx_that_asks),
    ("HAProxy", haproxy),
    ("Envoy", envoy),
    ("squid", interceptors::squid),
    ("mitmproxy", interceptors::mitmproxy),
];

impl Peer {
    pub(super) const fn new(way: Way, process: Process) -> Self {
        Self { way, _process: process, _place: None }
    }

    /// With a directory that goes when it does.
    pub(super) fn in_place(self, place: TempDir) -> Self {
        Self { _place: Some(place), ..self }
    }

    /// A program at this address that has the certificate of the upstream.
    fn before(upstream: &Upstream, address: SocketAddr, process: Process) -> Self {
        Self::new(Way::Direct(upstream.at(address)), process)
    }
}

/// nginx, which asks a server of its own about each request.
fn nginx_that_asks(directory: &Path, upstream: &Upstream) -> Found<Peer> {
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
    Ok(Peer::before(upstream, address, nginx(directory, "peer", &server, address)?))
}

/// HAProxy, which asks nobody.
fn haproxy(directory: &Path, upstream: &Upstream) -> Found<Peer> {
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
    Ok(Peer::before(upstream, address, listening(command, address)?))
}

/// Envoy, which asks nobody.
fn envoy(directory: &Path, upstream: &Upstream) -> Found<Peer> {
    let address = free()?;
    let config = json!({"static_resources": {
        "listeners": [{
            "address": socket(address),
            "filter_chains": [{
                "transport_socket": tls("Downstream", &json!({"common_tls_context": {"tls_certificates": [{
                    "certificate_chain": file(upstream, "certificate.pem"),
                    "private_key": file(upstream, "key.pem"),
                }]}})),
                "filters": [connection_manager()],
            }],
        }],
        "clusters": [{
            "name": "up",
            "type": "STATIC",
            // Its own bound of 1,024 is for whole fleets; 256 connections come near it.
            "circuit_breakers": {"thresholds": [{"max_connections": 4096, "max_pending_requests": 4096, "max_requests": 4096}]},
            "load_assignment": {"cluster_name": "up", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": socket(upstream.address)}}]}]},
            "transport_socket": tls("Upstream", &json!({"sni": "localhost", "common_tls_context": {"validation_context": {
                "trusted_ca": file(upstream, "root.pem"),
                "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": "localhost"}}],
            }}})),
        }],
    }});
    let file = directory.join("envoy.json");
    std::fs::write(&file, config.to_string())?;
    let mut command = Command::new(installed("layers/bin/envoy"));
    command.args(["--disable-hot-restart", "--concurrency", "2", "-l", "error", "-c"]).arg(file);
    Ok(Peer::before(upstream, address, listening(command, address)?))
}

/// What Envoy does with each request.
fn connection_manager() -> Value {
    let header = json!({"header": {"key": "authorization", "value": format!("Bearer {SECRET}")}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"});
    let filters = "type.googleapis.com/envoy.extensions.filters";
    json!({"name": "envoy.filters.network.http_connection_manager", "typed_config": {
        "@type": format!("{filters}.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "in",
        "codec_type": "HTTP1",
        "route_config": {"virtual_hosts": [{
            "name": "up", "domains": ["*"], "request_headers_to_add": [header],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "up", "timeout": "0s"}}],
        }]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {
            "@type": format!("{filters}.http.router.v3.Router"),
        }}],
    }})
}

fn socket(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip(), "port_value": address.port()}})
}

fn file(upstream: &Upstream, name: &str) -> Value {
    json!({"filename": upstream.files.join(name)})
}

/// One side's TLS in Envoy's words.
fn tls(side: &str, context: &Value) -> Value {
    let mut config = context.clone();
    let kind = format!("type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.{side}TlsContext");
    if let Some(fields) = config.as_object_mut() {
        fields.insert("@type".to_owned(), kind.into());
    }
    json!({"name": "envoy.transport_sockets.tls", "typed_config": config})
}
