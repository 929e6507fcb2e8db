//! Domain values as they go out.

use serde::Serialize;
use serde_json::Value;

use super::state::Edge;
use super::wire::{AgentView, LayerView, PersonView, UpstreamView};
use super::wire::{AnswerView, ApprovalReview, ApprovalView, DecisionView, FileView, LimitsView};
use crate::domain::approval::{Approval, Decision};
use crate::domain::layer::Layer;
use crate::domain::principal::{Agent, Person};
use crate::domain::upstream::Upstream;
use crate::domain::widening::FileGrant;

/// An approval as its asker sees it now.
pub(super) fn approval(edge: &Edge, approval: &Approval) -> ApprovalView {
    let (statement, grant) = (&approval.statement, approval.grant());
    let limits = statement.limits;
    ApprovalView {
        id: statement.approval,
        state: approval.state_name(edge.broker().now()).to_owned(),
        statement_digest: approval.digest(),
        review_url: edge.review_link(statement.approval),
        created_at: statement.created_at,
        expires_at: statement.expires_at,
        identity: statement.identity.clone(),
        items: statement.items.iter().map(json).collect(),
        granted: grant.map(|grant| grant.items.iter().map(json).collect()),
        files: edge.broker().files_of(approval).into_iter().map(file).collect(),
        limits: LimitsView {
            expires_in: limits.expires_in,
            max_uses: limits.max_uses,
            max_tokens: limits.max_tokens,
        },
        tokens_issued: grant.map_or(0, |grant| grant.tokens_issued),
        uses: grant.map_or(0, |grant| grant.uses),
        decisions: approval.decisions().iter().map(decision).collect(),
    }
}

fn file(grant: FileGrant) -> FileView {
    FileView { item: json(&grant.item), widened: grant.widened }
}

/// An approval as people see it now.
pub(super) fn review(edge: &Edge, seen: &Approval) -> ApprovalReview {
    ApprovalReview { approval: approval(edge, seen), statement: json(&seen.statement) }
}

/// An agent, without its key.
pub(super) fn agent(agent: &Agent) -> AgentView {
    AgentView {
        id: agent.id,
        name: agent.name.clone(),
        identities: agent.identities.clone(),
        upstreams: agent.upstreams.clone(),
        on_behalf_of: agent.on_behalf_of,
        enrolled_by: agent.enrolled_by,
        expires_at: agent.expires_at,
        removed_at: agent.removed_at,
    }
}

/// A layer, without its key.
pub(super) fn layer(layer: &Layer) -> LayerView {
    LayerView {
        id: layer.id,
        name: layer.name.clone(),
        form: layer.form,
        upstreams: layer.upstreams.clone(),
        agents: layer.agents.clone(),
        inject: layer.inject,
        enrolled_by: layer.enrolled_by,
        expires_at: layer.expires_at,
        removed_at: layer.removed_at,
    }
}

/// A person, without their key.
pub(super) fn person(person: &Person) -> PersonView {
    PersonView {
        person: person.id,
        name: person.name.clone(),
        roles: person.roles.clone(),
        removed_at: person.removed_at,
    }
}

/// An upstream.
pub(super) fn upstream(upstream: &Upstream) -> UpstreamView {
    UpstreamView {
        id: upstream.id,
        name: upstream.name.clone(),
        version: upstream.version,
        origins: upstream.origins.clone(),
        slot: upstream.slot.clone(),
        ca_pem: upstream.ca_pem.clone(),
        client_certificate: upstream.client_certificate.clone(),
        allow_addresses: upstream.allow_addresses.clone(),
        cookies: upstream.cookies,
    }
}

/// A domain value as JSON. Domain values hold only strings, numbers, lists and objects with text keys: nothing that can fail.
pub(super) fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn decision(decision: &Decision) -> DecisionView {
    let answer = |item: &crate::domain::approval::ItemDecision| AnswerView {
        index: item.index,
        decision: item.verdict,
        granted: item.granted.as_ref().map(json),
    };
    DecisionView {
        person: decision.person,
        name: decision.name.clone(),
        at: decision.at,
        authenticated_by: decision.authenticated_by,
        statement_digest: decision.statement_digest,
        items: decision.items.iter().map(answer).collect(),
        reason: decision.reason.clone(),
    }
}
