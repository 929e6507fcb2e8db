//! The decider protocol of Anthropic's sandbox-runtime (`srt proxy`), version 1, from the decider's end. Pure.
//!
//! A frame is a length in four bytes, big-endian, and one JSON object. The proxy says hello and asks about each request that it holds;
//! the decider answers with a verdict. Whatever is not understood ends the conversation, and with it everything that the proxy lets through.

mod verdict;

use std::collections::BTreeSet;
use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

pub use self::verdict::{Placing, deny, hello};
use super::proxy::host::HostPort;
use crate::domain::upstream::{Origin, Scheme};

/// The largest frame that is read or written, in bytes.
pub const LARGEST: usize = 1 << 20;
/// The largest number that every reader of JSON keeps.
const LARGEST_ID: u64 = (1 << 53) - 1;
/// Headers that frame a request and are none of the question's.
const FRAMING: [&str; 10] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "keep-alive",
    "proxy-connection",
    "expect",
];

/// The proxy said something that this version does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proxy broke the decider protocol: {0}")]
pub struct Violation(&'static str);

/// What the proxy says.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case", deny_unknown_fields)]
pub enum Said {
    /// It begins.
    Hello {
        /// The version of the protocol.
        proto: u32,
    },
    /// It holds a request.
    Req(Held),
}

/// A request that the proxy holds. Somebody's token is in it: it prints as its number and where it goes.
#[derive(PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Held {
    /// Its number; they rise.
    pub id: u64,
    /// Its method.
    pub method: String,
    /// Where the proxy sends it; an IPv6 address has no brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// `Host`, as the client sent it.
    #[serde(default, deserialize_with = "said")]
    pub host_header: Option<String>,
    /// The name in TLS; none in the clear.
    #[serde(default, deserialize_with = "said")]
    pub sni: Option<String>,
    /// The path as the client spelt it.
    pub path: String,
    /// The query, without the question mark.
    #[serde(default, deserialize_with = "said")]
    pub query: Option<String>,
    /// The other headers, by lower-case name.
    #[serde(default, deserialize_with = "pairs")]
    pub headers: Vec<(String, Vec<String>)>,
}

/// An optional member that is there is no null.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

/// An object in which no name comes twice.
fn pairs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, Vec<String>)>, D::Error> {
    struct Pairs;
    impl<'de> Visitor<'de> for Pairs {
        type Value = Vec<(String, Vec<String>)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of lists")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let (mut found, mut names) = (Vec::new(), BTreeSet::new());
            while let Some((name, values)) = map.next_entry::<String, Vec<String>>()? {
                if !names.insert(name.clone()) {
                    return Err(serde::de::Error::custom("a name twice"));
                }
                found.push((name, values));
            }
            Ok(found)
        }
    }
    deserializer.deserialize_map(Pairs)
}

/// Takes the next frame off the front of what was read; `None` while it is not whole.
///
/// # Errors
/// When it would be too long.
pub fn next(read: &mut Vec<u8>) -> Result<Option<Vec<u8>>, Violation> {
    let Some((length, rest)) = read.split_first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(*length) as usize;
    if length > LARGEST {
        return Err(Violation("a frame over 1 MiB"));
    }
    let Some(frame) = rest.get(..length).map(<[u8]>::to_vec) else { return Ok(None) };
    drop(read.drain(..4 + length));
    Ok(Some(frame))
}

impl Said {
    /// Reads one frame.
    ///
    /// # Errors
    /// Anything that is not a message of this version.
    pub fn read(frame: &[u8]) -> Result<Self, Violation> {
        let said: Self =
            serde_json::from_slice(frame).map_err(|_| Violation("a message that is not known"))?;
        match &said {
            Self::Hello { proto } if *proto != 1 => Err(Violation("another version")),
            Self::Req(held) if !(1..=LARGEST_ID).contains(&held.id) => {
                Err(Violation("a number out of range"))
            }
            _ => Ok(said),
        }
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, host, port, .. } = self;
        f.debug_struct("Held").field("id", id).field("host", host).field("port", port).finish_non_exhaustive()
    }
}

impl Held {
    /// Which of `origins` it is for. The proxy knows host and port; whether it speaks TLS shows in the name that the client gave there.
    ///
    /// # Errors
    /// When it is for none, in the clear for one with TLS, or for another name than it says (A01, A07).
    pub fn origin<'a>(
        &self,
        mut origins: impl Iterator<Item = &'a Origin>,
    ) -> Result<&'a Origin, &'static str> {
        let bare = |host: &str| host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let here = |origin: &&Origin| bare(&origin.host) == self.host && origin.port == self.port;
        let origin = origins.find(here).ok_or("no upstream of this layer is there")?;
        let is_name = bare(&origin.host).parse::<std::net::IpAddr>().is_err();
        let clear = match (&origin.scheme, &self.sni) {
            (Scheme::Https, Some(name)) => name != &self.host,
            (Scheme::Https, None) => is_name,
            (Scheme::Http, sni) => sni.is_some(),
        };
        if clear {
            return Err("TLS is not for this host");
        }
        let named = |text: &String| {
            let named = HostPort::parse(text);
            named.is_ok_and(|host| host.names(&origin.host, origin.port, origin.scheme.default_port()))
        };
        if self.host_header.as_ref().is_some_and(|text| !named(text)) {
            return Err("Host names another host");
        }
        Ok(origin)
    }

    /// Path and query.
    #[must_use]
    pub fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// Its headers, for the question. `None` when one cannot stand there.
    #[must_use]
    pub fn question(&self) -> Option<HeaderMap> {
        let mut headers = HeaderMap::new();
        let asked = self.headers.iter().filter(|(name, _)| !FRAMING.contains(&name.as_str()));
        for (name, values) in asked {
            let name: HeaderName = name.parse().ok()?;
            for value in values {
                headers.append(&name, HeaderValue::from_str(value).ok()?);
            }
        }
        Some(headers)
    }
}

#[cfg(test)]
mod tests;
