//! A concrete target and a presented token become a use on record, or a refusal on record that teaches (I2, I3).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::body::seen;
use super::cut::UnderWay;
use super::refusal::{Refusal, TOKEN_NOT_ACCEPTED};
use super::{Broker, no_randomness, teach::taught, unavailable};
use crate::base::id::{AgentId, UseId};
use crate::base::secret::Secret;
use crate::domain::access::{Means, Permit, decide, smallest_item};
use crate::domain::ledger::{Event, Recorded};
use crate::domain::principal::Agent;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::run::Rung;
use crate::domain::scope::HttpTarget;
use crate::domain::step::SeenStep;
use crate::domain::token::{LiveToken, looks_like_token};
use crate::domain::upstream::Upstream;
use crate::domain::usage::{Outcome, UseRefusal, UseStart};
use crate::planes::network::proxy::gate::{Caller, Sent};
use crate::store::{SealedCredential, UseDenied};

/// What an agent wants to do, in its one reading.
pub(super) struct Attempted<'a> {
    pub(super) caller: &'a Caller,
    pub(super) upstream: &'a Upstream,
    pub(super) target: HttpTarget,
    pub(super) body: &'a dyn Sent,
    pub(super) presented: &'a str,
    /// The address that is dialled; none where a layer dials.
    pub(super) address: Option<SocketAddr>,
}

/// A use on record whose credential has not been opened.
pub(super) struct Begun {
    pub(super) recorded: Recorded<UseStart>,
    sealed: SealedForUse,
    life: Duration,
    cut: CancellationToken,
}

/// What a use is made with, sealed.
struct SealedForUse {
    credential: Arc<SealedCredential>,
    /// The key of the client certificate, where Exeat dials and the upstream is shown one.
    client_key: Option<Arc<[u8]>>,
}

/// A use on record and what it is made with. The credential can be had only from a use that is on record.
pub(super) struct ActiveUse {
    pub(super) recorded: Recorded<UseStart>,
    pub(super) credential: Secret,
    pub(super) client_key: Option<Secret>,
    pub(super) life: Duration,
    pub(super) cut: CancellationToken,
}

impl Broker {
    pub(super) async fn authorize(&self, attempted: Attempted<'_>) -> Result<ActiveUse, Problem> {
        let upstream = attempted.upstream;
        self.opened(self.begin(attempted).await?, upstream).await
    }

    /// The use on record, or the refusal on record.
    pub(super) async fn begin(&self, attempted: Attempted<'_>) -> Result<Begun, Problem> {
        let caller = attempted.caller;
        let agent = self.active_agent(caller.agent)?;
        let token = match self.live_token(caller, attempted.presented) {
            Ok(token) => token,
            Err((kind, reason)) => {
                let missing = smallest_item(&attempted.target, None);
                let refusal = Refusal { missing, ..Refusal::of(kind, reason, &attempted.target) };
                return Err(self.refuse_use(&agent, caller, None, refusal).await);
            }
        };
        let ends = token.token().expires_at();
        let items = token.token().items();
        let target = match seen(items.iter(), attempted.target, attempted.body).await {
            Ok(target) => target,
            Err((target, refused)) => {
                return Err(self.unclear(&agent, caller, Some(token.token()), (&target, refused)).await);
            }
        };
        let permit = match decide(token, target) {
            Ok(permit) => permit,
            Err(denial) => {
                let refusal = Refusal {
                    missing: denial.missing().cloned(),
                    ..Refusal::of(ProblemKind::NotPermitted, "outside_scope", denial.target())
                };
                let problem = self.refuse_use(&agent, caller, Some(denial.token()), refusal).await;
                return Err(match denial.lacks() {
                    Some(lacks) => problem.with("body", lacks),
                    None => problem,
                });
            }
        };
        self.begin_use(
            (&agent, caller),
            attempted.upstream,
            permit,
            attempted.address,
            self.now().until(ends),
        )
        .await
    }

    /// Permit → use on record.
    async fn begin_use(
        &self,
        (agent, caller): (&Agent, &Caller),
        upstream: &Upstream,
        permit: Permit,
        address: Option<SocketAddr>,
        life: Duration,
    ) -> Result<Begun, Problem> {
        let Some(sealed) = self.sealed_for(upstream, &permit, address) else {
            let refusal = Refusal::of(ProblemKind::TokenInvalid, "stale", permit.target());
            return Err(self.refuse_use(agent, caller, Some(permit.token()), refusal).await);
        };
        let run = caller.run.map(|run| self.live_run(agent.id, run)).transpose()?;
        if let Some(run) = &run {
            self.reach_rung(run, Rung::Credentialed, permit.token().approval()).await?;
        }
        let id = UseId::new(self.parts.clock.as_ref(), self.parts.random.as_ref()).map_err(no_randomness)?;
        let means = Means {
            id,
            upstream: upstream.id,
            credential: sealed.credential.id,
            credential_version: sealed.credential.version,
            address,
            via: caller.via,
            at: self.now(),
            step: self.step_of(caller),
        };
        let token = permit.token().id();
        let (start, _) = permit.into_use(means);
        let beginning = self.cuts.begin(start.id, UnderWay::of(&start));
        match self.parts.store.start_use(start.clone()).await {
            Ok(recorded) => {
                self.count_allowed(Some(&upstream.name));
                if let Some(granted) = run.and_then(|run| run.granted()) {
                    granted.count_use(start.approval);
                }
                Ok(Begun { recorded, sealed, life, cut: beginning.keep() })
            }
            Err(denied) => {
                drop(beginning);
                Err(self.denied(agent, (upstream, &start), token, denied).await)
            }
        }
    }

    /// Use on record → credential.
    pub(super) async fn opened(&self, begun: Begun, upstream: &Upstream) -> Result<ActiveUse, Problem> {
        let Begun { recorded, sealed, life, cut } = begun;
        let client_key = sealed.client_key.as_ref();
        let client_key = client_key.map(|key| self.open_client_key(&recorded, upstream, key)).transpose();
        let opened = client_key
            .and_then(|key| Ok((self.open_credential(&recorded, upstream, &sealed.credential)?, key)));
        match opened {
            Ok((credential, client_key)) => Ok(ActiveUse { recorded, credential, client_key, life, cut }),
            Err(problem) => {
                let outcome = Outcome::unsent("credential_not_opened");
                self.finish_use(recorded.value().id, outcome).await;
                Err(problem)
            }
        }
    }

    /// The store found at the moment of writing that the token allows no (further) use; the refusal is written there or here.
    async fn denied(
        &self,
        agent: &Agent,
        (upstream, start): (&Upstream, &UseStart),
        token: crate::base::id::TokenId,
        denied: UseDenied,
    ) -> Problem {
        let (kind, reason) = match denied {
            UseDenied::Store(error) => return unavailable(error),
            UseDenied::NotLive => (ProblemKind::TokenInvalid, "not_live"),
            UseDenied::UsedUp => (ProblemKind::TokenInvalid, "used_up"),
        };
        self.count_refused(Some(&upstream.name), reason);
        let event = UseRefusal {
            id: start.id,
            agent: agent.id,
            token: Some(token),
            approval: Some(start.approval),
            run: start.run,
            problem: kind.name().to_owned(),
            reason: reason.to_owned(),
            target: Some(start.target.clone()),
            via: start.via,
            step: start.step.clone(),
        };
        let problem =
            taught(Problem::new(kind, TOKEN_NOT_ACCEPTED), start.id, agent, (start.run, None), None);
        self.refused(Event::UseRefused(event), problem).await
    }

    /// Writes how a use ended, once.
    pub(super) async fn finish_use(&self, id: UseId, outcome: Outcome) {
        let Some(under_way) = self.cuts.end(id) else { return };
        if let Err(error) = self.parts.store.finish_use(under_way.open(id), Some(outcome), self.now()).await {
            // The sweeper will close it, and the report shows it as unfinished until then.
            tracing::warn!(error = %error, "the end of a use is not on record");
        }
    }

    pub(super) fn active_agent(&self, id: AgentId) -> Result<Arc<Agent>, Problem> {
        let found = self.catalog().agent(id).filter(|agent| agent.is_active(self.now())).cloned();
        found.ok_or_else(|| {
            Problem::new(
                ProblemKind::ProxyUnauthenticated,
                "The agent's key is no longer accepted. Enrol the agent again.",
            )
        })
    }

    /// What is known of the step behind a connection.
    pub(super) fn step_of(&self, caller: &Caller) -> SeenStep {
        let claimed = caller.run.and_then(|run| self.runs.find(run)).and_then(|run| run.claim());
        SeenStep { claimed, observed: caller.observed.as_deref().cloned() }
    }

    fn live_token(&self, caller: &Caller, presented: &str) -> Result<LiveToken, (ProblemKind, &'static str)> {
        if !looks_like_token(presented) {
            return Err((ProblemKind::ForeignCredential, "foreign_credential"));
        }
        let now = self.now();
        let token = self.signing().verifier.verify(presented, now);
        let token = token.and_then(|token| LiveToken::of(token, caller.agent, now));
        let token = token.map_err(|problem| (ProblemKind::TokenInvalid, problem.reason()))?;
        // A run is the holder of its tokens: they are worth nothing elsewhere, and no others are worth anything there.
        if token.token().run() == caller.run {
            Ok(token)
        } else {
            Err((ProblemKind::TokenInvalid, "other_run"))
        }
    }

    fn sealed_for(
        &self,
        upstream: &Upstream,
        permit: &Permit,
        dialled: Option<SocketAddr>,
    ) -> Option<SealedForUse> {
        let catalog = self.catalog();
        // The upstream was looked up when the connection began; only the definition in force is used.
        let current = catalog.upstream(&upstream.name).filter(|current| current.as_ref() == upstream)?;
        let credential = catalog.credential(current.id, permit.token().identity()).cloned()?;
        let client_key = dialled.and_then(|_| catalog.client_key(current.id)).cloned();
        Some(SealedForUse { credential, client_key })
    }
}
