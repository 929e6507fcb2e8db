//! What the decider says: its hello, and verdicts.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{LARGEST, Violation};
use crate::domain::upstream::{Origin, Slot};

/// The longest reason of a refusal, in bytes.
const LONGEST_REASON: usize = 1024;
/// Headers that an allow may not set; the first four only as a credential, which the proxy places itself.
const NEVER_SET: [&str; 13] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "keep-alive",
    "proxy-connection",
];

/// How `srt proxy` can put a credential into a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placing {
    /// As a credential, which goes behind `Authorization: Bearer`.
    Bearer,
    /// As a credential of the class `github`, which goes as Basic with `x-access-token` to github.com.
    Github,
    /// As a header of this name.
    Header(HeaderName),
}

impl Placing {
    /// How the slot of an upstream at `origins` can be filled; `None` when the proxy has no way.
    #[must_use]
    pub fn of(slot: &Slot, origins: &[Origin]) -> Option<Self> {
        match slot {
            Slot::Bearer => Some(Self::Bearer),
            Slot::Basic { user } => {
                let github =
                    user == "x-access-token" && origins.iter().all(|origin| origin.host == "github.com");
                github.then_some(Self::Github)
            }
            Slot::Header { name } if NEVER_SET.contains(&name.replace(['_', '.'], "-").as_str()) => None,
            Slot::Header { name } => name.parse().ok().map(Self::Header),
            Slot::Query { .. } => None,
        }
    }

    /// The header that carries the token until then.
    fn header(&self) -> &str {
        match self {
            Self::Bearer | Self::Github => "authorization",
            Self::Header(name) => name.as_str(),
        }
    }

    /// The verdict to let `id` through, with what Exeat's answer carries. Without a credential the token is taken out all the same.
    ///
    /// # Errors
    /// When the answer carries something that is not in the slot's form.
    pub fn allow(&self, id: u64, answer: &HeaderMap) -> Result<Zeroizing<Vec<u8>>, Violation> {
        let header = self.header();
        let bare = || Allow { remove_headers: Some([header]), ..Allow::of(id) };
        let Some(value) = answer.get(header) else { return frame(&bare()) };
        let odd = Violation("the answer is not in the slot's form");
        let value = value.to_str().map_err(|_| odd)?;
        let after = |scheme: &str| value.strip_prefix(scheme).ok_or(odd);
        let secret = match self {
            Self::Header(name) => {
                return frame(&Allow {
                    set_headers: Some(Set { name: name.as_str(), value }),
                    ..Allow::of(id)
                });
            }
            Self::Bearer => Zeroizing::new(after("Bearer ")?.to_owned()),
            Self::Github => {
                let pair = Zeroizing::new(STANDARD.decode(after("Basic ")?).map_err(|_| odd)?);
                let text = std::str::from_utf8(&pair).map_err(|_| odd)?;
                Zeroizing::new(text.strip_prefix("x-access-token:").ok_or(odd)?.to_owned())
            }
        };
        if !(1..=8192).contains(&secret.len()) || !secret.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(odd);
        }
        let class = if *self == Self::Github { "github" } else { "exeat" };
        frame(&Allow { cred: Some(class), credential: Some(&secret), ..Allow::of(id) })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Allow<'a> {
    t: &'static str,
    id: u64,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    set_headers: Option<Set<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remove_headers: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cred: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<&'a str>,
}

impl Allow<'_> {
    const fn of(id: u64) -> Self {
        Self {
            t: "verdict",
            id,
            action: "allow",
            set_headers: None,
            remove_headers: None,
            cred: None,
            credential: None,
        }
    }
}

/// One header with one value, as an object of lists.
struct Set<'a> {
    name: &'a str,
    value: &'a str,
}

impl Serialize for Set<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.name, [self.value])])
    }
}

/// The decider's hello: the hosts that may be asked about at all.
///
/// # Errors
/// When there are too many.
pub fn hello<'a>(origins: impl Iterator<Item = &'a Origin>) -> Result<Zeroizing<Vec<u8>>, Violation> {
    let hosts: BTreeSet<String> = origins.map(|origin| format!("{}:{}", origin.host, origin.port)).collect();
    frame(&serde_json::json!({"t": "hello", "proto": 1, "allowedDomains": hosts, "deniedDomains": []}))
}

/// The verdict to refuse `id`. The client reads the reason; what is too long of it is left out.
///
/// # Errors
/// Never: it is short.
pub fn deny(id: u64, status: u16, reason: &str) -> Result<Zeroizing<Vec<u8>>, Violation> {
    let mut text = String::new();
    for c in reason.chars().filter(|c| !c.is_control()) {
        if text.len() + c.len_utf8() > LONGEST_REASON {
            break;
        }
        text.push(c);
    }
    let reason = if text.is_empty() { "refused".to_owned() } else { text };
    frame(
        &serde_json::json!({"t": "verdict", "id": id, "action": "deny", "status": status, "reason": reason}),
    )
}

fn frame(message: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, Violation> {
    let text =
        Zeroizing::new(serde_json::to_vec(message).map_err(|_| Violation("an answer that is no JSON"))?);
    let length = u32::try_from(text.len()).ok().filter(|length| *length as usize <= LARGEST);
    let length = length.ok_or(Violation("an answer over 1 MiB"))?;
    let mut frame = Zeroizing::new(Vec::with_capacity(4 + text.len()));
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&text);
    Ok(frame)
}
