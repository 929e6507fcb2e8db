//! The log, page by page, and what proves it. That a person read entries is an entry.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Json};
use serde::Deserialize;

use crate::base::clock::Timestamp;
use crate::base::id::{AgentId, ApprovalId, RunId, TokenId, UseId};
use crate::domain::problem::Problem;
use crate::edges::caller::AnyPerson;
use crate::edges::extract::{StrictQuery, limit};
use crate::edges::problem::invalid;
use crate::edges::state::Edge;
use crate::edges::view::json;
use crate::edges::wire::{ConsistencyProof, EntryList, EntryView, InclusionProof};
use crate::store::{EntryQuery, StoredEntry};

/// Which entries to read. Filters are joined by "and".
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Only those after this index.
    after: Option<u64>,
    /// At most this many; 100 when left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Only this type of event.
    r#type: Option<String>,
    /// Only about this approval.
    #[param(value_type = Option<String>)]
    approval: Option<ApprovalId>,
    /// Only about this token.
    #[param(value_type = Option<String>)]
    token: Option<TokenId>,
    /// Only about this agent.
    #[param(value_type = Option<String>)]
    agent: Option<AgentId>,
    /// Only about this run.
    #[param(value_type = Option<String>)]
    run: Option<RunId>,
    /// Only about this use or refusal.
    #[param(value_type = Option<String>)]
    r#use: Option<UseId>,
    /// Only at or after this time.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Only before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

/// Reads entries, by index.
#[utoipa::path(get, path = "/v1/ledger/entries", tag = "ledger", params(Which),
    responses((status = 200, description = "The entries", body = EntryList)))]
pub(super) async fn entries(
    AnyPerson(person): AnyPerson,
    State(edge): State<Edge>,
    StrictQuery(which): StrictQuery<Which>,
) -> Result<Json<EntryList>, Problem> {
    let query = which.query()?;
    let (limit, what) = (query.limit as usize, said(&query));
    let found = edge.broker().read_log(&person, what, query).await?;
    let next = found.last().filter(|_| found.len() == limit).map(|entry| entry.index);
    Ok(Json(EntryList { entries: found.iter().map(entry).collect(), next }))
}

/// The newest signed head of the log, a C2SP signed note.
#[utoipa::path(get, path = "/v1/ledger/checkpoint", tag = "ledger",
    responses((status = 200, description = "The note", body = String, content_type = "text/plain")))]
pub(super) async fn checkpoint(
    AnyPerson(_person): AnyPerson,
    State(edge): State<Edge>,
) -> Result<impl IntoResponse, Problem> {
    let checkpoint = edge.broker().checkpoint().await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], checkpoint.note))
}

/// What to prove.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Included {
    /// The entry.
    index: u64,
    /// The size of the tree to prove it in; the newest signed one when left out.
    size: Option<u64>,
}

/// Proves that an entry stands in the log (RFC 9162 §2.1.3).
#[utoipa::path(get, path = "/v1/ledger/proof", tag = "ledger", params(Included),
    responses((status = 200, description = "The proof", body = InclusionProof)))]
pub(super) async fn proof(
    AnyPerson(_person): AnyPerson,
    State(edge): State<Edge>,
    StrictQuery(asked): StrictQuery<Included>,
) -> Result<Json<InclusionProof>, Problem> {
    let proof = edge.broker().prove_inclusion(asked.index, asked.size).await?;
    let crate::broker::InclusionProof { index, size, leaf, hashes, checkpoint } = proof;
    Ok(Json(InclusionProof { index, size, leaf, hashes, checkpoint }))
}

/// What to prove.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Continued {
    /// The size of the older tree.
    from: u64,
    /// The size of the newer tree; the newest signed one when left out.
    size: Option<u64>,
}

/// Proves that the log only grew (RFC 9162 §2.1.4).
#[utoipa::path(get, path = "/v1/ledger/consistency", tag = "ledger", params(Continued),
    responses((status = 200, description = "The proof", body = ConsistencyProof)))]
pub(super) async fn consistency(
    AnyPerson(_person): AnyPerson,
    State(edge): State<Edge>,
    StrictQuery(asked): StrictQuery<Continued>,
) -> Result<Json<ConsistencyProof>, Problem> {
    let proof = edge.broker().prove_consistency(asked.from, asked.size).await?;
    let crate::broker::ConsistencyProof { from, size, hashes, checkpoint } = proof;
    Ok(Json(ConsistencyProof { from, size, hashes, checkpoint }))
}

impl Which {
    fn query(self) -> Result<EntryQuery, Problem> {
        let word =
            |text: &String| text.len() <= 40 && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if !self.r#type.as_ref().is_none_or(word) {
            return Err(invalid("type", "expected the name of an event"));
        }
        Ok(EntryQuery {
            after: self.after,
            before: None,
            limit: limit(self.limit, 1000)?,
            event: self.r#type,
            approval: self.approval,
            token: self.token,
            agent: self.agent,
            run: self.run,
            usage: self.r#use,
            since: self.since,
            until: self.until,
        })
    }
}

/// What was read, for the entry: only what was parsed, so nothing of a caller's own words.
fn said(query: &EntryQuery) -> String {
    let filters = [
        query.event.as_ref().map(|event| format!(" type={event}")),
        query.approval.map(|id| format!(" approval={id}")),
        query.token.map(|id| format!(" token={id}")),
        query.agent.map(|id| format!(" agent={id}")),
        query.run.map(|id| format!(" run={id}")),
        query.usage.map(|id| format!(" use={id}")),
        query.since.map(|at| format!(" since={at}")),
        query.until.map(|at| format!(" until={at}")),
    ];
    filters.into_iter().flatten().fold("entries".to_owned(), |said, filter| said + &filter)
}

fn entry(stored: &StoredEntry) -> EntryView {
    EntryView { index: stored.index, leaf: stored.leaf, entry: json(&stored.entry) }
}
