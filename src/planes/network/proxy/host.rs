//! Host and port as written in a request, in one canonical form or not at all.
//!
//! Case is the only thing brought into line (RFC 3986 §3.2.2: hosts do not differ in case). User info, a trailing dot, an
//! empty port, anything beyond ASCII and every numeric form but the plain dotted quad are refused, not repaired.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A host, lower-case, and the port where one was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    host: String,
    port: Option<u16>,
}

/// The text does not name a host in one reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the host has more than one reading")]
pub struct InvalidHost;

impl HostPort {
    /// Reads `host` or `host:port`.
    ///
    /// # Errors
    /// When it is anything but a host name, a dotted quad or a bracketed IPv6 address, with or without a port.
    pub fn parse(text: &str) -> Result<Self, InvalidHost> {
        let (host, port) = split(text)?;
        let port = port.map(parse_port).transpose()?;
        Ok(Self { host: canonical(host)?, port })
    }

    /// The host; an IPv6 address keeps its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, if one was written.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether this names `host` and `port`, given the port that goes without saying.
    #[must_use]
    pub fn names(&self, host: &str, port: u16, default_port: u16) -> bool {
        self.host == host && self.port.unwrap_or(default_port) == port
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

fn split(text: &str) -> Result<(&str, Option<&str>), InvalidHost> {
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, after) = rest.split_once(']').ok_or(InvalidHost)?;
        let host = text.get(..inside.len() + 2).ok_or(InvalidHost)?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(InvalidHost),
        };
    }
    Ok(text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))))
}

fn parse_port(text: &str) -> Result<u16, InvalidHost> {
    let plain = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().map_err(|_| InvalidHost) } else { Err(InvalidHost) }
}

fn canonical(host: &str) -> Result<String, InvalidHost> {
    if let Some(inside) = host.strip_prefix('[') {
        let inside = inside.strip_suffix(']').ok_or(InvalidHost)?;
        let address: Ipv6Addr = inside.parse().map_err(|_| InvalidHost)?;
        return Ok(format!("[{address}]"));
    }
    let lower = host.to_ascii_lowercase();
    let is_name = lower.len() <= 253 && lower.split('.').all(is_label) && !ends_in_number(&lower);
    if is_name || lower.parse::<Ipv4Addr>().is_ok() { Ok(lower) } else { Err(InvalidHost) }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

/// A host whose last label is a number is an IPv4 address to somebody's parser (WHATWG URL, "ends in a number").
fn ends_in_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    last.bytes().all(|b| b.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical_form(text: &str) -> Option<String> {
        HostPort::parse(text).ok().map(|host| host.to_string())
    }

    #[test]
    fn one_reading_is_kept() {
        for text in
            ["api.example.com", "api.example.com:8443", "127.0.0.1:80", "[::1]:443", "xn--bcher-kva.example"]
        {
            assert_eq!(canonical_form(text).as_deref(), Some(text));
        }
        assert_eq!(canonical_form("API.Example.com:443").as_deref(), Some("api.example.com:443"));
    }

    #[test]
    fn a07_a_host_with_two_readings_is_refused() {
        for text in [
            "",
            ":443",
            "a@b",
            "user@example.com:443",
            "example.com.",
            "example.com.:443",
            "example.com:",
            "a:0",
            "a:080",
            "a:65536",
            "a:1:2",
            "a b",
            "a,b",
            "a/b",
            "a\\b",
            "a%2eb",
            ".a",
            "a..b",
            "-a",
            "a-",
            "[::1",
            "[::1]x",
            "::1",
            "[::1%25eth0]",
            "[v1.x]",
        ] {
            assert_eq!(canonical_form(text), None, "{text:?} was accepted");
        }
    }

    #[test]
    fn a08_a_host_beyond_ascii_is_refused() {
        for text in ["exаmple.com", "bücher.example", "example。com", "example.com\u{200b}"] {
            assert_eq!(canonical_form(text), None, "{text:?} was accepted");
        }
    }

    #[test]
    fn b01_numeric_forms_are_not_hosts() {
        for text in
            ["2130706433", "0177.1", "0x7f.1", "127.1", "0x7f000001", "0177.0.0.1", "127.0.0.01", "1.2.3.4.5"]
        {
            assert_eq!(canonical_form(text), None, "{text:?} was accepted");
        }
    }
}
