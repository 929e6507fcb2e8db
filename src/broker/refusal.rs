//! The refusal of a use: on record with its reason, and told with what to do next.

use super::teach::taught;
use super::{Broker, no_randomness};
use crate::base::id::UseId;
use crate::domain::identity::Identity;
use crate::domain::ledger::Event;
use crate::domain::name::Name;
use crate::domain::principal::Agent;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::scope::{HttpTarget, ScopeItem};
use crate::domain::token::VerifiedToken;
use crate::domain::usage::UseRefusal;
use crate::planes::network::proxy::gate::Caller;

/// A refusal by rule.
pub(super) struct Refusal {
    pub(super) kind: ProblemKind,
    pub(super) reason: &'static str,
    pub(super) upstream: Option<Name>,
    pub(super) target: Option<String>,
    pub(super) missing: Option<ScopeItem>,
    /// Whom the upstream was to see, where that was chosen without a token.
    pub(super) identity: Option<Identity>,
}

impl Refusal {
    pub(super) fn of(kind: ProblemKind, reason: &'static str, target: &HttpTarget) -> Self {
        let upstream = Some(target.upstream().clone());
        Self { kind, reason, upstream, target: Some(target.redacted()), missing: None, identity: None }
    }
}

pub(super) const TOKEN_NOT_ACCEPTED: &str =
    "The token is not accepted. Exchange the approval again while it lives, or ask for a new one.";

const HOST_NOT_OPEN: &str = "Ask for what is in `missing`: send `ask.body` to `ask.path`, or run `ask.command`. When a person has approved, the host \
     is open to this run at once: try again.";

/// What to do next, for each problem a use can be refused with.
pub(super) fn detail(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::NotPermitted => {
            "Ask for what is in `missing`: send `ask.body` to `ask.path`, or run `ask.command`. When a person has approved, \
             exchange the approval and send the token where the credential would go."
        }
        ProblemKind::TokenInvalid => TOKEN_NOT_ACCEPTED,
        ProblemKind::ForeignCredential => {
            "Send only a token from Exeat, once, in the upstream's slot. Exeat puts the credential in its place."
        }
        ProblemKind::DestinationRefused => {
            "Only the hosts of installed upstreams are reached through this proxy, each at the addresses it may have."
        }
        ProblemKind::RequestAmbiguous => {
            "Send the request in its plainest form: no dot segments, no needless or double encoding, each header once. A \
             body that a rule is about: one JSON value or form, plain or gzip, each name once, typed as what it is."
        }
        ProblemKind::BodyTooLong => {
            "Send a body of at most `proxy.inspect_bytes`: a rule is about it, and what is not read is not sent."
        }
        ProblemKind::RateLimited => "Send it again when other requests have been answered.",
        ProblemKind::Misdirected => {
            "The name in CONNECT, the name in TLS and the Host header have to be the same."
        }
        ProblemKind::MethodNotAllowed => {
            "Use GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS; CONNECT only to open a tunnel."
        }
        ProblemKind::UpstreamUnreachable => {
            "The upstream did not answer. Try again; an operator can check its origin and its roots."
        }
        _ => "See `docs/problems.md`.",
    }
}

impl Broker {
    /// Puts the refusal of a use on record and makes it teach.
    pub(super) async fn refuse_use(
        &self,
        agent: &Agent,
        caller: &Caller,
        token: Option<&VerifiedToken>,
        refusal: Refusal,
    ) -> Problem {
        let id = match UseId::new(self.parts.clock.as_ref(), self.parts.random.as_ref()) {
            Ok(id) => id,
            Err(error) => return no_randomness(error),
        };
        self.count_refused(refusal.upstream.as_ref(), refusal.reason);
        let event = UseRefusal {
            id,
            agent: agent.id,
            token: token.map(VerifiedToken::id),
            approval: token.map(VerifiedToken::approval),
            run: caller.run.or_else(|| token.and_then(VerifiedToken::run)),
            problem: refusal.kind.name().to_owned(),
            reason: refusal.reason.to_owned(),
            target: refusal.target,
            via: caller.via,
            step: self.step_of(caller),
        };
        let identity = token.map(VerifiedToken::identity).or(refusal.identity.as_ref());
        let opens = matches!(refusal.missing, Some(ScopeItem::Network(_)));
        let problem = Problem::new(refusal.kind, if opens { HOST_NOT_OPEN } else { detail(refusal.kind) });
        let problem = taught(problem, id, agent, (caller.run, identity), refusal.missing.as_ref());
        self.refused(Event::UseRefused(event), problem).await
    }
}
