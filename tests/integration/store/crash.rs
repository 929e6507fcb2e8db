//! Killed at any instruction: what was acknowledged is there afterwards, and the log verifies (design §14).

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use exeat::base::tasks::Tasks;
use exeat::domain::ledger::Event;
use exeat::store::Store as _;
use exeat::store::sqlite::SqliteFile;
use futures_util::future::join_all;

use super::bed::{self, Bed};
use super::log;

const DATABASE: &str = "EXEAT_TEST_CRASH_DATABASE";

#[tokio::test]
async fn a_kill_loses_no_acknowledged_use() {
    for acknowledged in [1, 60, 200] {
        // A database that is closed removes files beside it by their names: a new one must not have the same.
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("exeat.db");
        let uses = killed_after(&path, acknowledged);
        let tasks = Tasks::new();
        let store = bed::reopened(&path, &tasks).await;
        let entries = log::verify(&store).await;
        let logged: HashSet<_> = entries
            .iter()
            .filter_map(|entry| match &entry.entry.event {
                Event::UseStarted(start) => Some(start.id.to_string()),
                _ => None,
            })
            .collect();
        assert!(uses.is_subset(&logged), "{:?}", uses.difference(&logged));
        let open = store.open_uses(bed::start_of_time().plus(super::SECOND)).await.unwrap();
        assert_eq!(open.len(), logged.len().min(1000));
        tasks.stop();
        tasks.ended().await;
    }
}

/// Lets a child write until that many uses are acknowledged, kills it, and gives all it acknowledged.
fn killed_after(path: &Path, acknowledged: usize) -> HashSet<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::crash::child", "--ignored", "--nocapture"])
        .env(DATABASE, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut uses = HashSet::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        // A line that the kill cut short was not said.
        if let Some(id) = line.strip_prefix("used ").filter(|id| id.len() == 36) {
            uses.insert(id.to_owned());
        }
        if uses.len() == acknowledged {
            child.kill().unwrap();
        }
    }
    assert!(!child.wait().unwrap().success());
    assert!(uses.len() >= acknowledged);
    uses
}

#[tokio::test]
#[ignore = "run by a_kill_loses_no_acknowledged_use"]
async fn child() {
    let Some(path) = std::env::var_os(DATABASE).map(PathBuf::from) else { return };
    let tasks = Tasks::new();
    let file = SqliteFile::open(&path).await.unwrap();
    file.install(&bed::origin(), &[bed::ledger_key()]).await.unwrap();
    let store = file.start(bed::signer(), &tasks).await.unwrap();
    let bed = Bed::furnished(Arc::new(store), tasks, None).await;
    loop {
        let token = bed.token(8).await;
        for start in join_all((0..8).map(|_| bed.begin(&token))).await {
            let mut out = std::io::stdout().lock();
            writeln!(out, "used {}", start.unwrap().value().id).unwrap();
            out.flush().unwrap();
        }
    }
}
