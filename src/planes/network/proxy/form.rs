//! The form of a request target: where it says it goes, in one reading (RFC 9112 §3.2).

use http::Method;

use super::host::HostPort;
use super::reason::Refused;

/// The form of a request target (RFC 9112 §3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// `/path?query`.
    Origin(String),
    /// `http://host/path?query` or `https://…`.
    Absolute {
        /// Whether the scheme is `https`.
        tls: bool,
        /// The authority, equal to `Host`.
        authority: HostPort,
        /// `/path?query`.
        path: String,
    },
    /// `host:port`, of `CONNECT`.
    Authority(HostPort),
}

impl Form {
    /// Reads `target`, whose one `Host` is `host`.
    pub(in crate::planes::network) fn read(
        method: &Method,
        target: &str,
        host: &HostPort,
    ) -> Result<Self, Refused> {
        let bad = Refused::ambiguous("target");
        if target.bytes().any(|b| b"\"#<>\\^`{|}".contains(&b)) {
            return Err(bad);
        }
        if method == Method::CONNECT {
            let authority = host_of(target)?;
            let Some(port) = authority.port() else { return Err(Refused::ambiguous("port_missing")) };
            // Clients leave the port out of `Host` when they think it goes without saying.
            if !host.names(authority.host(), port, port) {
                return Err(Refused::ambiguous("host_is_not_target"));
            }
            return Ok(Self::Authority(authority));
        }
        // Routers differ on what `*` and the empty path mean; nothing that can be granted needs either (D06).
        if target.starts_with('/') {
            return Ok(Self::Origin(target.to_owned()));
        }
        let (tls, rest) = match (target.strip_prefix("http://"), target.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err(bad),
        };
        let slash = rest.find('/').ok_or(bad)?;
        let (authority, path) = rest.split_at(slash);
        let authority = host_of(authority)?;
        let default_port = if tls { 443 } else { 80 };
        if !host.names(authority.host(), authority.port().unwrap_or(default_port), default_port) {
            return Err(Refused::ambiguous("host_is_not_target"));
        }
        Ok(Self::Absolute { tls, authority, path: path.to_owned() })
    }
}

/// A host, or the refusal of one with two readings.
pub(super) fn host_of(text: &str) -> Result<HostPort, Refused> {
    HostPort::parse(text).map_err(|_| Refused::ambiguous("host"))
}
