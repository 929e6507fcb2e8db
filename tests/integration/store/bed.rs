//! A store with somebody, something and a policy in it, and short ways to ask, decide, exchange and use.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use exeat::base::clock::{Clock as _, ManualClock, Timestamp};
use exeat::base::crypto::hash::{Digest, sha256};
use exeat::base::crypto::sign::SigningKey;
use exeat::base::id::{AgentId, ApprovalId, CredentialId, PersonId, TokenId, UpstreamId, UseId};
use exeat::base::random::SystemRandomness;
use exeat::base::secret::Secret;
use exeat::base::tasks::Tasks;
use exeat::domain::approval::{
    AgentRef, Approval, Authentication, Decision, Exchange, ItemDecision, Limits, Narrowing, Policy,
    Statement, Verdict,
};
use exeat::domain::identity::Identity;
use exeat::domain::ledger::note::{Origin, VerifierKey};
use exeat::domain::ledger::{Entry, Event, KeyPurpose, Recorded};
use exeat::domain::principal::{Agent, Person, Role};
use exeat::domain::scope::ScopeItem;
use exeat::domain::step::{SeenStep, Step};
use exeat::domain::upstream::{Bound, Upstream};
use exeat::domain::usage::UseStart;
use exeat::store::sqlite::{Signer, SqliteFile, SqliteStore};
use exeat::store::{
    Change, CreateRefused, Created, IssueRefused, OpenUse, SealedKey, Store, StoreError, UseDenied,
};

pub(super) struct Bed {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: ManualClock,
    pub(super) random: SystemRandomness,
    pub(super) reviewer: Person,
    pub(super) agent: Agent,
    pub(super) upstream: Upstream,
    pub(super) credential: CredentialId,
    pub(super) policy: Policy,
    pub(super) tasks: Tasks,
    _directory: Option<tempfile::TempDir>,
}

pub(super) fn start_of_time() -> Timestamp {
    "2026-11-23T20:00:00Z".to_owned().try_into().unwrap()
}

pub(super) fn origin() -> Origin {
    "exeat.test/log".parse().unwrap()
}

pub(super) fn signing_key() -> SigningKey {
    SigningKey::from_seed(&Secret::new(vec![7; 32])).unwrap()
}

pub(super) fn verifier() -> VerifierKey {
    VerifierKey::new(origin(), signing_key().public())
}

pub(super) fn signer() -> Signer {
    Signer { origin: origin(), key: signing_key() }
}

pub(super) fn ledger_key() -> SealedKey {
    SealedKey {
        id: "ledger-1".into(),
        purpose: KeyPurpose::Ledger,
        public: signing_key().public().as_bytes().to_vec(),
        sealed: b"sealed".to_vec(),
        since: start_of_time(),
    }
}

pub(super) fn policy() -> Policy {
    let limits = Limits { expires_in: 3600, max_uses: 10_000, max_tokens: 1000 };
    let policy = Policy {
        required_approvers: 1,
        ceiling: limits,
        defaults: limits,
        longest_token: 3600,
        token_lifetime: 300,
        max_pending: 20,
        unsafe_no_sandbox: false,
        signature_for: exeat::domain::approval::SignatureFor::Nothing,
    };
    policy.checked().unwrap()
}

/// The engines. One function each; the suite does the rest.
pub(super) async fn sqlite_memory() -> Bed {
    let tasks = Tasks::new();
    let file = SqliteFile::in_memory().await.unwrap();
    file.install(&origin(), &[ledger_key()]).await.unwrap();
    let store = file.start(signer(), &tasks).await.unwrap();
    Bed::furnished(Arc::new(store), tasks, None).await
}

pub(super) async fn sqlite_file() -> Bed {
    let directory = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let file = SqliteFile::open(&directory.path().join("exeat.db")).await.unwrap();
    file.install(&origin(), &[ledger_key()]).await.unwrap();
    let store = file.start(signer(), &tasks).await.unwrap();
    Bed::furnished(Arc::new(store), tasks, Some(directory)).await
}

/// The store at `path`, which is installed.
pub(super) async fn reopened(path: &Path, tasks: &Tasks) -> SqliteStore {
    SqliteFile::open(path).await.unwrap().start(signer(), tasks).await.unwrap()
}

pub(super) fn nothing(at: Timestamp) -> Entry {
    Entry { at, event: Event::Stopped {} }
}

impl Bed {
    pub(super) async fn furnished(
        store: Arc<dyn Store>,
        tasks: Tasks,
        directory: Option<tempfile::TempDir>,
    ) -> Self {
        let clock = ManualClock::at(start_of_time());
        let random = SystemRandomness::default();
        let reviewer = Person {
            id: PersonId::new(&clock, &random).unwrap(),
            name: "Rita".parse().unwrap(),
            roles: [Role::Reviewer, Role::Operator].into(),
            removed_at: None,
        };
        let upstream: Upstream = serde_json::from_value(serde_json::json!({
            "id": UpstreamId::new(&clock, &random).unwrap(), "name": "github", "version": 1,
            "origins": ["https://api.github.com"], "slot": "bearer", "ca_pem": null, "allow_addresses": [],
        }))
        .unwrap();
        let agent = Agent {
            id: AgentId::new(&clock, &random).unwrap(),
            name: "builder".parse().unwrap(),
            identities: [identity()].into(),
            upstreams: [upstream.name.clone()].into(),
            on_behalf_of: None,
            enrolled_by: reviewer.id,
            expires_at: clock.now().plus(Duration::from_hours(24)),
            removed_at: None,
        };
        let credential = CredentialId::new(&clock, &random).unwrap();
        let bed = Self {
            store,
            clock,
            random,
            reviewer,
            agent,
            upstream,
            credential,
            policy: policy(),
            tasks,
            _directory: directory,
        };
        bed.furnish().await;
        bed
    }

    async fn furnish(&self) {
        let changes = [
            Change::AddPerson { person: self.reviewer.clone(), key: sha256(&[b"rita"]) },
            Change::AddIdentity { identity: identity() },
            Change::PutUpstream { upstream: self.upstream.clone(), client_key: None },
            self.sealed(1),
            Change::AddAgent { agent: self.agent.clone(), key: sha256(&[b"builder"]) },
            Change::SetPolicy { version: self.policy.version() },
        ];
        for change in changes {
            self.change(change).await.unwrap();
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) async fn change(&self, change: Change) -> Result<Recorded<()>, StoreError> {
        self.store.change(change, nothing(self.now())).await
    }

    pub(super) fn sealed(&self, version: u64) -> Change {
        Change::PutCredential {
            credential: self.credential,
            version,
            upstream: self.upstream.id,
            identity: identity(),
            sealed: format!("sealed {version}").into_bytes(),
        }
    }

    pub(super) fn bound(&self) -> Bound {
        Bound {
            upstream: self.upstream.id,
            upstream_name: self.upstream.name.clone(),
            upstream_version: 1,
            credential: self.credential,
            credential_version: 1,
        }
    }

    pub(super) fn statement(&self, max_tokens: u32, max_uses: u32) -> Statement {
        let limits = Limits { expires_in: 3600, max_uses, max_tokens };
        let approval = ApprovalId::new(&self.clock, &self.random).unwrap();
        Statement {
            approval,
            agent: AgentRef { id: self.agent.id, name: self.agent.name.clone() },
            on_behalf_of: None,
            run: None,
            identity: identity(),
            items: vec![item()],
            reason: "to read the code".parse().unwrap(),
            step: Step::default(),
            limits,
            bound: vec![self.bound()],
            policy: self.policy.version(),
            required_approvers: 1,
            request: sha256(&[approval.to_string().as_bytes()]),
            created_at: self.now(),
            expires_at: self.now().plus(limits.lifetime()),
        }
    }

    pub(super) async fn ask(
        &self,
        statement: Statement,
        key: Option<&str>,
    ) -> Result<Created, CreateRefused> {
        let event = Event::Requested { digest: statement.digest(), statement: statement.clone() };
        let entry = Entry { at: self.now(), event };
        self.store
            .create(Approval::asked(statement), key.map(str::to_owned), self.policy.max_pending, entry)
            .await
    }

    pub(super) async fn requested(&self, max_tokens: u32, max_uses: u32) -> Approval {
        match self.ask(self.statement(max_tokens, max_uses), None).await.unwrap() {
            Created::New(recorded) => recorded.into_value(),
            Created::Existing(_) => panic!("a new request is new"),
        }
    }

    pub(super) fn decision(&self, approval: &Approval) -> Decision {
        let answer = ItemDecision { index: 0, verdict: Verdict::Approve, granted: Some(item()) };
        Decision {
            person: self.reviewer.id,
            name: self.reviewer.name.clone(),
            at: self.now(),
            authenticated_by: Authentication::ReviewKey,
            statement_digest: approval.digest(),
            items: vec![answer],
            reason: None,
            signature: None,
        }
    }

    pub(super) async fn approve(&self, approval: Approval) -> Result<Recorded<Approval>, StoreError> {
        let decision = self.decision(&approval);
        let next = approval.decide(&self.reviewer, decision.clone(), self.now()).unwrap();
        let event = Event::Decided {
            approval: next.statement.approval,
            agent: self.agent.id,
            run: None,
            decision,
            state: next.state_name(self.now()).to_owned(),
        };
        self.store.transition(next, Entry { at: self.now(), event }).await
    }

    pub(super) async fn revoke(&self, approval: Approval) -> Result<Recorded<Approval>, StoreError> {
        let id = approval.statement.approval;
        let next = approval.revoke(self.reviewer.id, self.now()).unwrap();
        let event = Event::Revoked { approval: id, agent: self.agent.id, by: self.reviewer.id, run: None };
        self.store.transition(next, Entry { at: self.now(), event }).await
    }

    pub(super) async fn approved(&self, max_tokens: u32, max_uses: u32) -> Approval {
        self.approve(self.requested(max_tokens, max_uses).await).await.unwrap().into_value()
    }

    pub(super) async fn read(&self, id: ApprovalId) -> Approval {
        self.store.approval(id).await.unwrap().unwrap()
    }

    /// A plan for a token, as the domain makes it from `approval` as it was read.
    pub(super) fn planned(&self, approval: &Approval) -> Exchange {
        let token = TokenId::new(&self.clock, &self.random).unwrap();
        approval
            .exchange(token, self.agent.id, Narrowing::default(), &self.policy, |_| true, self.now())
            .unwrap()
    }

    pub(super) async fn issue(&self, approval: &Approval) -> Result<Recorded<Exchange>, IssueRefused> {
        self.store.issue(self.planned(approval)).await
    }

    pub(super) async fn token(&self, max_uses: u32) -> Exchange {
        let approval = self.approved(1, max_uses).await;
        self.issue(&approval).await.unwrap().into_value()
    }

    pub(super) fn use_of(&self, token: &Exchange) -> UseStart {
        UseStart {
            id: UseId::new(&self.clock, &self.random).unwrap(),
            token: token.token(),
            approval: token.approval(),
            agent: self.agent.id,
            run: None,
            identity: identity(),
            upstream: self.upstream.id,
            credential: self.credential,
            credential_version: 1,
            item: 0,
            target: "GET https://api.github.com/repos/acme/app".into(),
            address: None,
            at: self.now(),
            via: None,
            step: SeenStep::default(),
        }
    }

    pub(super) async fn begin(&self, token: &Exchange) -> Result<Recorded<UseStart>, UseDenied> {
        self.store.start_use(self.use_of(token)).await
    }
}

pub(super) fn open(start: &UseStart) -> OpenUse {
    let UseStart { id, at, approval, token, agent, run, .. } = *start;
    OpenUse { id, at, approval, token, agent, run }
}

pub(super) fn identity() -> Identity {
    "service:ci-bot".parse().unwrap()
}

pub(super) fn item() -> ScopeItem {
    let text = br#"{"type":"http","upstream":"github","methods":["GET"],"paths":["/repos/**"]}"#;
    ScopeItem::from_json(text).unwrap().with_identity(&identity()).unwrap()
}

pub(super) fn digest(text: &str) -> Digest {
    sha256(&[text.as_bytes()])
}
