//! One approval: what is asked, what is known about it, and the form in which a person answers, item by item.

mod form;

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Redirect, Response};
use serde_json::Value;

use self::form::{NARROW, Sent, numbered, sent};
use super::item::ItemWords;
use super::page::{Page, Shell, Trouble};
use super::visitor::Visitor;
use super::words::{Moment, span};
use super::you;
use crate::base::clock::Timestamp;
use crate::base::id::ApprovalId;
use crate::broker::Seen;
use crate::domain::approval::{Decision, History};
use crate::domain::principal::Role;
use crate::domain::problem::Problem;
use crate::domain::scope::{ScopeItem, subset};
use crate::domain::session::Known;
use crate::domain::step::ObservedStep;
use crate::edges::extract::{Id, StrictForm};
use crate::edges::state::Edge;

/// One item, and the agent's hold on it.
struct Asked {
    words: ItemWords,
    /// The approval under which the agent has it already.
    held: Option<String>,
    /// What was typed in its place before something was refused.
    typed: Option<String>,
    /// What was granted of it, or that it was not.
    granted: Option<ItemWords>,
}

/// One person's answer.
struct Decided {
    name: String,
    at: Moment,
    how: &'static str,
    granted: usize,
    reason: Option<String>,
}

#[derive(Template)]
#[template(path = "approval.html")]
struct ApprovalPage {
    shell: Shell,
    id: String,
    state: &'static str,
    digest: String,
    agent: String,
    agent_id: String,
    run: Option<String>,
    identity: String,
    reason: String,
    claimed: Option<String>,
    observed: Option<String>,
    refusal: Option<String>,
    items: Vec<Asked>,
    life: String,
    max_uses: u32,
    max_tokens: u32,
    tokens: u32,
    uses: u32,
    required: u8,
    bound: Vec<String>,
    asked: Moment,
    ends: Moment,
    history: History,
    decided: Vec<Decided>,
    may_decide: Result<(), &'static str>,
    has_passkey: bool,
    may_end: bool,
    said: String,
    error: Option<String>,
}

pub(super) async fn show(
    Visitor(known): Visitor,
    State(edge): State<Edge>,
    id: Result<Id<ApprovalId>, Problem>,
) -> Result<impl IntoResponse, Trouble> {
    let seen = edge.broker().approval(id?.0).await?;
    page(&edge, &known, &seen, Sent::default(), None).await
}

pub(super) async fn decide(
    Visitor(known): Visitor,
    State(edge): State<Edge>,
    id: Result<Id<ApprovalId>, Problem>,
    form: Result<StrictForm<Vec<(String, String)>>, Problem>,
) -> Result<Response, Trouble> {
    let id = id?.0;
    let seen = edge.broker().approval(id).await?;
    let sent = sent(form?.0, seen.approval.statement.items.len())?;
    match edge.broker().decide(&known, id, sent.answers.clone()).await {
        Ok(_) => Ok(Redirect::to(&format!("/approvals/{id}")).into_response()),
        Err(problem) => {
            // Shown as it stands now: somebody else may have been quicker.
            let seen = edge.broker().approval(id).await?;
            let status = StatusCode::from_u16(problem.kind.status()).unwrap_or(StatusCode::BAD_REQUEST);
            let page = page(&edge, &known, &seen, sent, Some(problem.detail.clone())).await?;
            Ok((status, page).into_response())
        }
    }
}

/// Says whether what was typed in place of an item is one, and within it. Nothing is kept.
pub(super) async fn narrow(
    _visitor: Visitor,
    State(edge): State<Edge>,
    id: Result<Id<ApprovalId>, Problem>,
    form: Result<StrictForm<Vec<(String, String)>>, Problem>,
) -> Result<String, Trouble> {
    let seen = edge.broker().approval(id?.0).await?;
    let statement = &seen.approval.statement;
    let (mut said, form) = (String::new(), form?.0);
    for (index, text) in form.iter().filter_map(|(name, text)| Some((numbered(name, NARROW)?, text))) {
        let Some(asked) = statement.items.get(index) else { continue };
        let read =
            ScopeItem::from_json(text.as_bytes()).and_then(|item| item.with_identity(&statement.identity));
        said = match read {
            Ok(item) if &item == asked => "As asked.".to_owned(),
            Ok(item) if subset(&item, asked) => format!("Narrower: {item}"),
            Ok(_) => "This is not within what was asked: it may be narrowed, never widened.".to_owned(),
            Err(error) => format!("Not an item yet: {error}."),
        };
    }
    Ok(said)
}

/// What the person's passkey is to sign for these answers (WebAuthn Level 3 §5.5).
pub(super) async fn challenge(
    Visitor(known): Visitor,
    State(edge): State<Edge>,
    id: Result<Id<ApprovalId>, Problem>,
    form: Result<StrictForm<Vec<(String, String)>>, Problem>,
) -> Result<Json<Value>, Problem> {
    let id = id?.0;
    let seen = edge.broker().approval(id).await?;
    let sent = sent(form?.0, seen.approval.statement.items.len())?;
    let challenge = edge.broker().decision_challenge(&known, id, sent.answers).await?;
    Ok(Json(you::request(&edge, &known, challenge.as_bytes())))
}

/// Ends an approval and its tokens.
pub(super) async fn end(
    Visitor(known): Visitor,
    State(edge): State<Edge>,
    id: Result<Id<ApprovalId>, Problem>,
) -> Result<Redirect, Trouble> {
    let id = id?.0;
    edge.broker().revoke(&known, id).await?;
    Ok(Redirect::to(&format!("/approvals/{id}")))
}

async fn page(
    edge: &Edge,
    known: &Known,
    seen: &Seen,
    sent: Sent,
    error: Option<String>,
) -> Result<Page<ApprovalPage>, Trouble> {
    let (approval, now) = (&seen.approval, edge.broker().now());
    let (statement, grant) = (&approval.statement, approval.grant());
    let history = edge.broker().history(approval).await?;
    let step = &statement.step;
    let limits = statement.limits;
    let bound = statement.bound.iter().map(|bound| {
        format!(
            "{} version {}, its credential version {}",
            bound.upstream_name, bound.upstream_version, bound.credential_version
        )
    });
    let observed = |step: &ObservedStep| format!("{} (process {})", step.executable, step.pid);
    Ok(Page(ApprovalPage {
        shell: Shell::of(known, "approvals"),
        id: statement.approval.to_string(),
        state: seen.state,
        digest: approval.digest().to_string(),
        agent: statement.agent.name.to_string(),
        agent_id: statement.agent.id.to_string(),
        run: statement.run.map(|run| run.to_string()),
        identity: statement.identity.to_string(),
        reason: statement.reason.to_string(),
        claimed: step.claimed.as_ref().map(|claimed| match &claimed.call {
            Some(call) => format!("{}: {call}", claimed.tool),
            None => claimed.tool.to_string(),
        }),
        observed: step.observed.as_ref().map(observed),
        refusal: step.refusal.map(|refusal| refusal.to_string()),
        items: items(seen, &history, &sent.typed),
        life: span(Duration::from_secs(limits.expires_in.into())),
        max_uses: limits.max_uses,
        max_tokens: limits.max_tokens,
        tokens: grant.map_or(0, |grant| grant.tokens_issued),
        uses: grant.map_or(0, |grant| grant.uses),
        required: statement.required_approvers,
        bound: bound.collect(),
        asked: Moment::of(statement.created_at, now),
        ends: Moment::of(statement.expires_at, now),
        history,
        decided: approval.decisions().iter().map(|decision| decided(decision, now)).collect(),
        may_decide: may_decide(known, seen),
        has_passkey: !edge.broker().passkeys_of(known.person.id).is_empty(),
        may_end: matches!(seen.state, "approved" | "spent")
            && (known.holds(Role::Reviewer) || known.holds(Role::Operator)),
        said: sent.answers.reason.unwrap_or_default(),
        error,
    }))
}

fn items(seen: &Seen, history: &History, typed: &[(usize, String)]) -> Vec<Asked> {
    let statement = &seen.approval.statement;
    let granted = seen.approval.grant().map(|grant| grant.items.as_slice()).unwrap_or_default();
    let asked = |(index, item): (usize, &ScopeItem)| Asked {
        words: ItemWords::of(item),
        held: history.held.get(index).copied().flatten().map(|id| id.to_string()),
        typed: typed.iter().find(|(number, _)| *number == index).map(|(_, text)| text.clone()),
        granted: granted.iter().find(|granted| subset(granted, item)).map(ItemWords::of),
    };
    statement.items.iter().enumerate().map(asked).collect()
}

/// What the page says ahead; the broker decides it when the form comes (I7).
fn may_decide(known: &Known, seen: &Seen) -> Result<(), &'static str> {
    let statement = &seen.approval.statement;
    if seen.state != "pending" {
        Err("")
    } else if !known.holds(Role::Reviewer) {
        Err("Deciding takes the role reviewer.")
    } else if statement.on_behalf_of == Some(known.person.id) {
        Err("The agent asks on your behalf; another person decides.")
    } else {
        Ok(())
    }
}

fn decided(decision: &Decision, now: Timestamp) -> Decided {
    Decided {
        name: decision.name.to_string(),
        at: Moment::of(decision.at, now),
        how: decision.authenticated_by.as_str(),
        granted: decision.items.iter().filter(|item| item.granted.is_some()).count(),
        reason: decision.reason.as_ref().map(ToString::to_string),
    }
}
