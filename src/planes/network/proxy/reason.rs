//! Why the proxy itself refuses: the problem an agent is told, and the exact rule in one word.
//!
//! These are rules about bytes, places and addresses. What was granted is the broker's to judge, and its refusals arrive
//! ready made. A reason never holds text from a request.

use crate::domain::problem::{Problem, ProblemKind};
use crate::planes::network::addresses::Kind;

/// One reason to refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {name}", kind.name())]
pub struct Refused {
    kind: ProblemKind,
    name: &'static str,
}

impl Refused {
    /// The head is longer than can be judged (RFC 6585 §5).
    pub const TOO_LONG: Self = Self::new(ProblemKind::HeadTooLong, "head_too_long");
    /// The method is not one that can be granted (C08).
    pub const METHOD: Self = Self::new(ProblemKind::MethodNotAllowed, "method_unknown");
    /// `CONNECT` where requests are expected (C09).
    pub const CONNECT_INSIDE: Self = Self::new(ProblemKind::MethodNotAllowed, "connect_inside");
    /// An expectation other than `100-continue`.
    pub const EXPECTATION: Self = Self::ambiguous("expectation");
    /// The head took longer to arrive than anybody needs (J12).
    pub const TOO_SLOW: Self = Self::ambiguous("too_slow");
    /// No agent key, or one that is not valid.
    pub const AGENT_KEY: Self = Self::new(ProblemKind::ProxyUnauthenticated, "agent_key");
    /// An agent key on the socket of a run, which is the run's identity.
    pub const TWO_IDENTITIES: Self = Self::ambiguous("key_on_run_socket");
    /// No upstream has this origin.
    pub const NOT_GOVERNED: Self = Self::new(ProblemKind::DestinationRefused, "not_governed");
    /// Nothing granted to this run opens the host.
    pub const NOT_GRANTED: Self = Self::new(ProblemKind::NotPermitted, "host_not_granted");
    /// Something of Exeat's, on its way to a host that nobody governs (E08).
    pub const OURS_ELSEWHERE: Self = Self::new(ProblemKind::ForeignCredential, "ours_to_ungoverned_host");
    /// `https` asked for in the clear.
    pub const USE_CONNECT: Self = Self::new(ProblemKind::DestinationRefused, "use_connect");
    /// The client did not begin TLS after `CONNECT`.
    pub const NOT_TLS: Self = Self::new(ProblemKind::DestinationRefused, "not_tls");
    /// The name in TLS is missing or is not the one in `CONNECT` (A01, A04, A17).
    pub const SERVER_NAME: Self = Self::new(ProblemKind::Misdirected, "server_name");
    /// `Host` inside a tunnel is not the one in `CONNECT` (RFC 9110 §15.5.20).
    pub const MISDIRECTED: Self = Self::new(ProblemKind::Misdirected, "host_is_not_tunnel");
    /// The slot is empty.
    pub const NO_TOKEN: Self = Self::new(ProblemKind::NotPermitted, "no_token");
    /// What stands in the slot is not in the slot's form.
    pub const NOT_IN_FORM: Self = Self::new(ProblemKind::ForeignCredential, "not_in_slot_form");
    /// More than one credential in the slot (C15).
    pub const TWO_CREDENTIALS: Self = Self::new(ProblemKind::ForeignCredential, "two_credentials");
    /// A credential somewhere else than in the slot.
    pub const OUTSIDE_SLOT: Self = Self::new(ProblemKind::ForeignCredential, "credential_outside_slot");
    /// The token stands in a second place, from which it would travel on (E01).
    pub const TOKEN_ELSEWHERE: Self = Self::new(ProblemKind::ForeignCredential, "token_elsewhere");
    /// The upstream could not be reached, or what it said was not HTTP.
    pub const UNREACHABLE: Self = Self::new(ProblemKind::UpstreamUnreachable, "upstream_unreachable");
    /// What the upstream answered is packed in a way that is not taken off, or in more than one.
    pub const CODING: Self = Self::new(ProblemKind::AnswerUnreadable, "coding");
    /// The credential cannot stand in its slot: it holds a control byte or is empty (C16).
    pub const NOT_PLACEABLE: Self = Self::new(ProblemKind::Internal, "credential_not_placeable");

    /// The slot is in the query, which a layer that places the credential cannot fill.
    pub const SLOT_NOT_BY_LAYER: Self = Self::new(ProblemKind::DestinationRefused, "slot_not_by_layer");
    /// A rule is about the body, which a layer does not show.
    pub const BODY_UNSEEN: Self = Self::new(ProblemKind::NotPermitted, "body_not_by_layer");

    /// The body is longer than is read for a rule about it (D08).
    pub const BODY_TOO_LONG: Self = Self::new(ProblemKind::BodyTooLong, "body_over_limit");
    /// The body did not arrive as a whole.
    pub const BODY_BROKE: Self = Self::ambiguous("body_broke");
    /// As many bodies are being looked into as there is room for (J12).
    pub const INSPECTIONS_BUSY: Self = Self::new(ProblemKind::RateLimited, "inspections_busy");
    /// A body where some servers look for none, and a token that says something about bodies (C10).
    pub const BODY_UNEXPECTED: Self = Self::ambiguous("body_unexpected");

    const fn new(kind: ProblemKind, name: &'static str) -> Self {
        Self { kind, name }
    }

    /// The bytes have more than one reading, or none.
    #[must_use]
    pub const fn ambiguous(name: &'static str) -> Self {
        Self::new(ProblemKind::RequestAmbiguous, name)
    }

    /// The destination is an address of this kind.
    #[must_use]
    pub const fn address(kind: Kind) -> Self {
        Self::new(ProblemKind::DestinationRefused, kind.name())
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.kind.status()
    }

    /// Which problem the agent is told.
    #[must_use]
    pub const fn kind(self) -> ProblemKind {
        self.kind
    }

    /// The exact rule, in one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// What the agent is told when the broker has nothing to add.
    #[must_use]
    pub fn problem(self) -> Problem {
        Problem::new(self.kind, self.detail()).with("reason", self.name)
    }

    fn detail(self) -> &'static str {
        match (self.kind, self.name) {
            (_, "use_connect") => "Send https through CONNECT; the proxy does not take it in the clear.",
            (_, "not_governed") => "No upstream has this scheme, host and port.",
            (_, "no_token") => "Put an access token where the upstream's credential would go.",
            (_, "two_credentials") => "Send one credential, in the upstream's slot.",
            (_, "credential_outside_slot") => {
                "Send no credential but the access token, in the upstream's slot."
            }
            (_, "token_elsewhere") => "Send the access token in the upstream's slot and nowhere else.",
            (_, "not_in_slot_form") => "Write the access token in the form of the upstream's slot.",
            (ProblemKind::RequestAmbiguous, _) => {
                "Write the request so that it has one reading; `reason` is the rule."
            }
            (ProblemKind::BodyTooLong, _) => {
                "Send a shorter body, or ask for an item that says nothing about bodies."
            }
            (ProblemKind::RateLimited, _) => "Send it again when other requests have been answered.",
            (ProblemKind::HeadTooLong, _) => "Send at most 100 header fields in at most 64 KiB.",
            (ProblemKind::MethodNotAllowed, _) => "Use GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS.",
            (ProblemKind::ProxyUnauthenticated, _) => "Send the agent key as the proxy password.",
            (ProblemKind::Misdirected, _) => "Name the host of the tunnel in TLS and in Host.",
            (ProblemKind::UpstreamUnreachable, _) => {
                "Try again later; nothing is known of the request's effect."
            }
            (ProblemKind::AnswerUnreadable, _) => {
                "The request was sent; ask the upstream in a way that it answers without Content-Encoding."
            }
            (ProblemKind::Internal, _) => "Have the credential stored again.",
            _ => "The address of this host is not reached through the proxy; `reason` is its kind.",
        }
    }
}
