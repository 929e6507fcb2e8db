//! Network items: which hosts may be reached, on which ports.

use std::fmt;

use serde::{Serialize, Serializer};

use super::error::ScopeError;
use super::fields::Fields;
use super::host::{Host, port};
use super::path::canonical;
use super::target::NetworkTarget;

/// Connections to hosts and ports. The port is always part of what is granted (A16).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct NetworkItem {
    hosts: Vec<Destination>,
}

/// `host:port` exactly, or `*.domain:port` for exactly one more label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Destination {
    wildcard: bool,
    host: Host,
    port: u16,
}

impl NetworkItem {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, ScopeError> {
        let hosts = fields.list("hosts", Destination::parse)?;
        Ok(Self { hosts: canonical(hosts, Destination::within) })
    }

    /// The destinations in canonical order, as written.
    pub fn hosts(&self) -> impl Iterator<Item = String> + '_ {
        self.hosts.iter().map(ToString::to_string)
    }

    pub(super) fn allows(&self, target: &NetworkTarget) -> bool {
        self.hosts.iter().any(|destination| destination.allows(target))
    }

    pub(super) fn within(&self, other: &Self) -> bool {
        self.hosts.iter().all(|a| other.hosts.iter().any(|b| a.within(b)))
    }
}

impl fmt::Display for NetworkItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "network {}", self.hosts().collect::<Vec<_>>().join(" "))
    }
}

impl Destination {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (host, digits) = text.rsplit_once(':').ok_or("write host:port")?;
        let port = port(digits).ok_or("write the port as a number from 1 to 65535, without leading zeros")?;
        let (wildcard, host) = host.strip_prefix("*.").map_or((false, host), |rest| (true, rest));
        let host: Host = host.parse().map_err(
            |_| "write a lower-case host name of a-z 0-9 - without trailing dot, an address in shortest form, or *.domain",
        )?;
        if wildcard && !owned(&host) {
            return Err(
                "name a domain that belongs to one owner after *., not an address or a public suffix",
            );
        }
        Ok(Self { wildcard, host, port })
    }

    fn allows(&self, target: &NetworkTarget) -> bool {
        let host = if self.wildcard { self.over(target.host()) } else { self.host == *target.host() };
        host && self.port == target.port()
    }

    fn within(&self, other: &Self) -> bool {
        let host = match (self.wildcard, other.wildcard) {
            (false, true) => other.over(&self.host),
            (a, b) => a == b && self.host == other.host,
        };
        host && self.port == other.port
    }

    /// Whether `host` is exactly one label below this domain (A09).
    fn over(&self, host: &Host) -> bool {
        let parent = host.name().and_then(|name| name.split_once('.')).map(|(_, parent)| parent);
        parent.is_some_and(|parent| self.host.name() == Some(parent))
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}:{}", if self.wildcard { "*." } else { "" }, self.host, self.port)
    }
}

impl Serialize for Destination {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Whether everything one label below the domain has one owner, by the Public Suffix List (A11).
fn owned(host: &Host) -> bool {
    let Some(domain) = host.name() else {
        return false;
    };
    // The second check is for rules like `*.ck`, under which each label is a suffix of its own.
    let is_suffix = |name: &str| psl::suffix_str(name).is_none_or(|suffix| suffix == name);
    !is_suffix(domain) && !is_suffix(&format!("x.{domain}"))
}
