//! Has a process of its own change the walls of a run: only one with a single thread can enter them.

use std::io;
use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

use crate::planes::filesystem::widen::{Order, Outcome};

/// Has the order done. When the process goes without a word, nobody knows what it did.
pub(super) async fn carried_out(program: &Path, order: &Order) -> Outcome {
    let started = Command::new(program)
        .args(["inside", "--widen"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    match started {
        Ok(helper) => told(helper, order).await.unwrap_or(Outcome::Torn),
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

async fn told(mut helper: Child, order: &Order) -> io::Result<Outcome> {
    if let Some(mut stdin) = helper.stdin.take() {
        stdin.write_all(&serde_json::to_vec(order)?).await?;
    }
    Ok(serde_json::from_slice(&helper.wait_with_output().await?.stdout)?)
}
