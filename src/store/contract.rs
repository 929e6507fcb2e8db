//! The contract every engine keeps. `tests/integration/store` runs one suite over each engine.

use futures_util::future::BoxFuture;

use super::installed::{Installed, SealedKey, StoredPasskey};
use super::open::{OpenConnection, OpenUse};
use super::query::{ApprovalQuery, EntryQuery, StoredCheckpoint, StoredEntry};
use super::report::{Noted, Report};
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::base::id::{
    AgentId, ApprovalId, CredentialId, LayerId, PersonId, RunId, SessionId, TokenId, UpstreamId,
};
use crate::domain::approval::{Approval, Exchange};
use crate::domain::connection::{ConnectionEnd, ConnectionStart};
use crate::domain::identity::Identity;
use crate::domain::layer::Layer;
use crate::domain::ledger::{Entry, KeyPurpose, Recorded};
use crate::domain::principal::{Agent, Person};
use crate::domain::run::RunRecord;
use crate::domain::session::Session;
use crate::domain::upstream::Upstream;
use crate::domain::usage::{Outcome, UseStart};
use crate::domain::webauthn::{PasskeyId, Signature};

/// What a store can fail with, whatever the step.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The step was not taken because something it relies on had changed, or a name is taken. Read again.
    #[error("changed meanwhile")]
    Conflict,
    /// Nothing can be written or read now: disk full, database gone, writer behind. A step refused so has no effect anybody may rely on;
    /// one that waited too long may still be found on record, as a use that never finished for example. Try again.
    #[error("the ledger is not available: {0}")]
    Unavailable(&'static str),
    /// The engine refused.
    #[error("the store failed")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row that the domain could not have written.
    #[error("corrupt row in {table}: {row}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The row's key.
        row: String,
    },
}

/// A change to what is installed. Each comes with its entry.
#[expect(
    missing_docs,
    reason = "each variant says what its fields are; their types and names are those of the design"
)]
#[derive(Clone, Debug)]
pub enum Change {
    /// A new person, known by the hash of a key. `Conflict` when the name is taken by a person not removed.
    AddPerson { person: Person, key: Digest },
    /// A person's end, and that of their sessions and passkeys with it. `Conflict` when there is none such.
    RemovePerson { id: PersonId, at: Timestamp },
    /// A person's session, known by the hash of what the browser sends. Sessions that are over are forgotten with it.
    BeginSession { session: Session, key: Digest },
    /// A session's end. `Conflict` when there is none such.
    EndSession { id: SessionId },
    /// A person's new passkey. `Conflict` when it is somebody's already, the person has been removed, or it comes without a signature and
    /// is not their first. A passkey that signed counts up, and `Conflict` when it does not.
    AddPasskey { passkey: StoredPasskey, signature: Option<Box<Signature>> },
    /// A passkey's end. `Conflict` when it is not one of this person's, or the one that signed for it does not count up.
    RemovePasskey { person: PersonId, id: PasskeyId, signature: Box<Signature> },
    /// A new agent, known by the hash of a key. `Conflict` when the name is taken by an agent not removed.
    AddAgent { agent: Agent, key: Digest },
    /// An agent's end; its tokens are dead and its pending requests cancelled with it, each with an entry `Cancelled` after this one. `Conflict` when there is none such.
    RemoveAgent { id: AgentId, at: Timestamp },
    /// A new layer, known by the hash of a key. `Conflict` when the name is taken by a layer not removed.
    AddLayer { layer: Layer, key: Digest },
    /// A layer's end. `Conflict` when there is none such.
    RemoveLayer { id: LayerId, at: Timestamp },
    /// An acting identity. Naming one twice changes nothing.
    AddIdentity { identity: Identity },
    /// A definition, new (version 1) or the next version of one; approvals bound to an older one become stale.
    /// `Conflict` when the version is not the next. A client certificate comes with its key, sealed, and no key without one.
    PutUpstream { upstream: Upstream, client_key: Option<Vec<u8>> },
    /// A sealed credential, new (version 1) or the next version; approvals bound to an older one become stale.
    /// `Conflict` when the version is not the next, or upstream and identity have another credential (A15).
    PutCredential {
        credential: CredentialId,
        version: u64,
        upstream: UpstreamId,
        identity: Identity,
        sealed: Vec<u8>,
    },
    /// The same version of a credential, sealed anew under another key. `Conflict` when the version differs.
    Reseal { credential: CredentialId, version: u64, sealed: Vec<u8> },
    /// The same for the key of a client certificate; the version is that of the upstream.
    ResealClientKey { upstream: UpstreamId, version: u64, sealed: Vec<u8> },
    /// The policy in force. Approvals made under another become stale.
    SetPolicy { version: Digest },
    /// A new signing key that takes over for its purpose.
    AddKey { key: SealedKey },
    /// Only the entry.
    Nothing,
}

/// Where the log stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of entries.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Digest,
    /// The time of the newest entry.
    pub last_at: Option<Timestamp>,
}

/// A token as the store knows it: never the token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// Its id.
    pub id: TokenId,
    /// Its approval.
    pub approval: ApprovalId,
    /// Its agent.
    pub agent: AgentId,
    /// Its run.
    pub run: Option<RunId>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Whether it would be accepted now, its time apart: not revoked, its approval neither revoked nor stale nor used up, its agent
    /// not removed.
    pub live: bool,
}

/// What became of a new request.
#[derive(Debug)]
pub enum Created {
    /// It is on record.
    New(Recorded<Approval>),
    /// The same request under the same idempotency key is there already, or the same undecided request of the same agent.
    Existing(Approval),
}

/// Why a request was not taken.
#[derive(Debug, thiserror::Error)]
pub enum CreateRefused {
    /// The idempotency key was used for another request.
    #[error("the idempotency key belongs to another request")]
    KeyReused,
    /// The agent has as many undecided requests as it may have.
    #[error("too many undecided requests")]
    TooManyPending,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why no token was put on record.
#[derive(Debug, thiserror::Error)]
pub enum IssueRefused {
    /// By the time of writing the approval gave no (further) token: spent, revoked, expired, stale, agent removed.
    #[error("the approval gives no token now")]
    NotNow,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a use was not put on record. The caller records the refusal ([`Store::append`]).
#[derive(Debug, thiserror::Error)]
pub enum UseDenied {
    /// The token is not live any more.
    #[error("the token is not live")]
    NotLive,
    /// The approval has no uses left.
    #[error("no uses are left")]
    UsedUp,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The result of a step, later.
pub type Later<'a, T, E = StoreError> = BoxFuture<'a, Result<T, E>>;

/// A store.
pub trait Store: Send + Sync + 'static {
    /// Everything installed.
    fn installed(&self) -> Later<'_, Installed>;
    /// The signing keys of one purpose, oldest first.
    fn keys(&self, purpose: KeyPurpose) -> Later<'_, Vec<SealedKey>>;
    /// One approval, with its counters as they stand.
    fn approval(&self, id: ApprovalId) -> Later<'_, Option<Approval>>;
    /// Approvals, newest first.
    fn approvals(&self, query: ApprovalQuery) -> Later<'_, Vec<Approval>>;
    /// One token.
    fn token(&self, id: TokenId) -> Later<'_, Option<TokenRecord>>;
    /// Entries by index.
    fn entries(&self, query: EntryQuery) -> Later<'_, Vec<StoredEntry>>;
    /// Signed heads that cover more than `after` entries, by size, at most `limit`.
    fn checkpoints(&self, after: u64, limit: u32) -> Later<'_, Vec<StoredCheckpoint>>;
    /// The hashes of stored subtrees: `(level, index)` where level is 0, 8, 16, … in the order asked. Missing ones are `Corrupt`.
    fn nodes(&self, wanted: Vec<(u8, u64)>) -> Later<'_, Vec<Digest>>;
    /// Where the log stands.
    fn head(&self) -> Later<'_, Head>;
    /// Uses that began before `before` and have not ended, oldest first.
    fn open_uses(&self, before: Timestamp) -> Later<'_, Vec<OpenUse>>;

    /// One run.
    fn run(&self, id: RunId) -> Later<'_, Option<RunRecord>>;
    /// Runs that have not ended, oldest first.
    fn open_runs(&self) -> Later<'_, Vec<RunRecord>>;
    /// Connections that were opened before `before` and have not ended, oldest first.
    fn open_connections(&self, before: Timestamp) -> Later<'_, Vec<OpenConnection>>;

    /// Changes what is installed, with its entry.
    fn change(&self, change: Change, entry: Entry) -> Later<'_, Recorded<()>>;
    /// Puts a request on record, with its entry. `idempotency` is the agent's key and binds it to the digest of the request. An
    /// undecided request of the same agent and run with the same request digest is given back instead. `max_pending` bounds the undecided
    /// requests of one agent; ones whose time has run out or that became stale do not count. `Conflict` when the agent or its run has ended,
    /// or the policy or a version the statement names is not the one in force.
    fn create(
        &self,
        approval: Approval,
        idempotency: Option<String>,
        max_pending: u32,
        entry: Entry,
    ) -> Later<'_, Created, CreateRefused>;
    /// Writes the next state of an approval. `Conflict` when the stored revision is not `next.revision - 1`, or, for a decision, when
    /// what the statement is bound to has changed since. A signed decision counts its passkey up in the same step; `Conflict` when the
    /// counter does not rise. Tokens and uses issued meanwhile are kept, not overwritten. A revoked or expired
    /// approval's tokens are dead when this returns.
    fn transition(&self, next: Approval, entry: Entry) -> Later<'_, Recorded<Approval>>;
    /// Puts a token on record: counts it against `max_tokens`, writes the row and the entry `TokenIssued`. Re-checks state, time, staleness and
    /// agent in the same transaction: of any number of attempts exactly `max_tokens` succeed (J11). The approval becomes spent with the last.
    fn issue(&self, exchange: Exchange) -> Later<'_, Recorded<Exchange>, IssueRefused>;
    /// Puts a use on record: re-checks the token's liveness at `start.at`, counts the use against `max_uses`, writes the entry `UseStarted`.
    /// Grouped with others into one transaction and one sync.
    fn start_use(&self, start: UseStart) -> Later<'_, Recorded<UseStart>, UseDenied>;
    /// Writes how a use ended, once; a second ending is a `Conflict`. `None`: nobody reported it.
    fn finish_use(&self, open: OpenUse, outcome: Option<Outcome>, at: Timestamp) -> Later<'_, Recorded<()>>;
    /// Puts on record what a layer reports, each with its entry and each once: what came before under the same source and id is
    /// `Repeated`, and what closes a use that is not open any more is `Unknown`. All of it in one step.
    fn report(&self, reports: Vec<Report>) -> Later<'_, Vec<Noted>>;
    /// Puts a run on record, with its entry. `Conflict` when its agent has been removed.
    fn start_run(&self, record: RunRecord, entry: Entry) -> Later<'_, Recorded<()>>;
    /// Writes the next state of a run. `Conflict` when it does not follow from the stored one. With its end everything that was granted to
    /// it ends in the same step: its undecided requests are cancelled, each with an entry, and its approvals become stale.
    fn advance_run(&self, next: RunRecord, entry: Entry) -> Later<'_, Recorded<()>>;
    /// Puts a connection on record before it is opened. Re-checks in the same transaction that its run is under way, and that the approval
    /// it names is one of the run's, approved, in time and not stale; `Conflict` when not.
    fn open_connection(&self, start: ConnectionStart) -> Later<'_, Recorded<ConnectionStart>>;
    /// Writes how a connection ended, once; a second ending is a `Conflict`. `None`: nobody reported it.
    fn close_connection(
        &self,
        open: OpenConnection,
        end: Option<ConnectionEnd>,
        at: Timestamp,
    ) -> Later<'_, Recorded<()>>;
    /// Ends a token, with its entry. `Conflict` when it had been ended before or there is none such.
    fn revoke_token(&self, id: TokenId, entry: Entry) -> Later<'_, Recorded<()>>;
    /// Writes entries that change nothing else. The index is that of the last; none is a `Conflict`.
    fn append(&self, entries: Vec<Entry>) -> Later<'_, Recorded<()>>;
}
