//! The demo's child processes: started with what they need and nothing else, heard line by line, stopped by their id.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::cli::failure::Failure;

/// How long a child may take for a line that waits for nobody.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a child may take to end.
const GRACE: Duration = Duration::from_secs(12);

/// This very program, to be started again.
pub(super) fn program() -> Result<PathBuf, Failure> {
    Ok(std::env::current_exe()?)
}

/// A child that prints JSON, line by line.
pub(super) struct Talker {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    heard: String,
}

impl Talker {
    /// Starts this program with `arguments` and only these variables in its environment; its complaints go to `complaints`.
    pub(super) fn start(
        arguments: &[&str],
        environment: &[(&str, &str)],
        complaints: &Path,
    ) -> Result<Self, Failure> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(complaints)?;
        let mut child = Command::new(program()?)
            .args(arguments)
            .env_clear()
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| Failure::new("a child has no output"))?;
        Ok(Self { child, lines: BufReader::new(stdout).lines(), heard: String::new() })
    }

    /// The next line, which comes soon or not at all.
    pub(super) async fn next(&mut self) -> Result<Value, Failure> {
        let line = tokio::time::timeout(PATIENCE, self.next_whenever()).await;
        line.map_err(|_| Failure::new("a child of the demo has nothing to say"))?
    }

    /// The next line, however long it takes. Nothing is lost when the waiting is given up.
    pub(super) async fn next_whenever(&mut self) -> Result<Value, Failure> {
        let line = self.lines.next_line().await?;
        let line = line.ok_or_else(|| Failure::new("a child of the demo ended early"))?;
        self.heard.push_str(&line);
        self.heard.push('\n');
        serde_json::from_str(&line)
            .map_err(|error| Failure::because("a child of the demo speaks no JSON", &error))
    }

    /// Everything it has said so far.
    pub(super) fn heard(&self) -> &str {
        &self.heard
    }

    /// Its process id, while it runs.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Asks it to end, and ends it when it does not.
    pub(super) async fn stop(&mut self) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            let _ = kill_process(id, Signal::TERM);
        }
        if tokio::time::timeout(GRACE, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

/// Runs this program once with `--json`, and gives its answer.
pub(super) async fn call(
    arguments: &[&str],
    environment: &[(&str, &str)],
    input: Option<&str>,
) -> Result<Value, Failure> {
    let mut child = Command::new(program()?)
        .args(arguments)
        .arg("--json")
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.unwrap_or_default().as_bytes()).await?;
    }
    let (mut answer, mut complaint) = (String::new(), String::new());
    if let Some(stdout) = child.stdout.as_mut() {
        stdout.read_to_string(&mut answer).await?;
    }
    if let Some(stderr) = child.stderr.as_mut() {
        stderr.read_to_string(&mut complaint).await?;
    }
    let name = arguments.iter().take(2).copied().collect::<Vec<_>>().join(" ");
    if !child.wait().await?.success() {
        return Err(Failure::new(format!("`exeat {name}` failed: {}", complaint.trim())));
    }
    serde_json::from_str(&answer)
        .map_err(|error| Failure::because(&format!("`exeat {name}` gave no JSON"), &error))
}
