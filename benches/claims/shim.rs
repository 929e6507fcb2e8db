//! What the shim adds to a connection: the same request to the proxy from inside a run, through the shim, and from outside, straight to
//! the socket of a run of its own.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::Instant;

use hyper::Method;
use serde_json::json;
use tempfile::TempDir;

use crate::claim::{Found, at_most, median, note};
use crate::http::call;
use crate::process::{Exeat, scratch, text};

/// The word that makes this program the client inside.
pub(crate) const INSIDE: &str = "inside-a-run";
/// Batches, in turns.
const ROUNDS: usize = 60;
/// Connections in each.
const BATCH: usize = 50;
/// How many microseconds the shim may add.
const BOUND: f64 = 100.0;
/// Answered by Exeat itself, from its store: no upstream, nothing written.
const REQUEST: &[u8] =
    b"GET http://exeat.internal/v1/approvals HTTP/1.1\r\nHost: exeat.internal\r\nConnection: close\r\n\r\n";
/// What the shim would say of who connects.
const PREFACE: &[u8] = br#"{"v":1,"step":{"pid":3,"executable":"/workspace/client","command":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}
"#;

pub(crate) async fn run() -> Found {
    let data = scratch()?;
    let exeat = Exeat::start(data.path()).await?;
    let caller = ("authorization", format!("Bearer {}", exeat.agent_key));
    let body = json!({"profile": "read-only", "rung": "read-only"});
    let started = call(exeat.agent, Method::POST, "/v1/runs", caller, Some(body)).await?;
    let socket = PathBuf::from(text(&started, "socket")?);
    let mut inside = Inside::start(&exeat, data.path())?;
    straight(&socket)?;
    inside.batch()?;
    let (mut through, mut direct, mut added) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (mut with, mut without) = if round % 2 == 0 {
            (inside.batch()?, straight(&socket)?)
        } else {
            let without = straight(&socket)?;
            (inside.batch()?, without)
        };
        added.push(median(&mut with) - median(&mut without));
        through.extend(with);
        direct.extend(without);
    }
    at_most("the shim adds to a connection, median", median(&mut added), BOUND, "µs");
    note("connection and request through the shim", median(&mut through), "µs");
    note("the same straight to the socket", median(&mut direct), "µs");
    Ok(())
}

/// The client inside: a batch for each line it is sent, its times as one line of JSON.
pub(crate) fn inside() -> Found {
    let proxy =
        std::env::var_os("HTTP_PROXY").and_then(|proxy| proxy.into_string().ok()).ok_or("no proxy")?;
    let address = proxy.trim_start_matches("http://").to_owned();
    for line in std::io::stdin().lock().lines() {
        drop(line?);
        let times = batch(|| {
            let stream = TcpStream::connect(&address)?;
            stream.set_nodelay(true)?;
            Ok(stream)
        })?;
        let mut out = std::io::stdout().lock();
        out.write_all(serde_json::to_string(&times)?.as_bytes())?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
    Ok(())
}

fn straight(socket: &Path) -> Found<Vec<f64>> {
    batch(|| {
        let mut stream = UnixStream::connect(socket)?;
        stream.write_all(PREFACE)?;
        Ok(stream)
    })
}

/// Microseconds for a connection, a request and its answer, so often.
fn batch<S: Read + Write>(connect: impl Fn() -> Found<S>) -> Found<Vec<f64>> {
    let mut times = Vec::with_capacity(BATCH);
    let mut answer = Vec::new();
    for _ in 0..BATCH {
        answer.clear();
        let began = Instant::now();
        let mut stream = connect()?;
        stream.write_all(REQUEST)?;
        stream.read_to_end(&mut answer)?;
        times.push(began.elapsed().as_secs_f64() * 1e6);
        if !answer.starts_with(b"HTTP/1.1 200 ") {
            return Err(String::from_utf8_lossy(&answer).into_owned().into());
        }
    }
    Ok(times)
}

/// A run with this program in it.
struct Inside {
    run: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
    _dir: TempDir,
}

impl Inside {
    fn start(exeat: &Exeat, data: &Path) -> Found<Self> {
        let dir = scratch()?;
        let (home, workspace) = (dir.path().join("home"), dir.path().join("work"));
        std::fs::create_dir(&home)?;
        std::fs::create_dir(&workspace)?;
        let program = workspace.join("client");
        std::fs::copy(std::env::current_exe()?, &program)?;
        let mut run = exeat.command(data, &home);
        run.args(["run", "--profile", "read-only", "--"]).arg(&program).args(["--bench", INSIDE]);
        let mut run = run.current_dir(&workspace).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (ask, answers) = (run.stdin.take().ok_or("no input")?, run.stdout.take().ok_or("no output")?);
        Ok(Self { run, ask, answers: BufReader::new(answers), _dir: dir })
    }

    fn batch(&mut self) -> Found<Vec<f64>> {
        self.ask.write_all(b"\n")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        Ok(serde_json::from_str(&answer)?)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        drop(self.run.kill());
        drop(self.run.wait());
    }
}
