//! GraphQL bodies by kind of operation, name of operation and root field.
//!
//! Every operation of every document has to be allowed, whichever one `operationName` would pick, and every request of a batch.
//! Fields are those of the operation's root, also through fragments, by their own name and never by an alias. A request by hash
//! is allowed only where the hash is listed: nobody here knows the document.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use super::names::{Names, graphql_names, plain_names, shown, within};
use crate::domain::scope::error::ScopeError;
use crate::domain::scope::fields::Fields;
use crate::domain::scope::target::{GraphqlRequest, Operation, OperationKind};

/// What documents may hold, and which may be named by hash.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(in crate::domain::scope) struct GraphqlRule {
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    operations: BTreeSet<OperationKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Names>,
    #[serde(skip_serializing_if = "Option::is_none")]
    names: Option<Names>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    persisted: Names,
}

impl GraphqlRule {
    pub(super) fn parse(value: &Value, pointer: &str) -> Result<Self, ScopeError> {
        let mut read = Fields::of(value, pointer)?;
        let persisted = read.optional("persisted").map(plain_names).transpose()?;
        let (fields, names) = (read.optional("fields"), read.optional("names"));
        let limited = fields.is_some() || names.is_some();
        let operations = if limited || persisted.is_none() || value.get("operations").is_some() {
            read.list("operations", OperationKind::parse)?
        } else {
            Vec::new()
        };
        read.finish()?;
        Ok(Self {
            operations: operations.into_iter().collect(),
            fields: fields.map(graphql_names).transpose()?,
            names: names.map(graphql_names).transpose()?,
            persisted: persisted.unwrap_or_default(),
        })
    }

    pub(super) fn allows(&self, requests: &[GraphqlRequest]) -> bool {
        self.lacks(requests).is_none()
    }

    pub(super) fn within(&self, other: &Self) -> bool {
        // Without operations there are no documents that fields or names could be of.
        let documents = self.operations.is_empty()
            || self.operations.is_subset(&other.operations)
                && within(self.fields.as_ref(), other.fields.as_ref())
                && within(self.names.as_ref(), other.names.as_ref());
        documents && self.persisted.is_subset(&other.persisted)
    }

    pub(super) fn lacks(&self, requests: &[GraphqlRequest]) -> Option<String> {
        requests.iter().find_map(|request| {
            let hash = request.persisted.as_ref().filter(|hash| !self.persisted.contains(*hash));
            if hash.is_some() {
                return Some("a persisted query".to_owned());
            }
            request.operations.iter().find_map(|operation| self.lacks_of(operation))
        })
    }

    fn lacks_of(&self, operation: &Operation) -> Option<String> {
        if !self.operations.contains(&operation.kind) {
            return Some(format!("the operation {}", operation.kind));
        }
        let unlisted = |names: &Names, name: &String| !names.contains(name);
        match (&self.names, &operation.name) {
            (Some(_), None) => return Some("an operation without a name".to_owned()),
            (Some(names), Some(name)) if unlisted(names, name) => {
                return Some("the name of the operation".to_owned());
            }
            _ => {}
        }
        let fields = self.fields.as_ref()?;
        let field = operation.fields.iter().find(|field| unlisted(fields, field))?;
        Some(format!("the field {}", field.chars().take(64).collect::<String>()))
    }

    /// What these requests are, in the members that this rule has.
    pub(super) fn covering(&self, requests: &[GraphqlRequest]) -> Value {
        let operations = || requests.iter().flat_map(|request| &request.operations);
        let kinds: BTreeSet<_> = operations().map(|operation| operation.kind).collect();
        let persisted: BTreeSet<_> =
            requests.iter().filter_map(|request| request.persisted.as_ref()).collect();
        let (mut fields, mut names) = (None, None);
        if self.fields.is_some() || self.operations.is_empty() {
            fields = Some(operations().flat_map(|one| &one.fields).collect::<BTreeSet<_>>());
        }
        if self.names.is_some() && operations().all(|operation| operation.name.is_some()) {
            names = Some(operations().filter_map(|one| one.name.as_ref()).collect::<BTreeSet<_>>());
        }
        let members = [
            (!kinds.is_empty()).then(|| ("operations", json!(kinds))),
            fields.filter(|list| !list.is_empty()).map(|list| ("fields", json!(list))),
            names.filter(|list| !list.is_empty()).map(|list| ("names", json!(list))),
            (!persisted.is_empty()).then(|| ("persisted", json!(persisted))),
        ];
        members.into_iter().flatten().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl fmt::Display for GraphqlRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.operations.iter().map(ToString::to_string).collect();
        let mut parts = Vec::new();
        if !kinds.is_empty() {
            parts.push(kinds.join(" or "));
        }
        parts.extend(self.fields.as_ref().map(|fields| format!("root fields {}", shown(fields))));
        parts.extend(self.names.as_ref().map(|names| format!("named {}", shown(names))));
        if !self.persisted.is_empty() {
            parts.push(format!("persisted {}", shown(&self.persisted)));
        }
        f.write_str(&parts.join(", "))
    }
}
