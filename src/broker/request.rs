//! An agent asks. Parsed once, into domain types; refused with the field's name, or put on record as a pending approval.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Broker, no_randomness, unavailable};
use crate::base::crypto::hash::sha256;
use crate::base::id::{ApprovalId, RunId, UseId};
use crate::domain::approval::{AgentRef, Approval, Limits, Reason, Statement};
use crate::domain::canonical::canonical;
use crate::domain::identity::Identity;
use crate::domain::ledger::Event;
use crate::domain::principal::Agent;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::scope::ScopeItem;
use crate::domain::step::{AskedStep, ObservedStep, Step};
use crate::domain::token::items_fit;
use crate::domain::upstream::Bound;
use crate::store::{CreateRefused, Created, EntryQuery};

/// The most items one request may have.
const MAX_ITEMS: usize = 32;

/// What an agent asks, as it came in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The acting identity.
    pub identity: Option<String>,
    /// The scope items.
    pub items: Vec<Value>,
    /// Why.
    pub reason: String,
    /// What the agent was doing.
    #[serde(default)]
    pub step: AskedStep,
    /// How much.
    #[serde(default)]
    pub limits: AskedLimits,
    /// The run it asks in.
    pub run: Option<RunId>,
}

/// Limits as asked; what is not said is the policy's default.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedLimits {
    /// Seconds.
    pub expires_in: Option<u32>,
    /// Uses.
    pub max_uses: Option<u32>,
    /// Tokens.
    pub max_tokens: Option<u32>,
}

/// The approval that came of asking.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The approval.
    pub approval: Approval,
    /// Whether it is new; otherwise the same request was there already.
    pub new: bool,
}

impl Broker {
    /// An agent asks.
    ///
    /// # Errors
    /// A problem that names the field at fault, or says that nothing can be put on record.
    pub async fn request(
        &self,
        agent: &Agent,
        ask: Ask,
        idempotency: Option<String>,
    ) -> Result<Asked, Problem> {
        self.request_inside(agent, ask, idempotency, None).await
    }

    /// The same, from inside a run, by a process that was observed.
    ///
    /// # Errors
    /// As [`Broker::request`].
    pub async fn request_inside(
        &self,
        agent: &Agent,
        ask: Ask,
        idempotency: Option<String>,
        asker: Option<ObservedStep>,
    ) -> Result<Asked, Problem> {
        match self.statement(agent, &ask, asker).await {
            Ok(statement) => self.create(statement, idempotency).await,
            Err(problem) => {
                let problem_name = problem.kind.name().to_owned();
                // A run that is not the agent's own is not named: its entries are not for strangers to add to.
                let run = ask.run.filter(|run| self.live_run(agent.id, *run).is_ok());
                let event = Event::RequestRefused { agent: agent.id, problem: problem_name, run };
                Err(self.refused(event, problem).await)
            }
        }
    }

    async fn create(&self, statement: Statement, idempotency: Option<String>) -> Result<Asked, Problem> {
        let (agent, run) = (statement.agent.id, statement.run);
        let event = Event::Requested { digest: statement.digest(), statement: statement.clone() };
        let max_pending = self.policy().max_pending;
        let created = self
            .parts
            .store
            .create(Approval::asked(statement), idempotency, max_pending, self.entry(event))
            .await;
        let problem = match created {
            Ok(Created::New(approval)) => {
                let approval = approval.into_value();
                // News for who looks at the pages. Nothing was granted by it, so no memory of grants ends. Nobody looking is no error.
                drop(self.changes.send(approval.statement.approval));
                return Ok(Asked { approval, new: true });
            }
            Ok(Created::Existing(approval)) => return Ok(Asked { approval, new: false }),
            Err(CreateRefused::Store(error)) => return Err(unavailable(error)),
            Err(CreateRefused::KeyReused) => Problem::new(
                ProblemKind::IdempotencyKeyReused,
                "Use a new Idempotency-Key for a different request.",
            ),
            Err(CreateRefused::TooManyPending) => Problem::new(
                ProblemKind::RateLimited,
                format!(
                    "{max_pending} requests of this agent wait for people. Cancel some, or wait for decisions."
                ),
            ),
        };
        let event = Event::RequestRefused { agent, problem: problem.kind.name().to_owned(), run };
        Err(self.refused(event, problem).await)
    }

    async fn statement(
        &self,
        agent: &Agent,
        ask: &Ask,
        asker: Option<ObservedStep>,
    ) -> Result<Statement, Problem> {
        let identity = Self::identity(agent, ask.identity.as_deref())?;
        let items = items(&ask.items, &identity)?;
        if !items_fit(&items) {
            return Err(invalid("/items", "too much for one token; ask for less, or in several requests"));
        }
        let bound = self.bound(agent, &identity, &items)?;
        let reason = ask.reason.parse::<Reason>().map_err(|error| invalid("/reason", &error.to_string()))?;
        if let Some(run) = ask.run {
            self.live_run(agent.id, run)
                .map_err(|_| invalid("/run", "not a run of this agent that is under way"))?;
        }
        let step = self.step(agent, ask, asker).await?;
        let limits = self.limits(ask.limits)?;
        let (clock, random) = (self.parts.clock.as_ref(), self.parts.random.as_ref());
        let created_at = self.now();
        let request = canonical(ask);
        Ok(Statement {
            approval: ApprovalId::new(clock, random).map_err(no_randomness)?,
            agent: AgentRef { id: agent.id, name: agent.name.clone() },
            on_behalf_of: agent.on_behalf_of,
            run: ask.run,
            identity,
            items,
            reason,
            step,
            limits,
            bound,
            policy: self.policy().version(),
            required_approvers: self.policy().required_approvers,
            request: sha256(&[&request]),
            created_at,
            expires_at: created_at.plus(limits.lifetime()),
        })
    }

    /// The identity, named by the asker (I4) and one it may ask for.
    fn identity(agent: &Agent, named: Option<&str>) -> Result<Identity, Problem> {
        let choice: Vec<String> = agent.identities.iter().map(ToString::to_string).collect();
        let Some(named) = named else {
            let detail = "Add `identity` with one of `identities`; it is never chosen for you.";
            return Err(Problem::new(ProblemKind::IdentityRequired, detail).with("identities", choice));
        };
        let known = named.parse::<Identity>().ok().filter(|identity| agent.identities.contains(identity));
        known.ok_or_else(|| {
            let detail = "Name one of `identities`, or ask an operator to let this agent ask for another.";
            Problem::new(ProblemKind::UnknownIdentity, detail).with("identities", choice)
        })
    }

    /// What the approval will be bound to. An upstream the agent may not ask for, one that is not there and one without this
    /// identity's credential are told apart in no way (E14).
    fn bound(&self, agent: &Agent, identity: &Identity, items: &[ScopeItem]) -> Result<Vec<Bound>, Problem> {
        let catalog = self.catalog();
        let mut bound = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let Some(name) = item.upstream() else { continue };
            let found = agent.upstreams.contains(name).then(|| catalog.bound(name, identity)).flatten();
            let Some(found) = found else {
                let names: Vec<String> = agent.upstreams.iter().map(ToString::to_string).collect();
                let detail = format!("/items/{index}/upstream: not one this agent may use as {identity}.");
                return Err(Problem::new(ProblemKind::ScopeInvalid, detail).with("upstreams", names));
            };
            bound.push(found);
        }
        bound.sort();
        bound.dedup();
        Ok(bound)
    }

    /// What led to the request: claimed by the asker, and observed behind the refusal that it names, or behind the asking itself.
    async fn step(&self, agent: &Agent, ask: &Ask, asker: Option<ObservedStep>) -> Result<Step, Problem> {
        let AskedStep { claimed, refusal } = ask.step.clone();
        let observed = match refusal {
            Some(refusal) => self.observed_at(agent, ask.run, refusal).await?,
            None => asker,
        };
        Ok(Step { claimed, observed, refusal })
    }

    /// The refusal that made the agent ask must be its own, and of the same run; anybody else's looks like none.
    async fn observed_at(
        &self,
        agent: &Agent,
        run: Option<RunId>,
        refusal: UseId,
    ) -> Result<Option<ObservedStep>, Problem> {
        let query = EntryQuery {
            usage: Some(refusal),
            agent: Some(agent.id),
            event: Some("use_refused".to_owned()),
            limit: 1,
            ..EntryQuery::default()
        };
        let found = self.parts.store.entries(query).await.map_err(unavailable)?.into_iter().next();
        match found.map(|stored| stored.entry.event) {
            Some(Event::UseRefused(refusal)) if run.is_none() || refusal.run == run => {
                Ok(refusal.step.observed)
            }
            _ => Err(invalid("/step/refusal", "not a refusal this agent was given in this run")),
        }
    }

    fn limits(&self, asked: AskedLimits) -> Result<Limits, Problem> {
        let defaults = self.policy().defaults;
        let limits = Limits {
            expires_in: asked.expires_in.unwrap_or(defaults.expires_in),
            max_uses: asked.max_uses.unwrap_or(defaults.max_uses),
            max_tokens: asked.max_tokens.unwrap_or(defaults.max_tokens),
        };
        limits.checked(self.policy().ceiling).map_err(|error| invalid("/limits", &error.to_string()))
    }
}

fn items(values: &[Value], identity: &Identity) -> Result<Vec<ScopeItem>, Problem> {
    if values.is_empty() || values.len() > MAX_ITEMS {
        return Err(invalid("/items", &format!("give 1 to {MAX_ITEMS} scope items")));
    }
    values
        .iter()
        .enumerate()
        .map(|(index, value)| item(&format!("/items/{index}"), value, identity))
        .collect()
}

/// One item, read and given its acting identity; `place` is where it stands, for the problem.
pub(super) fn item(place: &str, value: &Value, identity: &Identity) -> Result<ScopeItem, Problem> {
    ScopeItem::parse(value)
        .and_then(|item| item.with_identity(identity))
        .map_err(|error| Problem::new(ProblemKind::ScopeInvalid, format!("{}.", error.under(place))))
}

pub(super) fn invalid(place: &str, what: &str) -> Problem {
    Problem::new(ProblemKind::RequestInvalid, format!("{place}: {what}."))
}
