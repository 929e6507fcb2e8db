//! Other people's programs: started, and waited for until they listen.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::claim::Found;
use crate::process::Process;

const PATIENCE: Duration = Duration::from_secs(20);

/// What the Makefile installs below `target/`.
pub(super) fn installed(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(path)
}

/// nginx with these servers, in one process.
pub(super) fn nginx(directory: &Path, name: &str, servers: &str, address: SocketAddr) -> Found<Process> {
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
pub(super) fn listening(mut command: Command, address: SocketAddr) -> Found<Process> {
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

/// An address that nobody has.
pub(super) fn free() -> Found<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
