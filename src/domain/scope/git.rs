//! Git items: which repositories of one upstream may be fetched from or pushed to over smart HTTP, and which refs a push may change.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::error::ScopeError;
use super::fields::Fields;
use super::filesystem::Access;
use super::http::{PathPattern, chosen, whose};
use super::path::{Segments, canonical};
use super::target::{BodyFacts, Content, HttpTarget, RefUpdate, Service, is_ref_part};
use crate::domain::identity::Identity;
use crate::domain::name::Name;

/// Fetching from, or pushing to, repositories of one upstream with its credential for one acting identity.
///
/// `write` does not bring `read` with it: each is asked for, and logged, by itself. Every ref update of a push has to be allowed, or none
/// of it is sent. That an update rewrites history cannot be told from what is sent, so `refs` allow that too.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct GitItem {
    upstream: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<Identity>,
    repositories: Vec<PathPattern>,
    access: Access,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refs: Vec<RefPattern>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    delete: bool,
}

/// `refs/` and what follows, by segments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct RefPattern(Segments);

impl GitItem {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, ScopeError> {
        let (upstream, identity) = whose(fields)?;
        let repositories = fields.list("repositories", PathPattern::parse)?;
        let access = Access::read(fields)?;
        let (refs, delete) = match access {
            Access::Read => (Vec::new(), false),
            Access::Write => {
                let delete = fields.optional("delete").map(boolean).transpose()?;
                (fields.list("refs", RefPattern::parse)?, delete.unwrap_or(false))
            }
        };
        Ok(Self {
            upstream,
            identity,
            repositories: canonical(repositories, PathPattern::within),
            access,
            refs: canonical(refs, |a, b| a.0.within(&b.0)),
            delete,
        })
    }

    /// The upstream whose credential is used.
    #[must_use]
    pub const fn upstream(&self) -> &Name {
        &self.upstream
    }

    /// Whom the upstream will see, once chosen.
    #[must_use]
    pub const fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Fetching or pushing.
    #[must_use]
    pub const fn access(&self) -> Access {
        self.access
    }

    pub(super) fn with_identity(self, identity: &Identity) -> Result<Self, ScopeError> {
        Ok(Self { identity: Some(chosen(self.identity.as_ref(), identity)?), ..self })
    }

    pub(in crate::domain) fn allows(&self, target: &HttpTarget) -> bool {
        self.allows_but_for_body(target) && self.lacks(target).is_none()
    }

    /// Whether the item allows the target, or would if it changed other refs.
    pub(in crate::domain) fn allows_but_for_body(&self, target: &HttpTarget) -> bool {
        let Some(git) = target.git() else { return false };
        let access = if git.service == Service::UploadPack { Access::Read } else { Access::Write };
        self.upstream == *target.upstream()
            && self.access == access
            && self.repositories.iter().any(|pattern| pattern.allow(git.repository()))
    }

    /// What stands in the way of a push, in plain words.
    pub(in crate::domain) fn lacks(&self, target: &HttpTarget) -> Option<String> {
        if !target.is_git_push() {
            return None;
        }
        let Some(updates) = target.body().and_then(updates) else { return Some("git: a push".to_owned()) };
        let refused = updates.iter().find(|update| !self.allows_update(update))?;
        Some(format!("git: to {} {}", refused.change, refused.shown()))
    }

    fn allows_update(&self, update: &RefUpdate) -> bool {
        (self.delete || !update.change.deletes())
            && self.refs.iter().any(|pattern| pattern.0.allow(update.name.split('/')))
    }

    pub(super) fn within(&self, other: &Self) -> bool {
        let repositories =
            || self.repositories.iter().all(|a| other.repositories.iter().any(|b| a.within(b)));
        let refs = || self.refs.iter().all(|a| other.refs.iter().any(|b| a.0.within(&b.0)));
        self.upstream == other.upstream
            && self.identity == other.identity
            && self.access == other.access
            && (!self.delete || other.delete)
            && repositories()
            && refs()
    }
}

/// The smallest item that would allow this request of git's: of a push the refs that it changes, or, as long as they are not known, those
/// below `refs/heads/agent/`. `None` for other requests.
pub(in crate::domain) fn covering(target: &HttpTarget) -> Option<Value> {
    let git = target.git()?;
    let item = |more: Value| {
        let common =
            json!({"type": "git", "upstream": target.upstream().as_str(), "repositories": [git.path()]});
        let members = [common, more].into_iter().filter_map(|part| part.as_object().cloned());
        Value::Object(members.flatten().collect())
    };
    if git.service == Service::UploadPack {
        return Some(item(json!({"access": "read"})));
    }
    let updates = target.body().and_then(updates).unwrap_or_default();
    let mut refs: Vec<&str> = updates.iter().map(|update| update.name.as_str()).collect();
    if refs.is_empty() {
        refs.push("refs/heads/agent/*");
    }
    let delete = updates.iter().any(|update| update.change.deletes());
    Some(item(if delete {
        json!({"access": "write", "refs": refs, "delete": true})
    } else {
        json!({"access": "write", "refs": refs})
    }))
}

fn updates(facts: &BodyFacts) -> Option<&[RefUpdate]> {
    match facts.content() {
        Content::Push(push) => Some(push.updates()),
        Content::Json(_) | Content::Form(_) => None,
    }
}

fn boolean((value, pointer): (&Value, String)) -> Result<bool, ScopeError> {
    value.as_bool().ok_or_else(|| ScopeError::new(pointer, "say true or false"))
}

impl RefPattern {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > 256 {
            return Err("shorten the pattern to 256 bytes");
        }
        if !text.starts_with("refs/") {
            return Err("begin with refs/, as in refs/heads/agent/*");
        }
        let remedy =
            "write each part as git allows it in a ref's name (git-check-ref-format(1)), visible and plain";
        Segments::parse(text, |part| if is_ref_part(part) { Ok(()) } else { Err(remedy) }).map(Self)
    }
}

impl Serialize for RefPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl fmt::Display for GitItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let repositories: Vec<_> = self.repositories.iter().map(ToString::to_string).collect();
        write!(f, "git {} {} {}", self.upstream, self.access, repositories.join(" "))?;
        self.refs.iter().try_for_each(|pattern| write!(f, " {}", pattern.0))?;
        if self.delete {
            f.write_str(", deleting too")?;
        }
        self.identity.iter().try_for_each(|identity| write!(f, " as {identity}"))
    }
}
