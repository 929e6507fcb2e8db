//! Targets: concrete uses in the exact form in which they happen.
//!
//! A target is made once, from the bytes that will be sent, and refuses what could be read in two ways. It never
//! repairs: what was judged is what is sent (D02). Made by the proxy and the layers, judged by `ScopeItem::allows`.

mod ambiguity;
mod body;
mod git;
mod http;

use std::fmt;

pub use self::ambiguity::Ambiguity;
pub use self::body::{BodyFacts, BodyFault, Label, Push, RefChange, RefUpdate};
pub(in crate::domain::scope) use self::body::{
    Call, Content, GraphqlRequest, Operation, OperationKind, TOOL_CALL, is_ref_part,
};
pub(in crate::domain::scope) use self::git::Service;
pub use self::http::HttpTarget;

use super::filesystem::{Access, MAX_PATH, is_plain};
use super::host::Host;

/// One concrete use, in one plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A request to an upstream.
    Http(HttpTarget),
    /// A connection.
    Network(NetworkTarget),
    /// A file opened or changed.
    Filesystem(FilesystemTarget),
}

/// One connection: a host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NetworkTarget {
    host: Host,
    port: u16,
}

/// One access to one file, inside the workspace (`src/main.rs`) or by absolute path (`/usr/bin/env`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FilesystemTarget {
    access: Access,
    path: String,
}

impl NetworkTarget {
    /// Takes a host as it was asked for, an IPv6 address in brackets, and a port.
    ///
    /// # Errors
    /// The host is not in canonical form, or the port is 0.
    pub fn new(host: &str, port: u16) -> Result<Self, Ambiguity> {
        let host = host.parse().map_err(|_| Ambiguity::InvalidHost)?;
        if port == 0 { Err(Ambiguity::InvalidPort) } else { Ok(Self { host, port }) }
    }

    /// Where the connection goes.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// On which port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl FilesystemTarget {
    /// Takes a path as it was opened, already resolved by the layer that saw it.
    ///
    /// # Errors
    /// The path has empty, `.` or `..` segments, a backslash, or characters that do not show as what they are.
    pub fn new(access: Access, path: &str) -> Result<Self, Ambiguity> {
        if path.len() > MAX_PATH {
            return Err(Ambiguity::TooLong);
        }
        for segment in path.strip_prefix('/').unwrap_or(path).split('/') {
            match segment {
                "" => return Err(Ambiguity::EmptySegment),
                "." | ".." => return Err(Ambiguity::DotSegment),
                _ if segment.contains('\\') => return Err(Ambiguity::Backslash),
                // `*` is a pattern's word, but a file may well be called that.
                _ if is_plain(&segment.replace('*', "x")) => {}
                _ => return Err(Ambiguity::ForbiddenByte),
            }
        }
        Ok(Self { access, path: path.to_owned() })
    }

    /// What is done.
    #[must_use]
    pub const fn access(&self) -> Access {
        self.access
    }

    /// The path, absolute when it begins with `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// One line for tables and the ledger, with query values masked.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(target) => target.fmt(f),
            Self::Network(target) => write!(f, "connect {}:{}", target.host, target.port),
            Self::Filesystem(target) => write!(f, "{} {}", target.access, target.path),
        }
    }
}

impl From<HttpTarget> for Target {
    fn from(target: HttpTarget) -> Self {
        Self::Http(target)
    }
}

impl From<NetworkTarget> for Target {
    fn from(target: NetworkTarget) -> Self {
        Self::Network(target)
    }
}

impl From<FilesystemTarget> for Target {
    fn from(target: FilesystemTarget) -> Self {
        Self::Filesystem(target)
    }
}
