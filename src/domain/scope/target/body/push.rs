//! The ref updates of a push (gitprotocol-pack(5), "Reference Update Request"): everything before the pack, which is not read.

use std::collections::BTreeSet;
use std::fmt;

use gix_packetline::PacketLineRef;
use gix_packetline::decode::{Stream, streaming};

use super::BodyFault;
use crate::domain::inert::Inert;

/// The most updates in one push.
const MAX_UPDATES: usize = 256;
/// What a client may ask for that says more than which refs change.
const OPTIONS: &str = "push-options";

/// A push, up to its pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    updates: Vec<RefUpdate>,
    capabilities: String,
}

/// One ref that a push changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefUpdate {
    /// Its name, such as `refs/heads/main`.
    pub name: String,
    /// What becomes of it.
    pub change: RefChange,
}

/// What becomes of a ref. Whether an update keeps what was there cannot be told from what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the changes")]
pub enum RefChange {
    Create,
    Update,
    Delete,
}

impl Push {
    /// Reads the beginning of a body. `None` when more is needed.
    ///
    /// # Errors
    /// When it is not one that can be judged.
    pub fn read(begun: &[u8]) -> Result<Option<Self>, BodyFault> {
        let mut push = Self { updates: Vec::new(), capabilities: String::new() };
        let (mut rest, mut names, mut is_first) = (begun, BTreeSet::new(), true);
        loop {
            let (line, consumed) = match streaming(rest).map_err(|_| BodyFault::Push)? {
                Stream::Complete { line, bytes_consumed } => (line, bytes_consumed),
                Stream::Incomplete { .. } => return Ok(None),
            };
            let line = match line {
                PacketLineRef::Flush => return Ok(Some(push)),
                PacketLineRef::Data(line) => std::str::from_utf8(line).map_err(|_| BodyFault::Push)?,
                PacketLineRef::Delimiter | PacketLineRef::ResponseEnd => return Err(BodyFault::Push),
            };
            rest = rest.get(consumed..).unwrap_or_default();
            // What a shallow clone tells of itself changes no ref.
            if let Some(known) = line.strip_prefix("shallow ") {
                is_object(known.strip_suffix('\n').unwrap_or(known)).then_some(()).ok_or(BodyFault::Push)?;
                continue;
            }
            let update = if is_first { push.first(line)? } else { line };
            is_first = false;
            let update = RefUpdate::read(update.strip_suffix('\n').unwrap_or(update))?;
            if push.updates.len() == MAX_UPDATES || !names.insert(update.name.clone()) {
                return Err(BodyFault::Push);
            }
            push.updates.push(update);
        }
    }

    /// Takes the capabilities off the first update.
    fn first<'a>(&mut self, line: &'a str) -> Result<&'a str, BodyFault> {
        let (update, capabilities) = line.split_once('\0').unwrap_or((line, ""));
        // A signed push says the same once more, in a form that another program reads.
        if update == "push-cert" {
            return Err(BodyFault::PushSigned);
        }
        capabilities.trim_end().clone_into(&mut self.capabilities);
        // What an upstream does on an option is its own (GitLab opens merge requests).
        if self.has(OPTIONS) { Err(BodyFault::PushOptions) } else { Ok(update) }
    }

    /// The refs that it changes. None when a client only tries whether it may push.
    #[must_use]
    pub fn updates(&self) -> &[RefUpdate] {
        &self.updates
    }

    /// Whether the client can take this.
    #[must_use]
    pub fn has(&self, capability: &str) -> bool {
        self.capabilities.split(' ').any(|known| known == capability)
    }

    /// What may be shown of it.
    pub(super) fn shown(&self) -> impl Iterator<Item = &str> {
        self.updates.iter().flat_map(|update| [update.change.as_str(), update.name.as_str()])
    }
}

impl RefUpdate {
    fn read(line: &str) -> Result<Self, BodyFault> {
        let mut parts = line.splitn(3, ' ');
        let (Some(old), Some(new), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(BodyFault::Push);
        };
        let same = is_object(old) && is_object(new) && old.len() == new.len();
        let named = name.len() <= 256 && name.starts_with("refs/") && name.split('/').all(is_ref_part);
        let none = |object: &str| object.bytes().all(|b| b == b'0');
        let change = match (none(old), none(new)) {
            (true, false) => RefChange::Create,
            (false, true) => RefChange::Delete,
            (false, false) => RefChange::Update,
            (true, true) => return Err(BodyFault::Push),
        };
        if same && named { Ok(Self { name: name.to_owned(), change }) } else { Err(BodyFault::Push) }
    }

    /// The name in quotes, where nothing hides.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("\"{}\"", self.name.escape_default())
    }
}

impl RefChange {
    /// Whether the ref is gone afterwards.
    #[must_use]
    pub const fn deletes(self) -> bool {
        matches!(self, Self::Delete)
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for RefChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// SHA-1 or SHA-256 in hexadecimal, as git writes it.
fn is_object(text: &str) -> bool {
    [40, 64].contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// A part between slashes of a ref's name (git-check-ref-format(1)), that shows as what it is.
pub(in crate::domain::scope) fn is_ref_part(part: &str) -> bool {
    part.parse::<Inert<256>>().is_ok()
        && !part.starts_with('.')
        && !part.ends_with('.')
        && !part.to_ascii_lowercase().ends_with(".lock")
        && !part.contains("..")
        && !part.contains("@{")
        && part != "@"
        && !part.contains([' ', '~', '^', ':', '?', '*', '[', '\\'])
}
