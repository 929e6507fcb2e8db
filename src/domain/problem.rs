//! Problems: what a caller is told when something is refused (RFC 9457). One closed list; `docs/problems.md` explains each.

use std::fmt;

use serde_json::{Map, Value};

macro_rules! problems {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, $status:literal, $title:literal;)+) => {
        /// Which problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ProblemKind {
            $($(#[$doc])* $kind,)+
        }

        impl ProblemKind {
            /// Every problem there is.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// The stable name: the end of `urn:exeat:problem:NAME`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)+ }
            }

            /// The HTTP status.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$kind => $status,)+ }
            }

            /// The same short sentence every time.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$kind => $title,)+ }
            }
        }
    };
}

problems! {
    /// A request without an acting identity.
    IdentityRequired = "identity_required", 400, "Name the acting identity.";
    /// An identity this agent may not ask for, or that is not there: one answer for both.
    UnknownIdentity = "unknown_identity", 400, "The acting identity is not one this agent may ask for.";
    /// A scope item that cannot be read.
    ScopeInvalid = "scope_invalid", 400, "A scope item is not valid.";
    /// A scope item that is not within what was granted.
    ScopeExceeds = "scope_exceeds", 403, "A scope item is not within what was granted.";
    /// Something else in the request that cannot be read.
    RequestInvalid = "request_invalid", 400, "The request is not valid.";
    /// No token, or none that allows this.
    NotPermitted = "not_permitted", 403, "Nothing that was approved allows this.";
    /// A decision over another statement.
    StatementChanged = "statement_changed", 409, "The statement is not the one you were shown.";
    /// The approval has been decided, cancelled or has expired.
    ApprovalNotPending = "approval_not_pending", 409, "The approval is not pending.";
    /// Nobody decides their own request.
    SelfApproval = "self_approval", 403, "Nobody decides their own request.";
    /// What is granted takes the signature of a passkey, and there is none.
    SignatureRequired = "signature_required", 403, "This is granted only with a passkey.";
    /// The signature is not one of a passkey of this person over this decision.
    SignatureInvalid = "signature_invalid", 403, "The passkey did not sign this.";
    /// A token that is not accepted, whatever the reason.
    TokenInvalid = "token_invalid", 403, "The token is not accepted.";
    /// A credential that Exeat did not mint.
    ForeignCredential = "foreign_credential", 403, "The request carries a credential that is not from Exeat.";
    /// An address or a host that is not reached through the proxy.
    DestinationRefused = "destination_refused", 403, "The destination is refused.";
    /// A request that can be read in two ways.
    RequestAmbiguous = "request_ambiguous", 400, "The request can be read in more than one way.";
    /// Host, SNI and CONNECT authority differ.
    Misdirected = "misdirected", 421, "The request is for another host than the connection.";
    /// A body longer than allowed.
    BodyTooLong = "body_too_long", 413, "The body is too long.";
    /// A head longer than allowed.
    HeadTooLong = "head_too_long", 431, "The request's head is too long.";
    /// A method that is not known or not there.
    MethodNotAllowed = "method_not_allowed", 405, "The method is not allowed.";
    /// A run without walls, where the policy forbids it.
    SandboxRequired = "sandbox_required", 403, "Runs without walls are forbidden here.";
    /// Nothing can be put on record, so nothing is done.
    LedgerUnavailable = "ledger_unavailable", 503, "The ledger is not available.";
    /// Too many at once.
    RateLimited = "rate_limited", 429, "Too many requests.";
    /// No key, or not one that is known.
    Unauthenticated = "unauthenticated", 401, "A valid key is needed.";
    /// The same for the proxy.
    ProxyUnauthenticated = "proxy_unauthenticated", 407, "The proxy needs a valid agent key.";
    /// The person does not hold the role.
    RoleRequired = "role_required", 403, "The person does not hold the role for this.";
    /// A page of another origin sent it.
    CrossOrigin = "cross_origin", 403, "The request comes from a page of another origin.";
    /// It took too long.
    TimedOut = "timed_out", 503, "There was no answer in time.";
    /// Nothing there, or nothing this caller may see.
    NotFound = "not_found", 404, "There is nothing here.";
    /// Something changed meanwhile, or the name is taken.
    Conflict = "conflict", 409, "Something is already there, or changed meanwhile.";
    /// An idempotency key that belongs to another request.
    IdempotencyKeyReused = "idempotency_key_reused", 422, "The idempotency key belongs to another request.";
    /// The upstream could not be reached or broke off.
    UpstreamUnreachable = "upstream_unreachable", 502, "The upstream could not be reached.";
    /// An answer that cannot be searched for the credential.
    AnswerUnreadable = "answer_unreadable", 502, "The upstream's answer cannot be searched for the credential.";
    /// A fault of ours.
    Internal = "internal", 500, "Exeat failed; nothing was done.";
}

/// A refusal, ready to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Which.
    pub kind: ProblemKind,
    /// What it was this time and what to do next. Never a secret; never a caller's text in full.
    pub detail: String,
    /// More members (RFC 9457 §3.2): what is missing, how to ask.
    pub more: Map<String, Value>,
}

impl Problem {
    /// A problem and what to do about it.
    #[must_use]
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), more: Map::new() }
    }

    /// Adds a member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        drop(self.more.insert(name.to_owned(), value.into()));
        self
    }

    /// The `application/problem+json` document.
    #[must_use]
    pub fn document(&self) -> Value {
        let mut document = Map::new();
        let known = [
            ("type", Value::from(format!("urn:exeat:problem:{}", self.kind.name()))),
            ("title", Value::from(self.kind.title())),
            ("status", Value::from(self.kind.status())),
            ("detail", Value::from(self.detail.clone())),
        ];
        document.extend(known.map(|(name, value)| (name.to_owned(), value)));
        document.extend(self.more.clone());
        Value::Object(document)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.detail)
    }
}

impl std::error::Error for Problem {}
