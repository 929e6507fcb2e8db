//! What a body says, made once from the bytes that are sent.
//!
//! Only a body that every reader takes for the same thing has facts: one kind that its type names, one encoding, one spelling of
//! what matters. What is decoded is decoded for judging; what is sent are the bytes that came.

mod fault;
mod form;
mod graphql;
mod json;
mod json_rpc;
mod push;

use std::fmt::{self, Write as _};
use std::io::Read as _;

use serde_json::Value;

pub use self::fault::BodyFault;
pub(in crate::domain::scope) use self::form::Form;
pub(in crate::domain::scope) use self::graphql::{GraphqlRequest, Operation, OperationKind};
pub(in crate::domain::scope) use self::json_rpc::{Call, TOOL_CALL};
pub(in crate::domain::scope) use self::push::is_ref_part;
pub use self::push::{Push, RefChange, RefUpdate};
use crate::domain::key::{KeyKind, looks_like};

/// The most names that are shown of one body.
const MAX_SHOWN: usize = 8;

/// How a body is labelled: each list is the values of all header fields of that name.
#[derive(Clone, Copy, Debug)]
pub struct Label<'a> {
    /// `Content-Type`.
    pub content_type: &'a [&'a [u8]],
    /// `Content-Encoding`.
    pub encoding: &'a [&'a [u8]],
}

/// What one body says. Its values never show.
#[derive(Clone, PartialEq, Eq)]
pub struct BodyFacts(Content);

/// By kind.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::domain::scope) enum Content {
    Json(Json),
    Form(Form),
    Push(Push),
}

/// A JSON body, and what else it is.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::domain::scope) struct Json {
    value: Value,
    graphql: Option<Vec<GraphqlRequest>>,
    calls: Option<Vec<Call>>,
}

enum Kind {
    Json,
    Form,
}

impl BodyFacts {
    /// Reads a body, at most `limit` bytes of it, encoded and decoded.
    ///
    /// # Errors
    /// The first reason found why it has not one reading.
    pub fn read(label: Label<'_>, body: &[u8], limit: usize) -> Result<Self, BodyFault> {
        if body.len() > limit {
            return Err(BodyFault::TooLong);
        }
        let kind = kind(label.content_type)?;
        let unpacked = unpacked(label.encoding, body, limit)?;
        let bytes = unpacked.as_deref().unwrap_or(body);
        let text = std::str::from_utf8(bytes).map_err(|_| BodyFault::Utf8)?;
        match kind {
            Kind::Form => Form::read(text).map(Content::Form).map(Self),
            Kind::Json => {
                let value = json::read(text)?;
                let (graphql, calls) = (graphql::requests(&value), json_rpc::calls(&value));
                Ok(Self(Content::Json(Json { value, graphql, calls })))
            }
        }
    }

    /// What a push says before its pack.
    #[must_use]
    pub const fn push(push: Push) -> Self {
        Self(Content::Push(push))
    }

    pub(in crate::domain::scope) const fn content(&self) -> &Content {
        &self.0
    }

    /// The kind and the names in it, bounded and plain; no values. For the ledger, where it stands beside the target.
    #[must_use]
    pub fn summary(&self) -> String {
        let (kind, names): (_, Vec<&str>) = match &self.0 {
            Content::Push(push) => ("git", push.shown().collect()),
            Content::Form(form) => ("form", form.pairs().map(|(name, _)| name).collect()),
            Content::Json(Json { graphql: Some(requests), .. }) => {
                ("graphql", requests.iter().flat_map(GraphqlRequest::shown).collect())
            }
            Content::Json(Json { calls: Some(calls), .. }) => {
                ("json_rpc", calls.iter().flat_map(Call::shown).collect())
            }
            Content::Json(Json { value, .. }) => (
                "json",
                value.as_object().into_iter().flat_map(|fields| fields.keys().map(String::as_str)).collect(),
            ),
        };
        // A branch is often named in a sentence, and its name is what a push is judged by.
        let longest = if kind == "git" { 256 } else { 48 };
        let mut shown = format!("[{kind}");
        for name in names.iter().take(MAX_SHOWN) {
            shown.push(' ');
            shown.push_str(if is_plain(name, longest) { name } else { "***" });
        }
        if names.len() > MAX_SHOWN {
            let _ = write!(shown, " +{}", names.len() - MAX_SHOWN);
        }
        shown.push(']');
        shown
    }
}

impl Json {
    pub(in crate::domain::scope) const fn value(&self) -> &Value {
        &self.value
    }

    /// The GraphQL requests this is, if it is nothing else.
    pub(in crate::domain::scope) fn graphql(&self) -> Option<&[GraphqlRequest]> {
        self.graphql.as_deref()
    }

    /// The JSON-RPC calls this is, if it is nothing else.
    pub(in crate::domain::scope) fn calls(&self) -> Option<&[Call]> {
        self.calls.as_deref()
    }
}

impl fmt::Debug for BodyFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BodyFacts({})", self.summary())
    }
}

/// A name as code has it, and none of what Exeat hands out (I11).
fn is_plain(name: &str, longest: usize) -> bool {
    let ours = [KeyKind::Agent, KeyKind::Review, KeyKind::Placeholder];
    (1..=longest).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./:".contains(&b))
        && !name.starts_with("eyJ")
        && !ours.iter().any(|kind| looks_like(*kind, name))
}

fn kind(values: &[&[u8]]) -> Result<Kind, BodyFault> {
    let [value] = values else { return Err(BodyFault::Type) };
    let value = std::str::from_utf8(value).map_err(|_| BodyFault::Type)?.to_ascii_lowercase();
    let (essence, parameters) = value.split_once(';').map_or((value.as_str(), None), |(a, b)| (a, Some(b)));
    let essence = essence.trim_matches([' ', '\t']);
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/+.-_".contains(&b);
    let suffixed = essence.ends_with("+json") && essence.starts_with("application/");
    let kind = match essence {
        "application/json" => Kind::Json,
        "application/x-www-form-urlencoded" => Kind::Form,
        _ if suffixed && essence.bytes().all(plain) => Kind::Json,
        _ => return Err(BodyFault::Type),
    };
    if parameters
        .is_some_and(|text| !matches!(text.trim_matches([' ', '\t']), "charset=utf-8" | "charset=\"utf-8\""))
    {
        return Err(BodyFault::TypeParameter);
    }
    Ok(kind)
}

fn unpacked(encoding: &[&[u8]], body: &[u8], limit: usize) -> Result<Option<Vec<u8>>, BodyFault> {
    match encoding {
        [] => Ok(None),
        [only] if only.eq_ignore_ascii_case(b"gzip") => gunzip(body, limit).map(Some),
        _ => Err(BodyFault::Encoding),
    }
}

/// One member, with nothing after it: readers differ in what they do with more.
fn gunzip(body: &[u8], limit: usize) -> Result<Vec<u8>, BodyFault> {
    let mut decoder = flate2::bufread::GzDecoder::new(body);
    let mut unpacked = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder.by_ref().take(most).read_to_end(&mut unpacked).map_err(|_| BodyFault::Gzip)?;
    if unpacked.len() > limit {
        return Err(BodyFault::TooLong);
    }
    if decoder.into_inner().is_empty() { Ok(unpacked) } else { Err(BodyFault::Gzip) }
}

#[cfg(test)]
mod tests;
