//! Approvals: a request put on record, and every later state written only over the one it follows.

use sqlx::SqliteConnection;

use super::changes::json;
use super::error::signed;
use super::passkeys;
use super::row::{self, APPROVAL};
use crate::base::id::ApprovalId;
use crate::domain::approval::{Approval, Grant, State, Statement};
use crate::store::{CreateRefused, StoreError};

/// A new request.
pub(super) struct Request {
    pub(super) approval: Approval,
    pub(super) idempotency: Option<String>,
    pub(super) max_pending: u32,
}

/// What became of it.
pub(super) enum Outcome {
    New(Box<Approval>),
    Existing(Box<Approval>),
}

/// Puts a request on record, or finds the one that is there.
pub(super) async fn create(db: &mut SqliteConnection, request: Request) -> Result<Outcome, CreateRefused> {
    let Request { approval, idempotency, max_pending } = request;
    if let Some(existing) = by_key(db, &approval.statement, idempotency.as_deref()).await? {
        return Ok(Outcome::Existing(Box::new(existing)));
    }
    if let Some(existing) = undecided(db, &approval.statement).await? {
        bind_key(db, &approval.statement, idempotency.as_deref(), existing.statement.approval).await?;
        return Ok(Outcome::Existing(Box::new(existing)));
    }
    check_current(db, &approval).await?;
    if pending(db, &approval.statement).await? >= i64::from(max_pending) {
        return Err(CreateRefused::TooManyPending);
    }
    insert(db, &approval).await?;
    bind_key(db, &approval.statement, idempotency.as_deref(), approval.statement.approval).await?;
    Ok(Outcome::New(Box::new(approval)))
}

/// Writes the next state of an approval.
///
/// # Errors
/// `Conflict` when it does not follow from the stored one.
pub(super) async fn transition(db: &mut SqliteConnection, next: Approval) -> Result<Approval, StoreError> {
    let id = next.statement.approval;
    let stored = find(db, id).await?.ok_or(StoreError::Conflict)?;
    let follows = next.revision == stored.approval.revision + 1
        && next.statement == stored.approval.statement
        && may_follow(&stored.approval.state, &next.state);
    let decision = matches!(next.state, State::Pending { .. } | State::Approved(_) | State::Denied { .. });
    if !follows || (decision && stored.stale) {
        return Err(StoreError::Conflict);
    }
    let next = with_counters(next, stored.tokens_issued, stored.uses);
    check_deciders(db, &next.state).await?;
    sqlx::query("UPDATE approvals SET state = ?2, record = ?3, revision = ?4 WHERE id = ?1")
        .bind(id.to_string())
        .bind(row::state_name(&next.state))
        .bind(json(&next.state)?)
        .bind(signed(next.revision))
        .execute(&mut *db)
        .await?;
    if let State::Approved(grant) = &next.state {
        name_approvers(db, id, grant).await?;
    }
    Ok(next)
}

/// The transitions of design §2. Becoming spent is the store's own.
const fn may_follow(from: &State, to: &State) -> bool {
    use State::{Approved, Cancelled, Denied, Expired, Pending, Revoked, Spent};
    matches!(
        (from, to),
        (
            Pending { .. },
            Pending { .. } | Approved(_) | Denied { .. } | Cancelled { .. } | Expired { grant: None }
        ) | (Approved(_) | Spent(_), Expired { grant: Some(_) } | Revoked { .. })
    )
}

/// The approval with its counters as the columns have them.
pub(super) fn with_counters(mut approval: Approval, tokens_issued: u32, uses: u32) -> Approval {
    let grant = match &mut approval.state {
        State::Approved(grant) | State::Spent(grant) | State::Revoked { grant, .. } => Some(grant),
        State::Expired { grant } => grant.as_mut(),
        State::Pending { .. } | State::Denied { .. } | State::Cancelled { .. } => None,
    };
    if let Some(grant) = grant {
        (grant.tokens_issued, grant.uses) = (tokens_issued, uses);
    }
    approval
}

async fn find(db: &mut SqliteConnection, id: ApprovalId) -> Result<Option<row::StoredApproval>, StoreError> {
    let found = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT {APPROVAL} FROM approvals WHERE id = ?1")))
        .bind(id.to_string())
        .fetch_optional(db)
        .await?;
    found.as_ref().map(row::approval).transpose()
}

/// What the agent's idempotency key stands for already.
async fn by_key(
    db: &mut SqliteConnection,
    statement: &Statement,
    key: Option<&str>,
) -> Result<Option<Approval>, CreateRefused> {
    let Some(key) = key else { return Ok(None) };
    let found: Option<(Vec<u8>, String)> = sqlx::query_as(
        "SELECT request_digest, approval_id FROM idempotency WHERE agent_id = ?1 AND key = ?2",
    )
    .bind(statement.agent.id.to_string())
    .bind(key)
    .fetch_optional(&mut *db)
    .await
    .map_err(StoreError::from)?;
    let Some((digest, id)) = found else { return Ok(None) };
    if digest != statement.request.as_bytes() {
        return Err(CreateRefused::KeyReused);
    }
    let id = id.parse().map_err(|_| super::error::corrupt("idempotency", &id))?;
    Ok(find(db, id).await?.map(|stored| stored.approval))
}

async fn bind_key(
    db: &mut SqliteConnection,
    statement: &Statement,
    key: Option<&str>,
    approval: ApprovalId,
) -> Result<(), StoreError> {
    let Some(key) = key else { return Ok(()) };
    sqlx::query(
        "INSERT INTO idempotency (agent_id, key, request_digest, approval_id) VALUES (?1, ?2, ?3, ?4)",
    )
    .bind(statement.agent.id.to_string())
    .bind(key)
    .bind(statement.request.as_bytes().as_slice())
    .bind(approval.to_string())
    .execute(db)
    .await?;
    Ok(())
}

/// The same request of the same agent, if it can still be decided.
async fn undecided(db: &mut SqliteConnection, statement: &Statement) -> Result<Option<Approval>, StoreError> {
    let found = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {APPROVAL} FROM approvals
         WHERE agent_id = ?1 AND state = 'pending' AND request_digest = ?2 AND stale = 0 AND expires_at > ?3"
    )))
    .bind(statement.agent.id.to_string())
    .bind(statement.request.as_bytes().as_slice())
    .bind(statement.created_at.as_micros())
    .fetch_optional(db)
    .await?;
    Ok(found.as_ref().map(row::approval).transpose()?.map(|stored| stored.approval))
}

async fn pending(db: &mut SqliteConnection, statement: &Statement) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(
        "SELECT count(*) FROM approvals WHERE agent_id = ?1 AND state = 'pending' AND stale = 0 AND expires_at > ?2",
    )
    .bind(statement.agent.id.to_string())
    .bind(statement.created_at.as_micros())
    .fetch_one(db)
    .await?;
    Ok(count)
}

/// Sees that the request is new, its agent active, its run under way, and all it names the version in force.
async fn check_current(db: &mut SqliteConnection, approval: &Approval) -> Result<(), StoreError> {
    let statement = &approval.statement;
    let current: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM agents WHERE id = ?1 AND removed_at IS NULL)
            AND EXISTS (SELECT 1 FROM meta WHERE name = 'policy' AND value = ?2)
            AND (?3 IS NULL OR EXISTS
                 (SELECT 1 FROM runs WHERE id = ?3 AND agent_id = ?1 AND ended_at IS NULL))",
    )
    .bind(statement.agent.id.to_string())
    .bind(statement.policy.to_string())
    .bind(statement.run.map(|run| run.to_string()))
    .fetch_one(&mut *db)
    .await?;
    let fresh = approval.revision == 0
        && matches!(&approval.state, State::Pending { decisions } if decisions.is_empty());
    if !current || !fresh {
        return Err(StoreError::Conflict);
    }
    for bound in &statement.bound {
        let current: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM upstreams u JOIN credentials c ON c.upstream_id = u.id
             WHERE u.id = ?1 AND u.version = ?2 AND c.id = ?3 AND c.version = ?4 AND c.identity = ?5)",
        )
        .bind(bound.upstream.to_string())
        .bind(signed(bound.upstream_version))
        .bind(bound.credential.to_string())
        .bind(signed(bound.credential_version))
        .bind(statement.identity.to_string())
        .fetch_one(&mut *db)
        .await?;
        if !current {
            return Err(StoreError::Conflict);
        }
    }
    Ok(())
}

async fn insert(db: &mut SqliteConnection, approval: &Approval) -> Result<(), StoreError> {
    let statement = &approval.statement;
    sqlx::query(
        "INSERT INTO approvals (id, agent_id, identity, state, revision, statement, digest, record, request_digest,
                                policy, created_at, expires_at, max_tokens, max_uses)
         VALUES (?1, ?2, ?3, 'pending', 0, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )
    .bind(statement.approval.to_string())
    .bind(statement.agent.id.to_string())
    .bind(statement.identity.to_string())
    .bind(json(statement)?)
    .bind(approval.digest().as_bytes().as_slice())
    .bind(json(&approval.state)?)
    .bind(statement.request.as_bytes().as_slice())
    .bind(statement.policy.as_bytes().as_slice())
    .bind(statement.created_at.as_micros())
    .bind(statement.expires_at.as_micros())
    .bind(statement.limits.max_tokens)
    .bind(statement.limits.max_uses)
    .execute(&mut *db)
    .await?;
    for bound in &statement.bound {
        sqlx::query(
            "INSERT INTO bound (approval_id, upstream_id, upstream_version, credential_id, credential_version)
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
        )
        .bind(statement.approval.to_string())
        .bind(bound.upstream.to_string())
        .bind(signed(bound.upstream_version))
        .bind(bound.credential.to_string())
        .bind(signed(bound.credential_version))
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// Nobody decides any more who has been removed meanwhile.
async fn check_deciders(db: &mut SqliteConnection, state: &State) -> Result<(), StoreError> {
    let decider = match state {
        State::Pending { decisions } | State::Approved(Grant { decisions, .. }) => decisions.last(),
        State::Denied { decision } => Some(decision),
        _ => return Ok(()),
    };
    let decider = decider.ok_or(StoreError::Conflict)?;
    let active: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM people WHERE id = ?1 AND removed_at IS NULL)")
            .bind(decider.person.to_string())
            .fetch_one(&mut *db)
            .await?;
    match &decider.signature {
        _ if !active => Err(StoreError::Conflict),
        Some(signature) => passkeys::count(db, decider.person, signature).await,
        None => Ok(()),
    }
}

async fn name_approvers(db: &mut SqliteConnection, id: ApprovalId, grant: &Grant) -> Result<(), StoreError> {
    for decision in &grant.decisions {
        sqlx::query("INSERT INTO approvers (approval_id, person_id) VALUES (?1, ?2)")
            .bind(id.to_string())
            .bind(decision.person.to_string())
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}
