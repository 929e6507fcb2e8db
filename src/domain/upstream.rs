//! Upstreams: systems reached with a credential, and where the credential goes.

mod cookies;

use std::fmt;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::name::Name;
use crate::base::id::{CredentialId, UpstreamId};

pub use self::cookies::{Cookies, InvalidCookies};

/// A system reached with a credential.
///
/// Hosts into which a credential may be placed are exactly the hosts of `origins` (A12).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// Its id: what decides.
    pub id: UpstreamId,
    /// Its name: what scope items say.
    pub name: Name,
    /// Counts up with every change; approvals name the version they were given for (I6).
    pub version: u64,
    /// Where it answers.
    pub origins: Vec<Origin>,
    /// Where the credential goes.
    pub slot: Slot,
    /// Roots to trust instead of the system's, in PEM.
    pub ca_pem: Option<String>,
    /// The certificate that is shown where it asks for one (RFC 8446 §4.4.2) and those that vouch for it, in PEM. Its private key is
    /// sealed, and not in here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,
    /// Private address ranges this upstream may be reached at.
    pub allow_addresses: Vec<IpNet>,
    /// What becomes of the cookies that it sets.
    #[serde(default, skip_serializing_if = "Cookies::are_dropped")]
    pub cookies: Cookies,
}

/// The versions of what an approval was given for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// The upstream, by id.
    pub upstream: UpstreamId,
    /// The upstream's name, for reading.
    pub upstream_name: Name,
    /// Its version.
    pub upstream_version: u64,
    /// The credential that would be used there, by id.
    pub credential: CredentialId,
    /// Its version.
    pub credential_version: u64,
}

/// Where in a request the credential goes, and where the token stands in its place until then.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Slot {
    /// `Authorization: Bearer …` (RFC 6750 §2.1).
    Bearer,
    /// `Authorization: Basic …` with the credential as password (RFC 7617).
    Basic {
        /// The user name sent with it; empty means: keep what the client sent.
        user: String,
    },
    /// A header of this lower-case name.
    Header {
        /// The header's name.
        name: String,
    },
    /// A query parameter of this name.
    Query {
        /// The parameter's name.
        name: String,
    },
}

/// The text does not name a slot.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected `bearer`, `basic:USER`, `header:NAME` or `query:NAME`")]
pub struct InvalidSlot;

/// Headers that frame or route a message, or that the proxy sets itself; a credential there would change what is sent.
const NOT_A_SLOT: [&str; 18] = [
    "host",
    "a-im",
    "accept-charset",
    "accept-encoding",
    "range",
    "if-range",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "keep-alive",
    "content-type",
    "content-encoding",
    "proxy-authorization",
    "proxy-connection",
];

impl FromStr for Slot {
    type Err = InvalidSlot;

    fn from_str(text: &str) -> Result<Self, InvalidSlot> {
        let (kind, value) = text.split_once(':').unwrap_or((text, ""));
        let token = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        let is_token = !value.is_empty() && value.len() <= 64 && value.bytes().all(token);
        match kind {
            "bearer" if text == "bearer" => Ok(Self::Bearer),
            "basic" if value.len() <= 128 && value.bytes().all(|b| b.is_ascii_graphic() && b != b':') => {
                Ok(Self::Basic { user: value.to_owned() })
            }
            "header" if is_token && !NOT_A_SLOT.contains(&value.to_ascii_lowercase().as_str()) => {
                match value.to_ascii_lowercase().as_str() {
                    "authorization" => Err(InvalidSlot),
                    name => Ok(Self::Header { name: name.to_owned() }),
                }
            }
            "query" if is_token => Ok(Self::Query { name: value.to_owned() }),
            _ => Err(InvalidSlot),
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bearer => f.write_str("bearer"),
            Self::Basic { user } => write!(f, "basic:{user}"),
            Self::Header { name } => write!(f, "header:{name}"),
            Self::Query { name } => write!(f, "query:{name}"),
        }
    }
}

impl From<Slot> for String {
    fn from(slot: Slot) -> Self {
        slot.to_string()
    }
}

impl TryFrom<String> for Slot {
    type Error = InvalidSlot;

    fn try_from(text: String) -> Result<Self, InvalidSlot> {
        text.parse()
    }
}

/// Scheme, host and port (RFC 6454 §4). The port is always part of it (A16).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Origin {
    /// With TLS or without.
    pub scheme: Scheme,
    /// Lower-case host name or canonical IP literal.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// How an origin speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// HTTP over TLS.
    Https,
    /// HTTP in the clear: accepted only for loopback origins.
    Http,
}

impl Scheme {
    /// The scheme's name in a URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    /// The port that goes without saying.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }
}

/// The text is not an origin.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "expected `https://host` or `https://host:port`, lower-case ASCII, without path; plain http only for loopback"
)]
pub struct InvalidOrigin;

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let uri: http::Uri = text.parse().map_err(|_| InvalidOrigin)?;
        let scheme = match uri.scheme_str() {
            Some("https") => Scheme::Https,
            Some("http") => Scheme::Http,
            _ => return Err(InvalidOrigin),
        };
        let authority = uri.authority().ok_or(InvalidOrigin)?;
        let host = authority.host();
        let port = authority.port_u16().unwrap_or(scheme.default_port());
        let origin = Self { scheme, host: host.to_owned(), port };
        let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        let named = ip.is_err() && is_host_name(host);
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        // One address, one spelling (RFC 5952).
        if ip.as_ref().is_ok_and(|ip| ip.to_string() != bare || ip.is_ipv6() == (bare == host)) {
            return Err(InvalidOrigin);
        }
        let loopback = host == "localhost" || ip.as_ref().is_ok_and(std::net::IpAddr::is_loopback);
        // What was typed must be the canonical form itself, give or take the default port and a final slash.
        let typed = text.trim_end_matches('/');
        let with_port = format!("{}://{host}:{port}", scheme.as_str());
        if port == 0 || (typed != with_port && typed != origin.to_string()) || !(named || ip.is_ok()) {
            return Err(InvalidOrigin);
        }
        if scheme == Scheme::Http && !loopback {
            return Err(InvalidOrigin);
        }
        Ok(origin)
    }
}

/// Letters, digits and hyphens in dot-separated labels, the last label not all digits (RFC 1123 §2.1), lower case.
fn is_host_name(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let numeric_end = host
        .rsplit('.')
        .next()
        .is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x"));
    host.len() <= 253 && host.split('.').all(label) && !numeric_end
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port == self.scheme.default_port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.to_string()
    }
}

impl TryFrom<String> for Origin {
    type Error = InvalidOrigin;

    fn try_from(text: String) -> Result<Self, InvalidOrigin> {
        text.parse()
    }
}
