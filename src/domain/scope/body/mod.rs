//! What a request's body may say, when an `http` item limits it.
//!
//! One kind of body, and what must hold in it. A rule judges facts ([`BodyFacts`]) that were made once from the bytes that
//! are sent; without them, as for a request without a body, it allows nothing (C10).

mod graphql;
mod json;
mod json_rpc;
mod names;

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use self::graphql::GraphqlRule;
use self::json::JsonRule;
use self::json_rpc::JsonRpcRule;
use super::error::ScopeError;
use super::fields::Fields;
use super::query::QueryRule;
use super::target::{BodyFacts, Content};

/// The rule: of one kind, closed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum BodyRule {
    /// A JSON document that holds these values at these pointers.
    Json(JsonRule),
    /// GraphQL requests.
    Graphql(GraphqlRule),
    /// JSON-RPC calls, MCP among them.
    JsonRpc(JsonRpcRule),
    /// A form with these fields only, each as it is sent; `{}` allows the empty one.
    Form(QueryRule),
}

impl BodyRule {
    pub(super) fn parse(value: &Value, pointer: &str) -> Result<Self, ScopeError> {
        let mut fields = Fields::of(value, pointer)?;
        let (json, graphql) = (fields.optional("json"), fields.optional("graphql"));
        let (json_rpc, form) = (fields.optional("json_rpc"), fields.optional("form"));
        fields.finish()?;
        match (json, graphql, json_rpc, form) {
            (Some((value, at)), None, None, None) => JsonRule::parse(value, &at).map(Self::Json),
            (None, Some((value, at)), None, None) => GraphqlRule::parse(value, &at).map(Self::Graphql),
            (None, None, Some((value, at)), None) => JsonRpcRule::parse(value, &at).map(Self::JsonRpc),
            (None, None, None, Some((value, at))) => QueryRule::parse(value, &at).map(Self::Form),
            _ => Err(ScopeError::new(pointer, "name exactly one of json, graphql, json_rpc, form")),
        }
    }

    /// Refuses a query beside which the body would not be the whole of it: some servers read a GraphQL request from either.
    pub(super) fn beside(&self, query: &QueryRule) -> Result<(), ScopeError> {
        let elsewhere = |name: &str| {
            ["query", "operationName", "variables", "extensions", "documentId", "id"]
                .iter()
                .any(|known| name.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known)))
        };
        if matches!(self, Self::Graphql(_)) && query.names().any(elsewhere) {
            let remedy = "leave parameters out that a GraphQL server reads in place of the body";
            return Err(ScopeError::new("/query", remedy));
        }
        Ok(())
    }

    /// Whether this is what the body says. No facts, no.
    pub(super) fn allows(&self, facts: Option<&BodyFacts>) -> bool {
        match (self, facts.map(BodyFacts::content)) {
            (Self::Json(rule), Some(Content::Json(json))) => rule.allows(json.value()),
            (Self::Graphql(rule), Some(Content::Json(json))) => {
                json.graphql().is_some_and(|requests| rule.allows(requests))
            }
            (Self::JsonRpc(rule), Some(Content::Json(json))) => {
                json.calls().is_some_and(|calls| rule.allows(calls))
            }
            (Self::Form(rule), Some(Content::Form(form))) => rule.allows(form.pairs()),
            _ => false,
        }
    }

    pub(super) fn within(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Json(a), Self::Json(b)) => a.within(b),
            (Self::Graphql(a), Self::Graphql(b)) => a.within(b),
            (Self::JsonRpc(a), Self::JsonRpc(b)) => a.within(b),
            (Self::Form(a), Self::Form(b)) => a.within(b),
            _ => false,
        }
    }

    /// The first fact that this rule misses, in a few plain words without values. `None` when it misses none.
    pub(super) fn lacks(&self, facts: Option<&BodyFacts>) -> Option<String> {
        if self.allows(facts) {
            return None;
        }
        let kind = match self {
            Self::Json(_) => "json",
            Self::Graphql(_) => "graphql",
            Self::JsonRpc(_) => "json_rpc",
            Self::Form(_) => "form",
        };
        let fact = match (self, facts.map(BodyFacts::content)) {
            (Self::Json(rule), Some(Content::Json(json))) => rule.lacks(json.value()),
            (Self::Graphql(rule), Some(Content::Json(json))) => {
                json.graphql().and_then(|requests| rule.lacks(requests))
            }
            (Self::JsonRpc(rule), Some(Content::Json(json))) => {
                json.calls().and_then(|calls| rule.lacks(calls))
            }
            (Self::Form(_), Some(Content::Form(_))) => Some("a field or its value".to_owned()),
            (_, None) => Some("a body".to_owned()),
            _ => None,
        };
        Some(
            fact.map_or_else(|| format!("{kind}: not a body of this kind"), |fact| format!("{kind}: {fact}")),
        )
    }

    /// The rule as JSON that says of these facts what this rule says of others. `None` when none can.
    pub(super) fn covering(&self, facts: &BodyFacts) -> Option<Value> {
        match (self, facts.content()) {
            (Self::Json(rule), Content::Json(json)) => {
                Some(serde_json::json!({ "json": rule.covering(json.value())? }))
            }
            (Self::Graphql(rule), Content::Json(json)) => {
                Some(serde_json::json!({ "graphql": rule.covering(json.graphql()?) }))
            }
            (Self::JsonRpc(_), Content::Json(json)) => {
                Some(serde_json::json!({ "json_rpc": JsonRpcRule::covering(json.calls()?) }))
            }
            (Self::Form(_), Content::Form(form)) => Some(serde_json::json!({ "form": form.listed() })),
            _ => None,
        }
    }
}

impl fmt::Display for BodyRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(rule) => write!(f, "json({rule})"),
            Self::Graphql(rule) => write!(f, "graphql({rule})"),
            Self::JsonRpc(rule) => write!(f, "json_rpc({rule})"),
            Self::Form(rule) if rule.is_none() => f.write_str("form(no fields)"),
            Self::Form(rule) => write!(f, "form({rule})"),
        }
    }
}
