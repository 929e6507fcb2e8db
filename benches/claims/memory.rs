//! What `exeat serve` holds in memory: idle, and with many live tokens that were all shown to it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;

use crate::claim::{Found, at_most, note};
use crate::http::Connection;
use crate::process::{Exeat, scratch, text};

const TOKENS: usize = 100_000;
const CONNECTIONS: usize = 16;

/// Measures one process over its life.
pub(crate) async fn run() -> Found {
    let directory = scratch()?;
    let exeat = Arc::new(Exeat::start(&directory.path().join("exeat")).await?);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = exeat.process.resident()?;
    at_most("idle memory of serve", idle, 40.0, "MiB");
    let approval = exeat.approval().await?;
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (exeat, approval) = (Arc::clone(&exeat), approval.clone());
        drop(tasks.spawn(async move { tokens(&exeat, &approval, TOKENS / CONNECTIONS).await }));
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let held = exeat.process.resident()?;
    at_most("memory added by 100,000 live tokens, each seen", held - idle, 60.0, "MiB");
    note("memory with them", held, "MiB");
    Ok(())
}

/// Takes tokens, and has each one introspected, so that everything there is to remember of it is remembered.
async fn tokens(exeat: &Exeat, approval: &str, count: usize) -> Found {
    let mut connection = Connection::to(exeat.agent).await?;
    let exchange = exeat.exchange(approval);
    for _ in 0..count {
        let (_, answer) = connection.ask(&exchange).await?;
        let token = text(&serde_json::from_slice(&answer)?, "access_token")?;
        let (_, answer) = connection.ask(&exeat.introspection(&token)).await?;
        let answer: Value = serde_json::from_slice(&answer)?;
        if answer.get("active") != Some(&Value::Bool(true)) {
            return Err(format!("not live: {answer}").into());
        }
    }
    Ok(())
}
