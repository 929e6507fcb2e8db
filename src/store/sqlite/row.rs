//! Rows into domain values. A row the domain could not have written is `Corrupt`; nothing here panics.

use std::str::FromStr;

use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::approvals::with_counters;
use super::error::corrupt;
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::domain::approval::{Approval, State, Statement};
use crate::domain::layer::Layer;
use crate::domain::ledger::KeyPurpose;
use crate::domain::principal::{Agent, Person};
use crate::domain::session::Session;
use crate::domain::upstream::Upstream;
use crate::domain::webauthn::Passkey;
use crate::store::{
    OpenUse, SealedCredential, SealedKey, StoreError, StoredCheckpoint, StoredEntry, StoredPasskey,
    TokenRecord,
};

/// The columns that [`approval`] reads.
pub(super) const APPROVAL: &str = "id, agent_id, identity, state, revision, statement, digest, record, expires_at, tokens_issued, uses, stale";

/// An approval, and whether something it was given for has changed since.
pub(super) struct StoredApproval {
    pub(super) approval: Approval,
    pub(super) tokens_issued: u32,
    pub(super) uses: u32,
    pub(super) stale: bool,
}

/// One row, with the table and key it is called by when it is wrong.
pub(super) struct Cells<'a> {
    row: &'a SqliteRow,
    table: &'static str,
    key: String,
}

impl<'a> Cells<'a> {
    pub(super) fn of(row: &'a SqliteRow, table: &'static str) -> Self {
        let text = row.try_get_unchecked::<String, _>(0).ok();
        let key = text.or_else(|| row.try_get_unchecked::<i64, _>(0).ok().map(|number| number.to_string()));
        Self { row, table, key: key.unwrap_or_default() }
    }

    pub(super) fn bad(&self) -> StoreError {
        corrupt(self.table, &self.key)
    }

    pub(super) fn check(&self, holds: bool) -> Result<(), StoreError> {
        if holds { Ok(()) } else { Err(self.bad()) }
    }

    pub(super) fn raw<T>(&self, column: &'static str) -> Result<T, StoreError>
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
    {
        self.row.try_get(column).map_err(|_| self.bad())
    }

    pub(super) fn text<T: FromStr>(&self, column: &'static str) -> Result<T, StoreError> {
        self.raw::<String>(column)?.parse().map_err(|_| self.bad())
    }

    pub(super) fn optional<T: FromStr>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        self.raw::<Option<String>>(column)?.map(|text| text.parse().map_err(|_| self.bad())).transpose()
    }

    pub(super) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(&self.raw::<String>(column)?).map_err(|_| self.bad())
    }

    pub(super) fn number<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, StoreError> {
        T::try_from(self.raw::<i64>(column)?).map_err(|_| self.bad())
    }

    pub(super) fn time(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        self.raw(column).map(Timestamp::from_micros)
    }

    pub(super) fn digest(&self, column: &'static str) -> Result<Digest, StoreError> {
        let bytes = self.raw::<Vec<u8>>(column)?;
        bytes.try_into().map(Digest::from_bytes).map_err(|_| self.bad())
    }
}

/// Reads an approval from the columns of [`APPROVAL`].
pub(super) fn approval(row: &SqliteRow) -> Result<StoredApproval, StoreError> {
    let cells = Cells::of(row, "approvals");
    let statement: Statement = cells.json("statement")?;
    let state: State = cells.json("record")?;
    let approval = Approval { statement, revision: cells.number("revision")?, state };
    let statement = &approval.statement;
    cells.check(
        statement.approval == cells.text("id")?
            && statement.agent.id == cells.text("agent_id")?
            && statement.identity == cells.text("identity")?
            && statement.expires_at == cells.time("expires_at")?
            && approval.digest() == cells.digest("digest")?
            && state_name(&approval.state) == cells.raw::<String>("state")?,
    )?;
    // No approval without an approver (I1).
    cells
        .check(approval.grant().is_none_or(|grant| !grant.decisions.is_empty() && !grant.items.is_empty()))?;
    let (tokens_issued, uses) = (cells.number("tokens_issued")?, cells.number("uses")?);
    let approval = with_counters(approval, tokens_issued, uses);
    Ok(StoredApproval { approval, tokens_issued, uses, stale: cells.raw("stale")? })
}

/// The stored name of a state.
pub(super) const fn state_name(state: &State) -> &'static str {
    match state {
        State::Pending { .. } => "pending",
        State::Approved(_) => "approved",
        State::Spent(_) => "spent",
        State::Denied { .. } => "denied",
        State::Cancelled { .. } => "cancelled",
        State::Expired { .. } => "expired",
        State::Revoked { .. } => "revoked",
    }
}

/// The stored name of a purpose.
pub(super) const fn purpose_name(purpose: KeyPurpose) -> &'static str {
    match purpose {
        KeyPurpose::Token => "token",
        KeyPurpose::Ledger => "ledger",
        KeyPurpose::Vault => "vault",
        KeyPurpose::Authority => "authority",
    }
}

pub(super) fn key(row: &SqliteRow, purpose: KeyPurpose) -> Result<SealedKey, StoreError> {
    let cells = Cells::of(row, "keys");
    Ok(SealedKey {
        id: cells.raw("id")?,
        purpose,
        public: cells.raw("public")?,
        sealed: cells.raw("sealed")?,
        since: cells.time("since")?,
    })
}

pub(super) fn person(row: &SqliteRow) -> Result<(Person, Digest), StoreError> {
    let cells = Cells::of(row, "people");
    let removed_at = cells.raw::<Option<i64>>("removed_at")?.map(Timestamp::from_micros);
    let person =
        Person { id: cells.text("id")?, name: cells.text("name")?, roles: cells.json("roles")?, removed_at };
    Ok((person, cells.digest("key_hash")?))
}

pub(super) fn agent(row: &SqliteRow) -> Result<(Agent, Digest), StoreError> {
    let cells = Cells::of(row, "agents");
    let mut agent: Agent = cells.json("record")?;
    cells.check(agent.id == cells.text("id")? && agent.name.as_str() == cells.raw::<String>("name")?)?;
    agent.removed_at = cells.raw::<Option<i64>>("removed_at")?.map(Timestamp::from_micros);
    Ok((agent, cells.digest("key_hash")?))
}

pub(super) fn layer(row: &SqliteRow) -> Result<(Layer, Digest), StoreError> {
    let cells = Cells::of(row, "layers");
    let mut layer: Layer = cells.json("record")?;
    cells.check(layer.id == cells.text("id")? && layer.name.as_str() == cells.raw::<String>("name")?)?;
    layer.removed_at = cells.raw::<Option<i64>>("removed_at")?.map(Timestamp::from_micros);
    Ok((layer, cells.digest("key_hash")?))
}

pub(super) fn passkey(row: &SqliteRow) -> Result<StoredPasskey, StoreError> {
    let cells = Cells::of(row, "passkeys");
    let passkey: Passkey = cells.json("record")?;
    cells.check(passkey.id == cells.text("id")?)?;
    let passkey = Passkey { sign_count: cells.number("sign_count")?, ..passkey };
    Ok(StoredPasskey { person: cells.text("person_id")?, name: cells.text("name")?, passkey })
}

pub(super) fn session(row: &SqliteRow) -> Result<(Session, Digest), StoreError> {
    let cells = Cells::of(row, "sessions");
    let session: Session = cells.json("record")?;
    cells.check(
        session.id == cells.text("id")?
            && session.person == cells.text("person_id")?
            && session.expires_at == cells.time("expires_at")?,
    )?;
    Ok((session, cells.digest("key_hash")?))
}

pub(super) fn upstream(row: &SqliteRow) -> Result<(Upstream, Option<Vec<u8>>), StoreError> {
    let cells = Cells::of(row, "upstreams");
    let upstream: Upstream = cells.json("record")?;
    cells.check(
        upstream.id == cells.text("id")?
            && upstream.name == cells.text("name")?
            && upstream.version == cells.number::<u64>("version")?,
    )?;
    Ok((upstream, cells.raw("client_key")?))
}

pub(super) fn credential(row: &SqliteRow) -> Result<SealedCredential, StoreError> {
    let cells = Cells::of(row, "credentials");
    Ok(SealedCredential {
        id: cells.text("id")?,
        version: cells.number("version")?,
        upstream: cells.text("upstream_id")?,
        identity: cells.text("identity")?,
        sealed: cells.raw("sealed")?,
    })
}

pub(super) fn identity(row: &SqliteRow) -> Result<crate::domain::identity::Identity, StoreError> {
    Cells::of(row, "identities").text("identity")
}

pub(super) fn token(row: &SqliteRow) -> Result<TokenRecord, StoreError> {
    let cells = Cells::of(row, "tokens");
    Ok(TokenRecord {
        id: cells.text("id")?,
        approval: cells.text("approval_id")?,
        agent: cells.text("agent_id")?,
        run: cells.optional("run")?,
        expires_at: cells.time("expires_at")?,
        live: cells.raw("live")?,
    })
}

pub(super) fn open_use(row: &SqliteRow) -> Result<OpenUse, StoreError> {
    let cells = Cells::of(row, "open_uses");
    Ok(OpenUse {
        id: cells.text("id")?,
        at: cells.time("at")?,
        approval: cells.text("approval_id")?,
        token: cells.text("token_id")?,
        agent: cells.text("agent_id")?,
        run: cells.optional("run_id")?,
    })
}

pub(super) fn entry(row: &SqliteRow) -> Result<StoredEntry, StoreError> {
    let cells = Cells::of(row, "entries");
    Ok(StoredEntry {
        index: cells.number("idx")?,
        leaf: cells.digest("leaf")?,
        bytes: cells.raw::<String>("body")?.into_bytes(),
        entry: cells.json("body")?,
    })
}

pub(super) fn checkpoint(row: &SqliteRow) -> Result<StoredCheckpoint, StoreError> {
    let cells = Cells::of(row, "checkpoints");
    Ok(StoredCheckpoint { size: cells.number("size")?, note: cells.raw("note")? })
}
