//! Changes to what is installed, and what becomes stale or dead by them.

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteQueryResult;

use super::error::{corrupt, signed};
use super::line::{Line, Lines};
use super::{passkeys, sessions};
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::base::id::{AgentId, CredentialId, LayerId, UpstreamId};
use crate::domain::layer::Layer;
use crate::domain::ledger::{Entry, Event};
use crate::domain::principal::{Agent, Person};
use crate::domain::upstream::Upstream;
use crate::store::{Change, SealedCredential, SealedKey, StoreError};

/// Applies a change. Its own line is in the log already; what follows from it is added there.
pub(super) async fn apply(
    db: &mut SqliteConnection,
    change: Change,
    lines: &mut Lines,
) -> Result<(), StoreError> {
    match change {
        Change::AddPerson { person, key } => add_person(db, &person, key).await,
        Change::RemovePerson { id, at } => sessions::remove_person(db, id, at).await,
        Change::BeginSession { session, key } => sessions::begin(db, &session, key).await,
        Change::EndSession { id } => sessions::end(db, id).await,
        Change::AddPasskey { passkey, signature } => passkeys::add(db, &passkey, signature.as_deref()).await,
        Change::RemovePasskey { person, id, signature } => {
            passkeys::remove(db, person, &id, &signature).await
        }
        Change::AddAgent { agent, key } => add_agent(db, &agent, key).await,
        Change::RemoveAgent { id, at } => remove_agent(db, id, at, lines).await,
        Change::AddLayer { layer, key } => add_layer(db, &layer, key).await,
        Change::RemoveLayer { id, at } => remove_layer(db, id, at).await,
        Change::AddIdentity { identity } => {
            sqlx::query("INSERT INTO identities (identity) VALUES (?1) ON CONFLICT DO NOTHING")
                .bind(identity.to_string())
                .execute(db)
                .await?;
            Ok(())
        }
        Change::PutUpstream { upstream, client_key } => put_upstream(db, &upstream, client_key).await,
        Change::PutCredential { credential, version, upstream, identity, sealed } => {
            put_credential(db, &SealedCredential { id: credential, version, upstream, identity, sealed })
                .await
        }
        Change::Reseal { credential, version, sealed } => reseal(db, credential, version, sealed).await,
        Change::ResealClientKey { upstream, version, sealed } => {
            reseal_client_key(db, upstream, version, sealed).await
        }
        Change::SetPolicy { version } => set_policy(db, version).await,
        Change::AddKey { key } => add_key(db, &key).await,
        Change::Nothing => Ok(()),
    }
}

/// Adds a signing key.
pub(super) async fn add_key(db: &mut SqliteConnection, key: &SealedKey) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO keys (id, purpose, public, sealed, since) VALUES (?1, ?2, ?3, ?4, ?5)")
        .bind(&key.id)
        .bind(super::row::purpose_name(key.purpose))
        .bind(&key.public)
        .bind(&key.sealed)
        .bind(key.since.as_micros())
        .execute(db)
        .await?;
    Ok(())
}

async fn add_person(db: &mut SqliteConnection, person: &Person, key: Digest) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO people (id, name, roles, key_hash, removed_at) VALUES (?1, ?2, ?3, ?4, ?5)")
        .bind(person.id.to_string())
        .bind(person.name.as_str())
        .bind(json(&person.roles)?)
        .bind(key.as_bytes().as_slice())
        .bind(person.removed_at.map(Timestamp::as_micros))
        .execute(db)
        .await?;
    Ok(())
}

async fn add_agent(db: &mut SqliteConnection, agent: &Agent, key: Digest) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO agents (id, name, record, key_hash, removed_at) VALUES (?1, ?2, ?3, ?4, ?5)")
        .bind(agent.id.to_string())
        .bind(agent.name.as_str())
        .bind(json(agent)?)
        .bind(key.as_bytes().as_slice())
        .bind(agent.removed_at.map(Timestamp::as_micros))
        .execute(db)
        .await?;
    Ok(())
}

async fn remove_agent(
    db: &mut SqliteConnection,
    agent: AgentId,
    at: Timestamp,
    lines: &mut Lines,
) -> Result<(), StoreError> {
    let ended = sqlx::query("UPDATE agents SET removed_at = ?2 WHERE id = ?1 AND removed_at IS NULL")
        .bind(agent.to_string())
        .bind(at.as_micros())
        .execute(&mut *db)
        .await?;
    one(&ended)?;
    let cancelled: Vec<(String, Option<String>)> = sqlx::query_as(
        "UPDATE approvals
         SET state = 'cancelled', record = json_object('state', 'cancelled', 'at', ?2), revision = revision + 1
         WHERE agent_id = ?1 AND state = 'pending' RETURNING id, run",
    )
    .bind(agent.to_string())
    .bind(at.to_string())
    .fetch_all(db)
    .await?;
    for (id, run) in cancelled {
        let bad = || corrupt("approvals", &id);
        let approval = id.parse().map_err(|_| bad())?;
        let run = run.map(|run| run.parse().map_err(|_| bad())).transpose()?;
        lines.push(Line::of(&Entry { at, event: Event::Cancelled { approval, agent, run } }));
    }
    Ok(())
}

async fn add_layer(db: &mut SqliteConnection, layer: &Layer, key: Digest) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO layers (id, name, record, key_hash, removed_at) VALUES (?1, ?2, ?3, ?4, ?5)")
        .bind(layer.id.to_string())
        .bind(layer.name.as_str())
        .bind(json(layer)?)
        .bind(key.as_bytes().as_slice())
        .bind(layer.removed_at.map(Timestamp::as_micros))
        .execute(db)
        .await?;
    Ok(())
}

async fn remove_layer(db: &mut SqliteConnection, layer: LayerId, at: Timestamp) -> Result<(), StoreError> {
    let ended = sqlx::query("UPDATE layers SET removed_at = ?2 WHERE id = ?1 AND removed_at IS NULL")
        .bind(layer.to_string())
        .bind(at.as_micros())
        .execute(db)
        .await?;
    one(&ended)
}

async fn put_upstream(
    db: &mut SqliteConnection,
    upstream: &Upstream,
    client_key: Option<Vec<u8>>,
) -> Result<(), StoreError> {
    let written = sqlx::query(if upstream.version == 1 {
        "INSERT INTO upstreams (id, name, version, record, client_key) VALUES (?1, ?2, ?3, ?4, ?5)"
    } else {
        "UPDATE upstreams SET name = ?2, version = ?3, record = ?4, client_key = ?5 WHERE id = ?1 AND version = ?3 - 1"
    })
    .bind(upstream.id.to_string())
    .bind(upstream.name.as_str())
    .bind(signed(upstream.version))
    .bind(json(upstream)?)
    .bind(client_key)
    .execute(&mut *db)
    .await?;
    one(&written)?;
    sqlx::query(
        "UPDATE approvals SET stale = 1
         WHERE stale = 0 AND id IN (SELECT approval_id FROM bound WHERE upstream_id = ?1 AND upstream_version <> ?2)",
    )
    .bind(upstream.id.to_string())
    .bind(signed(upstream.version))
    .execute(db)
    .await?;
    Ok(())
}

async fn put_credential(db: &mut SqliteConnection, credential: &SealedCredential) -> Result<(), StoreError> {
    let written = sqlx::query(if credential.version == 1 {
        "INSERT INTO credentials (id, version, upstream_id, identity, sealed) VALUES (?1, ?2, ?3, ?4, ?5)"
    } else {
        "UPDATE credentials SET version = ?2, sealed = ?5
         WHERE id = ?1 AND version = ?2 - 1 AND upstream_id = ?3 AND identity = ?4"
    })
    .bind(credential.id.to_string())
    .bind(signed(credential.version))
    .bind(credential.upstream.to_string())
    .bind(credential.identity.to_string())
    .bind(&credential.sealed)
    .execute(&mut *db)
    .await?;
    one(&written)?;
    sqlx::query(
        "UPDATE approvals SET stale = 1
         WHERE stale = 0 AND id IN (SELECT approval_id FROM bound WHERE credential_id = ?1 AND credential_version <> ?2)",
    )
    .bind(credential.id.to_string())
    .bind(signed(credential.version))
    .execute(db)
    .await?;
    Ok(())
}

async fn reseal(
    db: &mut SqliteConnection,
    credential: CredentialId,
    version: u64,
    sealed: Vec<u8>,
) -> Result<(), StoreError> {
    let written = sqlx::query("UPDATE credentials SET sealed = ?3 WHERE id = ?1 AND version = ?2")
        .bind(credential.to_string())
        .bind(signed(version))
        .bind(sealed)
        .execute(db)
        .await?;
    one(&written)
}

async fn reseal_client_key(
    db: &mut SqliteConnection,
    upstream: UpstreamId,
    version: u64,
    sealed: Vec<u8>,
) -> Result<(), StoreError> {
    let written = sqlx::query(
        "UPDATE upstreams SET client_key = ?3 WHERE id = ?1 AND version = ?2 AND client_key IS NOT NULL",
    )
    .bind(upstream.to_string())
    .bind(signed(version))
    .bind(sealed)
    .execute(db)
    .await?;
    one(&written)
}

async fn set_policy(db: &mut SqliteConnection, version: Digest) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO meta (name, value) VALUES ('policy', ?1) ON CONFLICT DO UPDATE SET value = excluded.value")
        .bind(version.to_string())
        .execute(&mut *db)
        .await?;
    sqlx::query(
        "UPDATE approvals SET stale = 1
         WHERE stale = 0 AND policy <> ?1 AND state IN ('pending', 'approved', 'spent')",
    )
    .bind(version.as_bytes().as_slice())
    .execute(db)
    .await?;
    Ok(())
}

pub(super) fn one(result: &SqliteQueryResult) -> Result<(), StoreError> {
    if result.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Conflict) }
}

pub(super) fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Engine(Box::new(error)))
}
