//! The closed set of events. No field can hold a secret: ids, names, scope items, inert text, masked targets.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::base::id::{
    AgentId, ApprovalId, ConnectionId, CredentialId, LayerId, PersonId, RunId, SessionId, TokenId,
    UpstreamId, UseId,
};
use crate::domain::approval::{Decision, Statement};
use crate::domain::canonical::canonical;
use crate::domain::connection::ConnectionStart;
use crate::domain::files::UsedFiles;
use crate::domain::identity::Identity;
use crate::domain::layer::Layer;
use crate::domain::name::Name;
use crate::domain::principal::{Agent, Label, Role};
use crate::domain::reported::{Sighting, UseReport};
use crate::domain::run::{Claim, ClimbCause, Run, RunEnd, Rung};
use crate::domain::scope::ScopeItem;
use crate::domain::session::Session;
use crate::domain::upstream::Upstream;
use crate::domain::usage::{Outcome, UseRefusal, UseStart};
use crate::domain::webauthn::{Passkey, PasskeyId, RelyingParty, Signature};
use crate::domain::widening::Widened;

/// One line of the log: when, and what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// What can happen.
#[expect(
    missing_docs,
    reason = "each variant says what its fields are; their types and names are those of the design"
)]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// `exeat init` made this installation.
    Installed { version: String },
    /// The broker began to serve.
    Started { version: String, policy: Digest },
    /// The broker stopped as asked.
    Stopped {},
    /// The wall clock was found behind or ahead of Exeat's own time by this many microseconds.
    ClockStepped { offset: i64 },
    /// The review policy in force changed.
    PolicyChanged { policy: Digest },
    /// A key took over: `token` or `ledger` keys by their id, `vault` keys by their version.
    KeyRotated { purpose: KeyPurpose, key: String, by: Option<PersonId> },
    /// A person was added. The first has nobody who added them.
    PersonAdded { person: PersonId, name: Label, roles: BTreeSet<Role>, by: Option<PersonId> },
    /// A person was removed.
    PersonRemoved { person: PersonId, by: PersonId },
    /// A person signed in on the pages.
    SessionBegan { session: Session },
    /// A person's session was ended, by themselves or an operator.
    SessionEnded { session: SessionId, person: PersonId, by: PersonId },
    /// A person registered a passkey: what verifies their signatures from now on, and for whose pages it is.
    /// Every one but a person's first is signed for by an earlier one.
    PasskeyRegistered {
        person: PersonId,
        name: Label,
        passkey: Passkey,
        party: RelyingParty,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<Box<Signature>>,
    },
    /// A passkey is a person's no more; signed for by one of theirs.
    PasskeyRemoved { person: PersonId, passkey: PasskeyId, signature: Box<Signature> },
    /// An agent was enrolled.
    AgentEnrolled { agent: Agent, by: PersonId },
    /// An agent was removed.
    AgentRemoved { agent: AgentId, by: PersonId },
    /// A layer was enrolled.
    LayerEnrolled { layer: Layer, by: PersonId },
    /// A layer was removed.
    LayerRemoved { layer: LayerId, by: PersonId },
    /// An acting identity was named.
    IdentityAdded { identity: Identity, by: PersonId },
    /// An upstream was defined, or redefined.
    UpstreamDefined { upstream: Upstream, by: PersonId },
    /// A credential was sealed.
    CredentialSealed {
        credential: CredentialId,
        version: u64,
        upstream: UpstreamId,
        upstream_name: Name,
        identity: Identity,
        by: PersonId,
    },
    /// The key of an upstream's client certificate was sealed anew; the version is that of the upstream.
    ClientKeySealed { upstream: UpstreamId, upstream_name: Name, version: u64, by: PersonId },
    /// An agent asked.
    Requested { statement: Statement, digest: Digest },
    /// An agent's asking was refused before it became a request.
    RequestRefused {
        agent: AgentId,
        problem: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<RunId>,
    },
    /// A person decided.
    Decided { approval: ApprovalId, agent: AgentId, run: Option<RunId>, decision: Decision, state: String },
    /// A person's decision was refused.
    DecisionRefused { approval: ApprovalId, person: PersonId, problem: String },
    /// The agent took its request back.
    Cancelled {
        approval: ApprovalId,
        agent: AgentId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<RunId>,
    },
    /// Time ran out.
    Expired {
        approval: ApprovalId,
        agent: AgentId,
        decided: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<RunId>,
    },
    /// A person ended an approval, and its tokens with it.
    Revoked {
        approval: ApprovalId,
        agent: AgentId,
        by: PersonId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<RunId>,
    },
    /// A token was made.
    TokenIssued {
        token: TokenId,
        approval: ApprovalId,
        agent: AgentId,
        run: Option<RunId>,
        identity: Identity,
        items: Vec<ScopeItem>,
        approvers: Vec<PersonId>,
        statement_digest: Digest,
        expires_at: Timestamp,
    },
    /// An exchange was refused.
    ExchangeRefused {
        agent: AgentId,
        approval: Option<ApprovalId>,
        problem: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<RunId>,
    },
    /// A token was ended.
    TokenRevoked {
        token: TokenId,
        approval: ApprovalId,
        agent: AgentId,
        by: Revoker,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<RunId>,
    },
    /// A use is about to carry a credential.
    UseStarted(UseStart),
    /// A use ended.
    UseFinished {
        #[serde(rename = "use")]
        id: UseId,
        token: TokenId,
        approval: ApprovalId,
        agent: AgentId,
        run: Option<RunId>,
        outcome: Outcome,
    },
    /// Nobody reported how a use ended.
    UseUnfinished {
        #[serde(rename = "use")]
        id: UseId,
        token: TokenId,
        approval: ApprovalId,
        agent: AgentId,
        run: Option<RunId>,
    },
    /// The layer that had asked for a use said how it ended. Nobody else saw it.
    UseReported(UseReport),
    /// A use was refused.
    UseRefused(UseRefusal),
    /// A run began.
    RunStarted(Run),
    /// The harness of a run said what it was doing, or that it was over. Nobody else saw it.
    RunStep { run: RunId, agent: AgentId, claim: Claim },
    /// A run climbed the ladder.
    RunClimbed { run: RunId, agent: AgentId, from: Rung, to: Rung, cause: ClimbCause },
    /// Files were granted to a run while it went on, and this came of it.
    RunWidened { run: RunId, agent: AgentId, approval: ApprovalId, item: ScopeItem, widened: Widened },
    /// A run ended, and what was granted to it with it. The files are what was seen of its opens, if anybody looked.
    RunEnded {
        run: RunId,
        agent: AgentId,
        end: RunEnd,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        files: Option<UsedFiles>,
    },
    /// A run is about to be connected to a host. No credential is on its way there.
    ConnectionOpened(ConnectionStart),
    /// The connection ended.
    ConnectionClosed {
        connection: ConnectionId,
        run: RunId,
        agent: AgentId,
        approval: Option<ApprovalId>,
        host: String,
        bytes_up: u64,
        bytes_down: u64,
        broken: Option<String>,
    },
    /// Nobody reported how a connection ended.
    ConnectionUnfinished {
        connection: ConnectionId,
        run: RunId,
        agent: AgentId,
        approval: Option<ApprovalId>,
        host: String,
    },
    /// A layer said that it saw something in a run. Nobody else saw it.
    LayerReported(Sighting),
    /// Somebody's key was not accepted on a listener.
    AuthenticationFailed { listener: String },
    /// What callers that nobody knows sent to a listener was refused, so often for each reason since the last such entry.
    StrangersRefused { listener: String, reasons: BTreeMap<String, u64> },
    /// A person read the log or a report.
    LedgerRead { by: PersonId, what: String },
}

/// Which kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyPurpose {
    /// Signs access tokens.
    Token,
    /// Signs checkpoints of the log.
    Ledger,
    /// Wraps the vault's data keys.
    Vault,
    /// Signs the certificates of intercepted hosts.
    Authority,
}

/// Who ended a token.
#[expect(missing_docs, reason = "the variants say what their ids are")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Revoker {
    /// A person.
    Person { id: PersonId },
    /// The agent itself (RFC 7009).
    Agent { id: AgentId },
}

impl Entry {
    /// The canonical bytes (RFC 8785): the leaf of the tree is made over these.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        canonical(self)
    }
}
