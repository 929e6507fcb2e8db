//! The scope language: what may be done, one item per control plane (design §5).
//!
//! A [`ScopeItem`] is parsed once, strictly, into its canonical form; a [`Target`] is one concrete use in the form in
//! which it is sent. [`ScopeItem::allows`] judges a target, [`subset`] compares two items. Both are total, and say no
//! where they cannot prove a yes. Nothing here reads a clock, a store or the network, and nothing repairs its input.

mod body;
mod error;
mod fields;
mod filesystem;
pub(in crate::domain) mod git;
mod host;
mod http;
mod method;
mod network;
mod path;
mod percent;
mod query;
mod strict;
pub mod target;
mod weight;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

pub use self::error::ScopeError;
pub use self::filesystem::{Access, FilesystemItem};
pub use self::git::GitItem;
pub use self::host::{Host, InvalidHost};
pub use self::http::HttpItem;
pub use self::method::{Method, UnknownMethod};
pub use self::network::NetworkItem;
pub use self::target::{
    Ambiguity, BodyFacts, BodyFault, FilesystemTarget, HttpTarget, Label, NetworkTarget, Push, RefChange,
    RefUpdate, Target,
};

pub use self::weight::Weight;

use self::fields::Fields;
use crate::domain::identity::Identity;
use crate::domain::name::Name;

/// The longest JSON text of one item, in bytes.
pub const MAX_ITEM_BYTES: usize = 64 * 1024;

/// One thing that may be done, in one plane; an `authorization_details` member (RFC 9396 §2).
///
/// The set of types is closed. Two items that mean the same by [`subset`] in both directions are equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ScopeItem {
    /// Requests to an upstream that carry a credential.
    Http(HttpItem),
    /// Fetching from and pushing to repositories of an upstream, with a credential.
    Git(GitItem),
    /// Connections to hosts.
    Network(NetworkItem),
    /// Files that may be read or written.
    Filesystem(FilesystemItem),
}

/// A control plane. Each is granted, decided, enforced and logged separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Plane {
    /// What the agent can see or change.
    Filesystem,
    /// What the agent can reach.
    Network,
    /// What the agent can do on behalf of people or systems.
    Secrets,
}

impl ScopeItem {
    /// Reads an item and brings it into canonical form.
    ///
    /// # Errors
    /// Anything this version does not know or cannot read in exactly one way, named by JSON pointer.
    pub fn parse(value: &Value) -> Result<Self, ScopeError> {
        let mut fields = Fields::of(value, "")?;
        let item = match fields.text("type")? {
            "http" => Self::Http(HttpItem::read(&mut fields)?),
            "git" => Self::Git(GitItem::read(&mut fields)?),
            "network" => Self::Network(NetworkItem::read(&mut fields)?),
            "filesystem" => Self::Filesystem(FilesystemItem::read(&mut fields)?),
            _ => return Err(ScopeError::new("/type", "name one of http, git, network, filesystem")),
        };
        fields.finish()?;
        Ok(item)
    }

    /// Reads an item from JSON text; a repeated name is refused, which [`ScopeItem::parse`] can no longer see.
    ///
    /// # Errors
    /// As [`ScopeItem::parse`], and text that is too long or not one JSON object.
    pub fn from_json(text: &[u8]) -> Result<Self, ScopeError> {
        if text.len() > MAX_ITEM_BYTES {
            return Err(ScopeError::new("", "shorten the item to 64 KiB"));
        }
        Self::parse(&strict::value(text)?)
    }

    /// The plane in which the item is enforced.
    #[must_use]
    pub const fn plane(&self) -> Plane {
        match self {
            Self::Http(_) | Self::Git(_) => Plane::Secrets,
            Self::Network(_) => Plane::Network,
            Self::Filesystem(_) => Plane::Filesystem,
        }
    }

    /// The upstream whose credential the item is about; only secrets items have one.
    #[must_use]
    pub const fn upstream(&self) -> Option<&Name> {
        match self {
            Self::Http(item) => Some(item.upstream()),
            Self::Git(item) => Some(item.upstream()),
            Self::Network(_) | Self::Filesystem(_) => None,
        }
    }

    /// The acting identity, once chosen; only secrets items have one.
    #[must_use]
    pub const fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Http(item) => item.identity(),
            Self::Git(item) => item.identity(),
            Self::Network(_) | Self::Filesystem(_) => None,
        }
    }

    /// The same item with its acting identity filled in; items of other planes have none and stay as they are.
    ///
    /// # Errors
    /// The item already names a different identity.
    pub fn with_identity(self, identity: &Identity) -> Result<Self, ScopeError> {
        match self {
            Self::Http(item) => item.with_identity(identity).map(Self::Http),
            Self::Git(item) => item.with_identity(identity).map(Self::Git),
            other => Ok(other),
        }
    }

    /// Whether the item allows this one use. Who acts is not part of a target and is judged by the caller.
    #[must_use]
    pub fn allows(&self, target: &Target) -> bool {
        match (self, target) {
            (item, Target::Http(target)) => item.allows_request(target),
            (Self::Network(item), Target::Network(target)) => item.allows(target),
            (Self::Filesystem(item), Target::Filesystem(target)) => item.allows(target),
            _ => false,
        }
    }

    /// Whether the item allows this request.
    pub(in crate::domain) fn allows_request(&self, target: &HttpTarget) -> bool {
        match self {
            Self::Http(item) => item.allows(target),
            Self::Git(item) => item.allows(target),
            Self::Network(_) | Self::Filesystem(_) => false,
        }
    }

    /// Whether it says something about bodies, and would allow this request if its body were the right one.
    pub(in crate::domain) fn may_allow(&self, target: &HttpTarget) -> bool {
        match self {
            Self::Http(item) => item.judges_body() && item.allows_but_for_body(target),
            Self::Git(item) => target.is_git_push() && item.allows_but_for_body(target),
            Self::Network(_) | Self::Filesystem(_) => false,
        }
    }

    /// Whether it says something about bodies.
    pub(in crate::domain) fn judges_body(&self) -> bool {
        matches!(self, Self::Git(_)) || matches!(self, Self::Http(item) if item.judges_body())
    }

    /// What the body of the target lacks for this item, in plain words.
    #[must_use]
    pub fn body_lacks(&self, target: &HttpTarget) -> Option<String> {
        match self {
            Self::Http(item) => item.body_lacks(target),
            Self::Git(item) => item.lacks(target),
            Self::Network(_) | Self::Filesystem(_) => None,
        }
    }
}

/// Whether everything `a` allows, `b` allows too, for the same identity (I3).
///
/// Total and syntactic: `false` where it cannot be proven member by member. Items of different types are never subsets.
#[must_use]
pub fn subset(a: &ScopeItem, b: &ScopeItem) -> bool {
    match (a, b) {
        (ScopeItem::Http(a), ScopeItem::Http(b)) => a.within(b),
        (ScopeItem::Git(a), ScopeItem::Git(b)) => a.within(b),
        (ScopeItem::Network(a), ScopeItem::Network(b)) => a.within(b),
        (ScopeItem::Filesystem(a), ScopeItem::Filesystem(b)) => a.within(b),
        _ => false,
    }
}

/// The index of the first granted item that contains the asked one as a whole.
#[must_use]
pub fn covers(granted: &[ScopeItem], asked: &ScopeItem) -> Option<usize> {
    granted.iter().position(|item| subset(asked, item))
}

/// One line for tables. Inert wherever it is shown, and no two items show alike.
impl fmt::Display for ScopeItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(item) => item.fmt(f),
            Self::Git(item) => item.fmt(f),
            Self::Network(item) => item.fmt(f),
            Self::Filesystem(item) => item.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for ScopeItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = strict::deserialize(deserializer)?;
        Self::parse(&value).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Plane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Filesystem => "filesystem",
            Self::Network => "network",
            Self::Secrets => "secrets",
        })
    }
}
