//! Proxies that open what agents send through `CONNECT`, as Exeat does, and set a header: they ask nobody and keep no record.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::client::Way;
use super::peers::Peer;
use super::programs::{free, installed, listening};
use super::upstream::Upstream;
use super::{SECRET, interceptor};
use crate::claim::Found;
use crate::process::{Process, text};

/// Where Debian keeps what makes certificates for squid.
const SQUID_LEAVES: &str = "/usr/lib/squid/security_file_certgen";
/// Where squid keeps memory that its processes could share.
const SHARED: &str = "/dev/shm";

/// Nothing but interception, by the libraries that Exeat has: this program once more.
pub(super) fn bare(_directory: &Path, upstream: &Upstream) -> Found<Peer> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--bench", interceptor::WORD]).arg(upstream.files.join("root.pem"));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().ok_or("no output")?;
    let process = Process(child);
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    let ready: Value = serde_json::from_str(&line)?;
    let address = text(&ready, "address")?.parse()?;
    Ok(Peer::new(Way::tunnel(address, None, upstream.port(), &text(&ready, "root")?)?, process))
}

/// squid, which bumps.
pub(super) fn squid(_directory: &Path, upstream: &Upstream) -> Found<Peer> {
    let address = free()?;
    // Started by root it goes on as somebody else, who may not look below the build.
    let place = TempDir::with_prefix("exeat-claims-squid-")?;
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o755))?;
    for name in ["root.pem", "root-both.pem"] {
        std::fs::copy(upstream.files.join(name), place.path().join(name))?;
    }
    let config = format!(
        "http_port {address} ssl-bump tls-cert={files}/root-both.pem generate-host-certificates=on dynamic_cert_mem_cache_size=4MB\n\
         sslcrtd_program {SQUID_LEAVES}\nsslcrtd_children 1 startup=1\nssl_bump bump all\n\
         tls_outgoing_options cafile={files}/root.pem\n\
         request_header_access Authorization deny all\nrequest_header_add Authorization \"Bearer {SECRET}\" all\n\
         http_access allow all\ncache deny all\ncache_mem 0\nmemory_cache_shared off\naccess_log none\ncache_log /dev/null\n\
         max_filedescriptors 8192\npinger_enable off\nudp_incoming_address 127.0.0.1\npid_filename none\ncoredump_dir none\n",
        files = place.path().display()
    );
    let file = place.path().join("squid.conf");
    std::fs::write(&file, config)?;
    let service = format!("exeatclaims{}", std::process::id());
    let mut command = Command::new("squid");
    command.args(["-N", "-n", &service, "-f"]).arg(file).stderr(Stdio::null());
    let started = listening(command, address);
    // It has them open, and would leave them behind when it is ended.
    for entry in std::fs::read_dir(SHARED)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(&format!("{service}-")) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(Peer::new(Way::tunnel(address, None, upstream.port(), &upstream.root)?, started?).in_place(place))
}

/// mitmproxy without its screen, with an add-on of two lines.
pub(super) fn mitmproxy(directory: &Path, upstream: &Upstream) -> Found<Peer> {
    let (address, place) = (free()?, directory.join("mitmproxy"));
    std::fs::create_dir(&place)?;
    let add_on = place.join("set_header.py");
    std::fs::write(
        &add_on,
        format!("def request(flow):\n    flow.request.headers[\"Authorization\"] = \"Bearer {SECRET}\"\n"),
    )?;
    let mut command = Command::new(installed("peers/bin/mitmdump"));
    command.arg("-q").args(["--listen-host", "127.0.0.1", "--listen-port", &address.port().to_string()]);
    // It would hold the whole of a large answer before it sends any.
    for setting in ["flow_detail=0", "stream_large_bodies=1m"] {
        command.args(["--set", setting]);
    }
    command.arg("--set").arg(format!("confdir={}", place.display()));
    let root = upstream.files.join("root.pem");
    command.arg("--set").arg(format!("ssl_verify_upstream_trusted_ca={}", root.display()));
    command.arg("-s").arg(add_on);
    let process = listening(command, address)?;
    let root = std::fs::read_to_string(place.join("mitmproxy-ca-cert.pem"))?;
    Ok(Peer::new(Way::tunnel(address, None, upstream.port(), &root)?, process))
}
