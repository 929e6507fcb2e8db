//! A store with somebody, something and a policy in it, and one approval to take tokens and uses from.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use exeat::base::clock::{Clock as _, SystemClock, Timestamp};
use exeat::base::crypto::hash::sha256;
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
use exeat::domain::ledger::{Entry, Event};
use exeat::domain::principal::{Agent, Person, Role};
use exeat::domain::scope::ScopeItem;
use exeat::domain::step::{SeenStep, Step};
use exeat::domain::upstream::{Bound, Upstream};
use exeat::domain::usage::UseStart;
use exeat::store::sqlite::{Signer, SqliteFile};
use exeat::store::{Change, Created, OpenUse, Store};
use serde_json::json;
use tokio::task::JoinSet;

use crate::claim::{Found, rate};

/// A furnished store.
pub(crate) struct Bed {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: SystemClock,
    pub(crate) random: SystemRandomness,
    reviewer: Person,
    agent: Agent,
    upstream: Upstream,
    credential: CredentialId,
    tasks: Tasks,
}

impl Bed {
    /// In one file at `path`.
    pub(crate) async fn in_file(path: &Path) -> Found<Self> {
        Self::over(SqliteFile::open(path).await?).await
    }

    /// In memory.
    pub(crate) async fn in_memory() -> Found<Self> {
        Self::over(SqliteFile::in_memory().await?).await
    }

    async fn over(file: SqliteFile) -> Found<Self> {
        let signer = Signer {
            origin: "exeat.bench/log".parse()?,
            key: SigningKey::from_seed(&Secret::new(vec![7; 32]))?,
        };
        file.install(&signer.origin, &[]).await?;
        let tasks = Tasks::new();
        let store = Arc::new(file.start(signer, &tasks).await?);
        Self::furnished(store, tasks).await
    }

    /// Adds everybody and everything that a token takes.
    pub(crate) async fn furnished(store: Arc<dyn Store>, tasks: Tasks) -> Found<Self> {
        let (clock, random) =
            (SystemClock::starting_at(Timestamp::from_micros(0)), SystemRandomness::default());
        let reviewer = Person {
            id: PersonId::new(&clock, &random)?,
            name: "Rita".parse()?,
            roles: [Role::Reviewer].into(),
            removed_at: None,
        };
        let upstream: Upstream = serde_json::from_value(json!({
            "id": UpstreamId::new(&clock, &random)?, "name": "github", "version": 1,
            "origins": ["https://api.github.com"], "slot": "bearer", "ca_pem": null, "allow_addresses": [],
        }))?;
        let agent = Agent {
            id: AgentId::new(&clock, &random)?,
            name: "builder".parse()?,
            identities: [identity()?].into(),
            upstreams: [upstream.name.clone()].into(),
            on_behalf_of: None,
            enrolled_by: reviewer.id,
            expires_at: clock.now().plus(Duration::from_hours(24)),
            removed_at: None,
        };
        let credential = CredentialId::new(&clock, &random)?;
        let bed = Self { store, clock, random, reviewer, agent, upstream, credential, tasks };
        bed.furnish().await?;
        Ok(bed)
    }

    async fn furnish(&self) -> Found {
        let (credential, upstream, sealed) = (self.credential, self.upstream.clone(), b"sealed".to_vec());
        let identity = identity()?;
        let changes = [
            Change::AddPerson { person: self.reviewer.clone(), key: sha256(&[b"rita"]) },
            Change::AddIdentity { identity: identity.clone() },
            Change::PutUpstream { upstream: upstream.clone(), client_key: None },
            Change::PutCredential { credential, version: 1, upstream: upstream.id, identity, sealed },
            Change::AddAgent { agent: self.agent.clone(), key: sha256(&[b"builder"]) },
            Change::SetPolicy { version: policy().version() },
        ];
        for change in changes {
            self.store.change(change, Entry { at: self.clock.now(), event: Event::Stopped {} }).await?;
        }
        Ok(())
    }

    /// A token of an approval of its own: asked, approved, exchanged.
    pub(crate) async fn token(&self) -> Found<Exchange> {
        let statement = self.statement()?;
        let event = Event::Requested { digest: statement.digest(), statement: statement.clone() };
        let entry = Entry { at: self.clock.now(), event };
        let Created::New(asked) = self.store.create(Approval::asked(statement), None, 20, entry).await?
        else {
            return Err("the request was there before".into());
        };
        let asked = asked.into_value();
        let decision = Decision {
            person: self.reviewer.id,
            name: self.reviewer.name.clone(),
            at: self.clock.now(),
            authenticated_by: Authentication::ReviewKey,
            statement_digest: asked.digest(),
            items: vec![ItemDecision { index: 0, verdict: Verdict::Approve, granted: Some(item()?) }],
            reason: None,
            signature: None,
        };
        let (approval, agent) = (asked.statement.approval, self.agent.id);
        let next = asked.decide(&self.reviewer, decision.clone(), self.clock.now())?;
        let event = Event::Decided { approval, agent, run: None, decision, state: "approved".to_owned() };
        let entry = Entry { at: self.clock.now(), event };
        let approved = self.store.transition(next, entry).await?.into_value();
        let token = TokenId::new(&self.clock, &self.random)?;
        let now = self.clock.now();
        let planned = approved.exchange(token, agent, Narrowing::default(), &policy(), |_| true, now)?;
        Ok(self.store.issue(planned).await?.into_value())
    }

    fn statement(&self) -> Found<Statement> {
        let (now, limits) = (self.clock.now(), policy().defaults);
        let approval = ApprovalId::new(&self.clock, &self.random)?;
        let bound = Bound {
            upstream: self.upstream.id,
            upstream_name: self.upstream.name.clone(),
            upstream_version: 1,
            credential: self.credential,
            credential_version: 1,
        };
        Ok(Statement {
            approval,
            agent: AgentRef { id: self.agent.id, name: self.agent.name.clone() },
            on_behalf_of: None,
            run: None,
            identity: identity()?,
            items: vec![item()?],
            reason: "to read the open issues".parse()?,
            step: Step::default(),
            limits,
            bound: vec![bound],
            policy: policy().version(),
            required_approvers: 1,
            request: sha256(&[approval.to_string().as_bytes()]),
            created_at: now,
            expires_at: now.plus(limits.lifetime()),
        })
    }

    /// A use of `token`, as the broker would put it on record.
    pub(crate) fn begun(&self, token: &Exchange) -> Found<UseStart> {
        Ok(UseStart {
            id: UseId::new(&self.clock, &self.random)?,
            token: token.token(),
            approval: token.approval(),
            agent: self.agent.id,
            run: None,
            identity: identity()?,
            upstream: self.upstream.id,
            credential: self.credential,
            credential_version: 1,
            item: 0,
            target: "GET https://api.github.com/repos/acme/app/issues".to_owned(),
            address: Some(([192, 0, 2, 7], 443).into()),
            at: self.clock.now(),
            via: None,
            step: SeenStep::default(),
        })
    }

    /// Puts uses of one token on record with so many callers at once; gives the rate.
    pub(crate) async fn uses(self: &Arc<Self>, callers: usize, time: Duration) -> Found<f64> {
        let token = Arc::new(self.token().await?);
        let (began, mut tasks) = (Instant::now(), JoinSet::new());
        for _ in 0..callers {
            let (bed, token) = (Arc::clone(self), Arc::clone(&token));
            drop(tasks.spawn(async move {
                let mut count = 0;
                while began.elapsed() < time {
                    bed.store.start_use(bed.begun(&token)?).await?;
                    count += 1;
                }
                Found::Ok(count)
            }));
        }
        let mut count = 0;
        while let Some(done) = tasks.join_next().await {
            count += done??;
        }
        Ok(rate(count, began.elapsed()))
    }

    /// Closes the store, so that another may open it.
    pub(crate) async fn closed(self) {
        let Self { store, tasks, .. } = self;
        tasks.stop();
        drop(store);
        tasks.ended().await;
    }
}

/// The policy of the benches: as shipped, with room for many tokens and uses.
pub(crate) fn policy() -> Policy {
    let limits = Limits { expires_in: 86_400, max_uses: 100_000_000, max_tokens: 1_000_000 };
    Policy {
        required_approvers: 1,
        ceiling: limits,
        defaults: limits,
        longest_token: 3600,
        token_lifetime: 3600,
        max_pending: 20,
        unsafe_no_sandbox: false,
        signature_for: exeat::domain::approval::SignatureFor::Nothing,
    }
}

/// How a use begun is named when it ends.
pub(crate) const fn open(start: &UseStart) -> OpenUse {
    let UseStart { id, at, approval, token, agent, run, .. } = *start;
    OpenUse { id, at, approval, token, agent, run }
}

fn identity() -> Found<Identity> {
    Ok("service:ci-bot".parse()?)
}

fn item() -> Found<ScopeItem> {
    let text = br#"{"type":"http","upstream":"github","methods":["GET"],"paths":["/repos/**"]}"#;
    Ok(ScopeItem::from_json(text)?.with_identity(&identity()?)?)
}
