//! How requests come in, and what that leaves open about where they go.

use super::destination::Destination;
use super::form::Form;
use super::gate::Caller;
use super::head::Head;
use super::reason::Refused;
use crate::domain::upstream::{Origin, Scheme};

/// How requests come in.
pub(super) enum Way {
    /// In the clear, in absolute form, each with its own key.
    Plain,
    /// The same, through the socket of a run, which says who is calling.
    Run(Caller),
    /// Inside a terminated tunnel of this caller to this destination.
    Tunnel { caller: Caller, destination: Destination },
}

/// Inside a tunnel, a request is in origin form and for the tunnel's host (A01, A06).
pub(super) fn in_tunnel(head: Head, origin: &Origin) -> Result<Head, Refused> {
    if !matches!(head.target, Form::Origin(_)) {
        return Err(Refused::ambiguous("absolute_form_in_tunnel"));
    }
    let same = head.host.names(&origin.host, origin.port, origin.scheme.default_port());
    if same { Ok(head) } else { Err(Refused::MISDIRECTED) }
}

/// Without a tunnel, a request says in absolute form where it wants to go, and not over TLS.
pub(super) fn in_the_clear(head: &Head) -> Result<Origin, Refused> {
    if head.socket {
        return Err(Refused::ambiguous("upgrade"));
    }
    match &head.target {
        Form::Absolute { tls: true, .. } => Err(Refused::USE_CONNECT),
        Form::Absolute { tls: false, authority, .. } => {
            let port = authority.port().unwrap_or(Scheme::Http.default_port());
            Ok(Origin { scheme: Scheme::Http, host: authority.host().to_owned(), port })
        }
        Form::Origin(_) | Form::Authority(_) => Err(Refused::ambiguous("origin_form")),
    }
}

pub(super) fn path(target: &Form) -> &str {
    match target {
        Form::Origin(path) | Form::Absolute { path, .. } => path,
        Form::Authority(_) => "",
    }
}
