//! Looking up tokens: everybody who asks while a question is on its way is answered by the next one.
//!
//! A question to SQLite is a trip to another thread and back, which costs more than the row. So one task asks for all that wait.

use std::collections::HashMap;

use sqlx::SqlitePool;
use tokio::sync::{mpsc, oneshot};

use super::error::rows;
use super::row;
use crate::base::id::TokenId;
use crate::base::tasks::Tasks;
use crate::store::{StoreError, TokenRecord};

/// Questions that may wait; more wait for room.
const QUEUE: usize = 4096;

/// The most tokens of one question.
const LARGEST_BATCH: usize = 512;

struct Question {
    id: TokenId,
    reply: oneshot::Sender<Option<TokenRecord>>,
}

/// Where one asks.
pub(super) struct Lookup(mpsc::Sender<Question>);

impl Lookup {
    /// Starts the task that asks. It ends with `tasks`.
    pub(super) fn start(pool: SqlitePool, tasks: &Tasks) -> Self {
        let (ask, queue) = mpsc::channel(QUEUE);
        tasks.spawn(run(pool, queue, tasks.clone()));
        Self(ask)
    }

    /// The token as it is now: what was written before this was called is seen.
    pub(super) async fn token(&self, id: TokenId) -> Result<Option<TokenRecord>, StoreError> {
        let (reply, answer) = oneshot::channel();
        let stopped = |_| StoreError::Unavailable("the store has stopped");
        self.0.send(Question { id, reply }).await.map_err(stopped)?;
        answer.await.map_err(|_| StoreError::Unavailable("tokens cannot be read"))
    }
}

async fn run(pool: SqlitePool, mut queue: mpsc::Receiver<Question>, tasks: Tasks) {
    let mut waiting = Vec::new();
    loop {
        let count = tokio::select! {
            biased;
            () = tasks.stopping() => break,
            count = queue.recv_many(&mut waiting, LARGEST_BATCH) => count,
        };
        if count == 0 {
            break;
        }
        match tokens(&pool, &waiting).await {
            // Two may ask for the same.
            Ok(found) => waiting.drain(..).for_each(|Question { id, reply }| {
                // Whoever has gone needs no answer.
                drop(reply.send(found.get(&id).cloned()));
            }),
            // The replies are dropped, and everyone who waits is refused.
            Err(error) => {
                tracing::error!(error = %error, "tokens could not be read");
                waiting.clear();
            }
        }
    }
}

async fn tokens(pool: &SqlitePool, asked: &[Question]) -> Result<HashMap<TokenId, TokenRecord>, StoreError> {
    let ids = rows(asked.iter().map(|question| question.id))?;
    let found = sqlx::query(
        "SELECT t.id, t.approval_id, t.agent_id, a.run, t.expires_at,
                t.revoked_at IS NULL AND a.state IN ('approved', 'spent') AND a.stale = 0
                    AND a.uses < a.max_uses AND g.removed_at IS NULL AS live
         FROM json_each(?1) asked JOIN tokens t ON t.id = asked.value
         JOIN approvals a ON a.id = t.approval_id JOIN agents g ON g.id = t.agent_id",
    )
    .bind(ids)
    .fetch_all(pool)
    .await?;
    found.iter().map(|found| row::token(found).map(|token| (token.id, token))).collect()
}
