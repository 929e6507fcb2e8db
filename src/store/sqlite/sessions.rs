//! People signed in, what they sign with, and what ends both.

use sqlx::SqliteConnection;

use super::changes::{json, one};
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::base::id::{PersonId, SessionId};
use crate::domain::approval::Signature;
use crate::domain::session::Session;
use crate::domain::webauthn::PasskeyId;
use crate::store::{StoreError, StoredPasskey};

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

pub(super) async fn add_passkey(db: &mut SqliteConnection, added: &StoredPasskey) -> Result<(), StoreError> {
    let written = sqlx::query(
        "INSERT INTO passkeys (id, person_id, name, record, sign_count)
         SELECT ?1, id, ?3, ?4, ?5 FROM people WHERE id = ?2 AND removed_at IS NULL",
    )
    .bind(added.passkey.id.to_string())
    .bind(added.person.to_string())
    .bind(added.name.as_str())
    .bind(json(&added.passkey)?)
    .bind(i64::from(added.passkey.sign_count))
    .execute(db)
    .await?;
    one(&written)
}

pub(super) async fn remove_passkey(
    db: &mut SqliteConnection,
    person: PersonId,
    id: &PasskeyId,
) -> Result<(), StoreError> {
    let ended = sqlx::query("DELETE FROM passkeys WHERE id = ?1 AND person_id = ?2")
        .bind(id.to_string())
        .bind(person.to_string())
        .execute(db)
        .await?;
    one(&ended)
}

/// A passkey signed. Of two decisions that show the same count, one was signed by a copy, or sent twice.
pub(super) async fn count_signature(
    db: &mut SqliteConnection,
    person: PersonId,
    signature: &Signature,
) -> Result<(), StoreError> {
    let count = signature.assertion.sign_count().ok_or(StoreError::Conflict)?;
    let counted = sqlx::query(
        "UPDATE passkeys SET sign_count = ?3
         WHERE id = ?1 AND person_id = ?2 AND (sign_count < ?3 OR (sign_count = 0 AND ?3 = 0))",
    )
    .bind(signature.assertion.credential_id.to_string())
    .bind(person.to_string())
    .bind(i64::from(count))
    .execute(db)
    .await?;
    one(&counted)
}
