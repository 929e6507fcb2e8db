//! A real nginx on a free port.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::Program;

pub(crate) struct Nginx {
    pub port: u16,
    _program: Program,
}

impl Nginx {
    /// One server; `server` is what stands in its block, and may name `files`, by name and content, that lie beside it.
    pub(crate) fn start(listen: &str, server: &str, files: &[(&str, &str)]) -> Self {
        let dir = TempDir::new().unwrap();
        for (name, content) in files {
            std::fs::write(dir.path().join(name), content).unwrap();
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let place = dir.path().display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].iter().fold(
            String::new(),
            |mut all, name| {
                write!(all, "{name}_temp_path {place}/{name};").unwrap();
                all
            },
        );
        let config = format!(
            "worker_processes 1; pid {place}/pid; error_log {place}/log crit; events {{ worker_connections 64; }}
             http {{ access_log off; {temporary} large_client_header_buffers 4 64k; underscores_in_headers on;
             server {{ listen 127.0.0.1:{port} {listen}; {server} }} }}"
        );
        let file = dir.path().join("nginx.conf");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new("nginx");
        command.args(["-e", "stderr", "-g", "daemon off;", "-p"]).arg(dir.path()).arg("-c").arg(file);
        let mut program = Program::start("nginx", command, dir);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(!program.has_ended(), "nginx ended by itself");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { port, _program: program }
    }
}
