//! Hosts and ports in their one spelling (RFC 1123 §2.1, RFC 5952).
//!
//! Lower-case letters, digits and hyphens; no trailing dot, no user part, no number that some resolver would take for
//! an address. An internationalised name is written, shown and compared as its `xn--` form and never decoded, so two
//! names that look alike stay two names (A08).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A DNS name or an IP address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(Form);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Form {
    Name(String),
    Address(IpAddr),
}

/// The text is not a host in canonical form.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a lower-case host name of a-z 0-9 - without trailing dot, or an IP address in shortest form"
)]
pub struct InvalidHost;

impl Host {
    /// The address, when the host is one.
    #[must_use]
    pub const fn address(&self) -> Option<IpAddr> {
        match self.0 {
            Form::Name(_) => None,
            Form::Address(address) => Some(address),
        }
    }

    /// The name, when the host is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.0 {
            Form::Name(name) => Some(name),
            Form::Address(_) => None,
        }
    }
}

impl FromStr for Host {
    type Err = InvalidHost;

    /// Reads `api.example.com`, `192.0.2.1` or `[2001:db8::1]`.
    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            let address: Ipv6Addr = inner.parse().map_err(|_| InvalidHost)?;
            return Self(Form::Address(address.into())).spelt(text);
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Self(Form::Address(address.into())).spelt(text);
        }
        if is_name(text) { Ok(Self(Form::Name(text.to_owned()))) } else { Err(InvalidHost) }
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        Self(Form::Address(address))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Name(name) => f.write_str(name),
            Form::Address(IpAddr::V4(address)) => address.fmt(f),
            Form::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

impl Host {
    /// Only the canonical spelling passes: `[::0001]` is not another way to write `[::1]`.
    fn spelt(self, text: &str) -> Result<Self, InvalidHost> {
        if self.to_string() == text { Ok(self) } else { Err(InvalidHost) }
    }
}

/// A port as it is written: decimal, no leading zero, never 0.
pub(super) fn port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port: &u16| *port != 0 && port.to_string() == text)
}

fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        let edge = |b: Option<u8>| b.is_some_and(|b| b != b'-');
        let ldh = label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        label.len() <= 63 && ldh && edge(label.bytes().next()) && edge(label.bytes().next_back())
    };
    text.len() <= 253 && text.split('.').all(label) && !ends_in_number(text)
}

/// Whether a resolver might read the name as an IPv4 address: `127.1`, `2130706433`, `0x7f.1` (B01, WHATWG URL §3.5).
fn ends_in_number(text: &str) -> bool {
    let last = text.rsplit('.').next().unwrap_or(text);
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    digits(last) || last.strip_prefix("0x").is_some_and(hex)
}
