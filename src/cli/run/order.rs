//! Finds the walls of a run from outside, and has a process of its own change them.

use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::cli::failure::Failure;
use crate::planes::filesystem::widen::{Order, Outcome};

/// The processes of a run by which its walls are found.
#[derive(Clone, Copy)]
pub(super) struct Walls {
    pub(super) ground: u32,
    pub(super) inside: u32,
}

impl Walls {
    /// Found by the process that built them: the first that it started is behind them.
    pub(super) fn of(builder: Option<u32>) -> Option<Self> {
        let ground = builder?;
        let started = std::fs::read_to_string(format!("/proc/{ground}/task/{ground}/children")).ok()?;
        let inside = started.split_whitespace().next()?.parse().ok()?;
        Some(Self { ground, inside })
    }
}

/// Has the order done.
///
/// # Errors
/// When the process that does it could not start, or said nothing.
pub(super) async fn carried_out(program: &Path, order: &Order) -> Result<Outcome, Failure> {
    let told = serde_json::to_vec(order).map_err(|error| Failure::because("no JSON", &error))?;
    let mut helper = Command::new(program)
        .args(["inside", "--widen"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = helper.stdin.take() {
        stdin.write_all(&told).await?;
    }
    let said = helper.wait_with_output().await?.stdout;
    serde_json::from_slice(&said).map_err(|error| Failure::because("the walls cannot be widened", &error))
}
