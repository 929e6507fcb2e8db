//! Reading. Each answer is one moment of the database, at or after every write that returned before it was asked.

use std::collections::HashMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection, SqlitePool};

use super::error::{corrupt, rows, signed};
use super::line::Tree;
use super::row::{self, APPROVAL};
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::base::id::ApprovalId;
use crate::domain::approval::Approval;
use crate::domain::ledger::KeyPurpose;
use crate::store::{
    ApprovalQuery, EntryQuery, Head, Installed, OpenUse, SealedKey, StoreError, StoredCheckpoint, StoredEntry,
};

/// How much later than its time an entry may be written, in microseconds: no step takes so long.
const DISORDER: i64 = 60_000_000;

/// The most rows of one answer.
const LONGEST_LIST: u32 = 1000;

pub(super) async fn installed(pool: &SqlitePool) -> Result<Installed, StoreError> {
    // One transaction, so that all of it is of one moment.
    let mut moment = pool.begin().await?;
    let db = &mut *moment;
    let people = sqlx::query("SELECT id, name, roles, key_hash, removed_at FROM people ORDER BY id")
        .fetch_all(&mut *db);
    let people = each(&people.await?, row::person)?;
    let agents = sqlx::query("SELECT id, name, record, key_hash, removed_at FROM agents ORDER BY id")
        .fetch_all(&mut *db);
    let agents = each(&agents.await?, row::agent)?;
    let layers = sqlx::query("SELECT id, name, record, key_hash, removed_at FROM layers ORDER BY id")
        .fetch_all(&mut *db);
    let layers = each(&layers.await?, row::layer)?;
    let identities = sqlx::query("SELECT identity FROM identities ORDER BY identity").fetch_all(&mut *db);
    let identities = each(&identities.await?, row::identity)?;
    let upstreams = sqlx::query("SELECT id, name, version, record, client_key FROM upstreams ORDER BY name")
        .fetch_all(&mut *db);
    let upstreams = each(&upstreams.await?, row::upstream)?;
    let credentials =
        sqlx::query("SELECT id, version, upstream_id, identity, sealed FROM credentials ORDER BY id");
    let credentials = each(&credentials.fetch_all(&mut *db).await?, row::credential)?;
    let policy: Option<String> =
        sqlx::query_scalar("SELECT value FROM meta WHERE name = 'policy'").fetch_optional(&mut *db).await?;
    let policy = policy.map(|text| text.parse().map_err(|_| corrupt("meta", "policy"))).transpose()?;
    let sessions =
        sqlx::query("SELECT id, person_id, record, key_hash, expires_at FROM sessions ORDER BY id")
            .fetch_all(&mut *db);
    let sessions = each(&sessions.await?, row::session)?;
    let passkeys = sqlx::query("SELECT id, person_id, name, record, sign_count FROM passkeys ORDER BY id")
        .fetch_all(&mut *db);
    let passkeys = each(&passkeys.await?, row::passkey)?;
    Ok(Installed { people, passkeys, sessions, agents, layers, identities, upstreams, credentials, policy })
}

pub(super) async fn keys(pool: &SqlitePool, purpose: KeyPurpose) -> Result<Vec<SealedKey>, StoreError> {
    let found =
        sqlx::query("SELECT id, public, sealed, since FROM keys WHERE purpose = ?1 ORDER BY since, rowid")
            .bind(row::purpose_name(purpose))
            .fetch_all(pool)
            .await?;
    each(&found, |found| row::key(found, purpose))
}

pub(super) async fn approval(pool: &SqlitePool, id: ApprovalId) -> Result<Option<Approval>, StoreError> {
    let found = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT {APPROVAL} FROM approvals WHERE id = ?1")))
        .bind(id.to_string())
        .fetch_optional(pool)
        .await?;
    Ok(found.as_ref().map(row::approval).transpose()?.map(|stored| stored.approval))
}

pub(super) async fn approvals(pool: &SqlitePool, query: ApprovalQuery) -> Result<Vec<Approval>, StoreError> {
    let mut sql = QueryBuilder::<Sqlite>::new("SELECT ");
    sql.push(APPROVAL).push(" FROM approvals WHERE 1");
    if let Some(state) = query.state {
        sql.push(" AND state = ").push_bind(state);
    }
    if let Some(agent) = query.agent {
        sql.push(" AND agent_id = ").push_bind(agent.to_string());
    }
    if let Some(run) = query.run {
        sql.push(" AND run = ").push_bind(run.to_string());
    }
    if query.current {
        sql.push(" AND stale = 0");
    }
    if let Some(by) = query.expires_by {
        sql.push(" AND expires_at <= ").push_bind(by.as_micros());
    }
    sql.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(bounded(query.limit));
    each(&sql.build().fetch_all(pool).await?, |found| row::approval(found).map(|stored| stored.approval))
}

pub(super) async fn entries(pool: &SqlitePool, query: EntryQuery) -> Result<Vec<StoredEntry>, StoreError> {
    let mut sql = QueryBuilder::<Sqlite>::new("SELECT idx, leaf, body FROM entries WHERE 1");
    if let Some(after) = query.after {
        sql.push(" AND idx > ").push_bind(signed(after));
    }
    if let Some(before) = query.before {
        sql.push(" AND idx < ").push_bind(signed(before));
    }
    let filters = [
        ("usage", query.usage.map(|id| id.to_string())),
        ("token", query.token.map(|id| id.to_string())),
        ("approval", query.approval.map(|id| id.to_string())),
        ("run", query.run.map(|id| id.to_string())),
        ("agent", query.agent.map(|id| id.to_string())),
        ("type", query.event),
    ];
    // Only the narrowest filter may choose the index; `+` keeps the others out of the choice.
    let mut plus = "";
    for (column, value) in filters {
        if let Some(value) = value {
            sql.push(" AND ").push(plus).push(column).push(" = ").push_bind(value);
            plus = "+";
        }
    }
    // The index by time finds where to begin and end; entries of concurrent steps stand close together, not in order.
    if let Some(since) = query.since {
        sql.push(" AND idx > coalesce((SELECT idx FROM entries WHERE at < ")
            .push_bind(since.as_micros().saturating_sub(DISORDER))
            .push(" ORDER BY at DESC LIMIT 1), -1) AND +at >= ")
            .push_bind(since.as_micros());
    }
    if let Some(until) = query.until {
        sql.push(" AND idx < coalesce((SELECT idx FROM entries WHERE at >= ")
            .push_bind(until.as_micros().saturating_add(DISORDER))
            .push(" ORDER BY at LIMIT 1), 9223372036854775807) AND +at < ")
            .push_bind(until.as_micros());
    }
    let newest = query.before.is_some();
    sql.push(if newest { " ORDER BY idx DESC LIMIT " } else { " ORDER BY idx LIMIT " });
    sql.push_bind(bounded(query.limit));
    let mut found = sql.build().fetch_all(pool).await?;
    if newest {
        found.reverse();
    }
    each(&found, row::entry)
}

pub(super) async fn checkpoints(
    pool: &SqlitePool,
    after: u64,
    limit: u32,
) -> Result<Vec<StoredCheckpoint>, StoreError> {
    let found = sqlx::query("SELECT size, note FROM checkpoints WHERE size > ?1 ORDER BY size LIMIT ?2")
        .bind(signed(after))
        .bind(bounded(limit))
        .fetch_all(pool)
        .await?;
    each(&found, row::checkpoint)
}

pub(super) async fn nodes(pool: &SqlitePool, wanted: Vec<(u8, u64)>) -> Result<Vec<Digest>, StoreError> {
    let found = sqlx::query(
        "SELECT 0 AS level, e.idx, e.leaf FROM json_each(?1) w JOIN entries e ON e.idx = w.value ->> 1
         WHERE w.value ->> 0 = 0
         UNION ALL
         SELECT n.level, n.idx, n.hash FROM json_each(?1) w
         JOIN nodes n ON n.level = w.value ->> 0 AND n.idx = w.value ->> 1",
    )
    .bind(rows(&wanted)?)
    .fetch_all(pool)
    .await?;
    let mut known = HashMap::with_capacity(found.len());
    for row in found {
        let (level, index): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let bytes: Vec<u8> = row.try_get(2)?;
        let hash = bytes.try_into().map_err(|_| corrupt("nodes", format!("{level}/{index}")))?;
        known.insert((level, index), Digest::from_bytes(hash));
    }
    let hash = |(level, index): (u8, u64)| {
        let found = known.get(&(i64::from(level), signed(index)));
        found.copied().ok_or_else(|| corrupt("nodes", format!("{level}/{index}")))
    };
    wanted.into_iter().map(hash).collect()
}

pub(super) async fn head(db: &mut SqliteConnection) -> Result<Head, StoreError> {
    let tree = Tree::load(db).await?;
    Ok(Head { size: tree.frontier.size(), root: tree.frontier.root(), last_at: tree.last_at })
}

pub(super) async fn open_uses(pool: &SqlitePool, before: Timestamp) -> Result<Vec<OpenUse>, StoreError> {
    let found = sqlx::query(
        "SELECT id, at, approval_id, token_id, agent_id, run_id FROM open_uses WHERE at < ?1 ORDER BY at LIMIT ?2",
    )
    .bind(before.as_micros())
    .bind(LONGEST_LIST)
    .fetch_all(pool)
    .await?;
    each(&found, row::open_use)
}

fn each<T>(
    found: &[SqliteRow],
    read: impl Fn(&SqliteRow) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    found.iter().map(read).collect()
}

const fn bounded(limit: u32) -> u32 {
    if limit == 0 || limit > LONGEST_LIST { LONGEST_LIST } else { limit }
}
