//! People's passkeys. One that signs counts up in the step that it signs for.

use sqlx::SqliteConnection;

use super::changes::{json, one};
use crate::base::id::PersonId;
use crate::domain::webauthn::{PasskeyId, Signature};
use crate::store::{StoreError, StoredPasskey};

pub(super) async fn add(
    db: &mut SqliteConnection,
    added: &StoredPasskey,
    signature: Option<&Signature>,
) -> Result<(), StoreError> {
    if let Some(signature) = signature {
        count(db, added.person, signature).await?;
    }
    let written = sqlx::query(
        "INSERT INTO passkeys (id, person_id, name, record, sign_count)
         SELECT ?1, id, ?3, ?4, ?5 FROM people WHERE id = ?2 AND removed_at IS NULL
             AND (?6 OR NOT EXISTS (SELECT 1 FROM passkeys WHERE person_id = ?2))",
    )
    .bind(added.passkey.id.to_string())
    .bind(added.person.to_string())
    .bind(added.name.as_str())
    .bind(json(&added.passkey)?)
    .bind(i64::from(added.passkey.sign_count))
    .bind(signature.is_some())
    .execute(db)
    .await?;
    one(&written)
}

pub(super) async fn remove(
    db: &mut SqliteConnection,
    person: PersonId,
    id: &PasskeyId,
    signature: &Signature,
) -> Result<(), StoreError> {
    count(db, person, signature).await?;
    let ended = sqlx::query("DELETE FROM passkeys WHERE id = ?1 AND person_id = ?2")
        .bind(id.to_string())
        .bind(person.to_string())
        .execute(db)
        .await?;
    one(&ended)
}

/// A passkey signed. Of two decisions that show the same count, one was signed by a copy, or sent twice.
pub(super) async fn count(
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
