//! A desk beside a real broker: a home, a workspace, and runs that are started there.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::stand::Ran;
use crate::house::{Agent, House, binary};

/// A home and a workspace beside the house.
pub(crate) struct Desk {
    dir: TempDir,
    pub(crate) workspace: PathBuf,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let workspace = std::fs::canonicalize(dir.path()).unwrap().join("work");
        std::fs::create_dir_all(&workspace).unwrap();
        std::fs::create_dir_all(dir.path().join("home")).unwrap();
        Self { dir, workspace }
    }

    /// The person's home.
    pub(super) fn home(&self) -> PathBuf {
        std::fs::canonicalize(self.dir.path()).unwrap().join("home")
    }

    pub(crate) fn command(&self, house: &House, agent: &Agent, options: &[&str], script: &str) -> Command {
        let mut run = binary();
        run.env("HOME", self.dir.path().join("home"))
            .env("EXEAT_URL", &house.agent)
            .env("EXEAT_AGENT_KEY", &agent.key);
        run.current_dir(&self.workspace)
            .arg("run")
            .args(options)
            .args(["--", "sh", "-c", script])
            .stdin(Stdio::null());
        run
    }

    /// Runs it, while the house goes on.
    pub(crate) async fn run(&self, house: &House, agent: &Agent, options: &[&str], script: &str) -> Ran {
        let mut command = self.command(house, agent, options, script);
        let done: Output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        Ran::of(&done)
    }
}

/// What is local stays local by `NO_PROXY`; the upstream of this test is called localhost, and is meant.
pub(crate) const OUT: &str = "NO_PROXY= no_proxy= curl -sS --noproxy ''";

/// The events of this type, as they are on record.
pub(crate) async fn events(house: &House, name: &str) -> Vec<Value> {
    let log = house.log().await;
    log.iter().map(|line| line["entry"]["event"].clone()).filter(|event| event["type"] == name).collect()
}
