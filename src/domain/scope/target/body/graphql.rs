//! GraphQL requests over HTTP: what each operation of a document is, and what a request names by hash.
//!
//! Strict: a member that is not of the protocol, a document that does not parse as a whole, or one that defines types makes the
//! body something else, which no GraphQL rule allows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use apollo_parser::{Parser, cst};
use serde::Serialize;
use serde_json::{Map, Value};

use super::json::folded;

/// The most requests in one batch, tokens in one body's documents, and levels of selections.
const MAX_BATCH: usize = 64;
const MAX_TOKENS: usize = 20_000;
const MAX_DEPTH: usize = 64;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::domain::scope) enum OperationKind {
    Query,
    Mutation,
    Subscription,
}

/// One request: a document, the hash of one, or both.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::domain::scope) struct GraphqlRequest {
    pub(in crate::domain::scope) operations: Vec<Operation>,
    pub(in crate::domain::scope) persisted: Option<String>,
}

/// One operation of a document.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::domain::scope) struct Operation {
    pub(in crate::domain::scope) kind: OperationKind,
    pub(in crate::domain::scope) name: Option<String>,
    /// The fields of its root by their own names, also through fragments.
    pub(in crate::domain::scope) fields: BTreeSet<String>,
}

impl OperationKind {
    pub(in crate::domain::scope) fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "query" => Ok(Self::Query),
            "mutation" => Ok(Self::Mutation),
            "subscription" => Ok(Self::Subscription),
            _ => Err("name one of query, mutation, subscription"),
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Mutation => "mutation",
            Self::Subscription => "subscription",
        }
    }
}

impl fmt::Display for OperationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl GraphqlRequest {
    /// What may be shown of it: no hash, which an agent makes up.
    pub(super) fn shown(&self) -> impl Iterator<Item = &str> {
        let hash = self.persisted.as_ref().map(|_| "persisted");
        let operation = |one: &'_ Operation| one.kind.as_str();
        let operations = self.operations.iter().flat_map(move |one| {
            [Some(operation(one)), one.name.as_deref()]
                .into_iter()
                .flatten()
                .chain(one.fields.iter().map(String::as_str))
        });
        hash.into_iter().chain(operations)
    }
}

/// The requests of a body; `None` when it is anything else.
pub(super) fn requests(body: &Value) -> Option<Vec<GraphqlRequest>> {
    let mut tokens = MAX_TOKENS;
    match body {
        Value::Array(batch) if (1..=MAX_BATCH).contains(&batch.len()) => {
            batch.iter().map(|one| request(one, &mut tokens)).collect()
        }
        Value::Object(_) => Some(vec![request(body, &mut tokens)?]),
        _ => None,
    }
}

fn request(value: &Value, tokens: &mut usize) -> Option<GraphqlRequest> {
    let object = value.as_object()?;
    let known = ["query", "operationName", "variables", "extensions", "documentId"];
    if !object.keys().all(|name| known.contains(&name.as_str())) {
        return None;
    }
    let name = object.get("operationName").unwrap_or(&Value::Null);
    let variables = object.get("variables").unwrap_or(&Value::Null);
    if !(name.is_null() || name.is_string()) || !(variables.is_null() || variables.is_object()) {
        return None;
    }
    let operations = match object.get("query") {
        Some(Value::String(document)) => operations(document, tokens)?,
        Some(_) => return None,
        None => Vec::new(),
    };
    let persisted = persisted(object)?;
    if operations.is_empty() && persisted.is_none() {
        return None;
    }
    Some(GraphqlRequest { operations, persisted })
}

/// The hash that stands for a document, in either of the two places there are; `None` outside when there is something else there.
#[expect(clippy::option_option, reason = "unreadable and not there are two answers")]
fn persisted(object: &Map<String, Value>) -> Option<Option<String>> {
    let by_id = match object.get("documentId") {
        None => None,
        Some(id) => Some(id.as_str()?.to_owned()),
    };
    let by_hash = match object.get("extensions") {
        None | Some(Value::Null) => None,
        Some(extensions) => {
            let extensions = extensions.as_object()?;
            let meant = |name: &&String| folded(name) == "persistedquery";
            match extensions.keys().find(meant).map(|name| (name.as_str(), extensions.get(name))) {
                None => None,
                Some(("persistedQuery", Some(query))) => Some(query.get("sha256Hash")?.as_str()?.to_owned()),
                Some(_) => return None,
            }
        }
    };
    match (by_id, by_hash) {
        (Some(_), Some(_)) => None,
        (by_id, by_hash) => Some(by_id.or(by_hash)),
    }
}

/// All operations of a document.
fn operations(document: &str, tokens: &mut usize) -> Option<Vec<Operation>> {
    let tree = Parser::new(document).recursion_limit(MAX_DEPTH).token_limit(*tokens).parse();
    *tokens = tokens.saturating_sub(tree.token_limit().high);
    if tree.errors().next().is_some() {
        return None;
    }
    let (mut operations, mut fragments) = (Vec::new(), BTreeMap::new());
    for definition in tree.document().definitions() {
        match definition {
            cst::Definition::OperationDefinition(operation) => operations.push(operation),
            cst::Definition::FragmentDefinition(fragment) => {
                let name = fragment.fragment_name()?.name()?.text().to_string();
                // A second one of the same name would be another reading.
                if fragments.insert(name, fragment.selection_set()?).is_some() {
                    return None;
                }
            }
            _ => return None,
        }
    }
    let read = |operation: &cst::OperationDefinition| {
        let mut fields = Fields { fragments: &fragments, found: BTreeSet::new(), followed: BTreeSet::new() };
        fields.of(&operation.selection_set()?)?;
        let name = operation.name().map(|name| name.text().to_string());
        Some(Operation { kind: kind(operation)?, name, fields: fields.found })
    };
    let operations: Option<Vec<_>> = operations.iter().map(read).collect();
    operations.filter(|all| !all.is_empty())
}

/// `{ field }` alone is a query (GraphQL §2.3).
fn kind(operation: &cst::OperationDefinition) -> Option<OperationKind> {
    let Some(named) = operation.operation_type() else { return Some(OperationKind::Query) };
    let kinds = [
        named.query_token().map(|_| OperationKind::Query),
        named.mutation_token().map(|_| OperationKind::Mutation),
        named.subscription_token().map(|_| OperationKind::Subscription),
    ];
    kinds.into_iter().flatten().next()
}

/// The fields of one selection, while fragments are followed.
struct Fields<'a> {
    fragments: &'a BTreeMap<String, cst::SelectionSet>,
    found: BTreeSet<String>,
    followed: BTreeSet<String>,
}

impl Fields<'_> {
    /// `None` for a fragment that is not there.
    fn of(&mut self, selections: &cst::SelectionSet) -> Option<()> {
        let mut waiting = vec![selections.clone()];
        while let Some(set) = waiting.pop() {
            for selection in set.selections() {
                match selection {
                    cst::Selection::Field(field) => drop(self.found.insert(field.name()?.text().to_string())),
                    cst::Selection::InlineFragment(inline) => waiting.push(inline.selection_set()?),
                    cst::Selection::FragmentSpread(spread) => self.follow(&spread, &mut waiting)?,
                }
            }
        }
        (!self.found.is_empty()).then_some(())
    }

    /// Once is enough, also where fragments go in a circle.
    fn follow(&mut self, spread: &cst::FragmentSpread, waiting: &mut Vec<cst::SelectionSet>) -> Option<()> {
        let name = spread.fragment_name()?.name()?.text().to_string();
        let fragment = self.fragments.get(&name)?;
        if self.followed.insert(name) {
            waiting.push(fragment.clone());
        }
        Some(())
    }
}
