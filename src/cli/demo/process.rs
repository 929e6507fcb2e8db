//! The demo's child processes: started with what they need and nothing else, heard line by line, stopped by their id.

use std::ffi::OsStr;
use std::path::PathBuf;
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
    complaints: PathBuf,
}

impl Talker {
    /// Starts this program with `arguments` and only these variables in its environment; its complaints go to `complaints`.
    pub(super) fn start(
        arguments: &[&str],
        environment: &[(&str, &OsStr)],
        complaints: PathBuf,
    ) -> Result<Self, Failure> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&complaints)?;
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
        Ok(Self { child, lines: BufReader::new(stdout).lines(), heard: String::new(), complaints })
    }

    /// The next line, which comes soon or not at all.
    pub(super) async fn next(&mut self) -> Result<Value, Failure> {
        let line = tokio::time::timeout(PATIENCE, self.next_whenever()).await;
        line.map_err(|_| Failure::new("a child of the demo has nothing to say"))?
    }

    /// The next line, however long it takes. Nothing is lost when the waiting is given up.
    pub(super) async fn next_whenever(&mut self) -> Result<Value, Failure> {
        let Some(line) = self.lines.next_line().await? else { return Err(self.ended_early()) };
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

    /// Waits until it has ended by itself, and gives its exit code.
    pub(super) async fn ended(&mut self) -> Result<Option<i32>, Failure> {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        Ok(ended.map_err(|_| Failure::new("a child of the demo does not end"))??.code())
    }

    /// What it complained of, with its own advice.
    fn ended_early(&self) -> Failure {
        let said = std::fs::read_to_string(&self.complaints).unwrap_or_default();
        let said = said.trim().trim_start_matches("error: ");
        let (what, remedy) =
            said.split_once("\n  try: ").map_or((said, None), |(what, remedy)| (what, Some(remedy)));
        let what = if what.is_empty() { "it says nothing" } else { what };
        let failure = Failure::new(format!("a child of the demo ended early: {what}"));
        match remedy {
            Some(remedy) => failure.with_remedy(remedy),
            None => failure,
        }
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

/// The processes below this one: its children, theirs, and so on.
pub(super) fn below(id: u32) -> Result<Vec<u32>, Failure> {
    let mut parents = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(process) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // What has ended meanwhile is nobody's child.
        let Ok(status) = std::fs::read_to_string(format!("/proc/{process}/status")) else { continue };
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        if let Some(parent) = parent.and_then(|parent| parent.trim().parse::<u32>().ok()) {
            parents.push((process, parent));
        }
    }
    let children = |id| parents.iter().filter(move |(_, parent)| *parent == id).map(|(process, _)| *process);
    let mut found: Vec<u32> = children(id).collect();
    let mut looked = 0;
    while let Some(parent) = found.get(looked).copied() {
        found.extend(children(parent));
        looked += 1;
    }
    Ok(found)
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
