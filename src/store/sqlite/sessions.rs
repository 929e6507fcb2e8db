//! People signed in, and what ends that.

use sqlx::SqliteConnection;

use super::changes::{json, one};
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::base::id::{PersonId, SessionId};
use crate::domain::session::Session;
use crate::store::StoreError;

pub(super) async fn begin(
    db: &mut SqliteConnection,
    session: &Session,
    key: Digest,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sessions WHERE expires_at <= ?1")
        .bind(session.began_at.as_micros())
        .execute(&mut *db)
        .await?;
    let written = sqlx::query(
        "INSERT INTO sessions (id, person_id, record, key_hash, expires_at)
         SELECT ?1, id, ?3, ?4, ?5 FROM people WHERE id = ?2 AND removed_at IS NULL",
    )
    .bind(session.id.to_string())
    .bind(session.person.to_string())
    .bind(json(session)?)
    .bind(key.as_bytes().as_slice())
    .bind(session.expires_at.as_micros())
    .execute(db)
    .await?;
    one(&written)
}

pub(super) async fn end(db: &mut SqliteConnection, id: SessionId) -> Result<(), StoreError> {
    one(&sqlx::query("DELETE FROM sessions WHERE id = ?1").bind(id.to_string()).execute(db).await?)
}

/// A person's end is the end of their sessions.
pub(super) async fn remove_person(
    db: &mut SqliteConnection,
    id: PersonId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let ended = sqlx::query("UPDATE people SET removed_at = ?2 WHERE id = ?1 AND removed_at IS NULL")
        .bind(id.to_string())
        .bind(at.as_micros())
        .execute(&mut *db)
        .await?;
    one(&ended)?;
    sqlx::query("DELETE FROM sessions WHERE person_id = ?1").bind(id.to_string()).execute(&mut *db).await?;
    sqlx::query("DELETE FROM passkeys WHERE person_id = ?1").bind(id.to_string()).execute(db).await?;
    Ok(())
}
