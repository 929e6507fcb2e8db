//! An approval id becomes a token: planned by a rule, made durable by the store, and only then minted.

use std::time::Duration;

use serde_json::Value;

use super::{Broker, no_randomness, unavailable};
use crate::base::id::{ApprovalId, TokenId};
use crate::domain::approval::{Approval, Exchange, ExchangeRefused, Narrowing};
use crate::domain::ledger::Event;
use crate::domain::principal::Agent;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::scope::ScopeItem;
use crate::domain::token::{PlainToken, mint};
use crate::store::IssueRefused;

/// A token, on its way to the agent.
pub struct Issued {
    /// The token. It leaves once.
    pub token: PlainToken,
    /// Its id.
    pub id: TokenId,
    /// How long it lives.
    pub lifetime: Duration,
    /// What it allows.
    pub items: Vec<ScopeItem>,
}

impl Broker {
    /// Exchanges an approval for a token. `narrower` is the `authorization_details` the agent asks for, within the grant.
    ///
    /// # Errors
    /// `token_invalid` whatever is wrong with the approval: unknown, foreign, spent, expired, revoked and stale look alike (design
    /// §14); the entry has the reason. `scope_exceeds` or `scope_invalid` for the narrower items.
    pub async fn exchange(
        &self,
        agent: &Agent,
        subject: &str,
        narrower: Option<Vec<Value>>,
    ) -> Result<Issued, Problem> {
        let id = subject.parse::<ApprovalId>().ok();
        let issued = match id {
            Some(id) => self.planned_and_issued(agent, id, narrower).await,
            None => Err(Refused::Grant("malformed")),
        };
        let refused = match issued {
            Ok(issued) => return Ok(issued),
            Err(refused) => refused,
        };
        let (problem, reason) = refused.told();
        if problem.kind == ProblemKind::LedgerUnavailable {
            return Err(problem);
        }
        let run = self.run_of(id).await;
        let event = Event::ExchangeRefused { agent: agent.id, approval: id, problem: reason, run };
        Err(self.refused(event, problem).await)
    }

    async fn planned_and_issued(
        &self,
        agent: &Agent,
        id: ApprovalId,
        narrower: Option<Vec<Value>>,
    ) -> Result<Issued, Refused> {
        if let Some(approval) = self.approved.get(&id) {
            match self.issued(self.plan(agent, &approval, narrower.clone())?).await {
                // It stands no more as it did: read what became of it.
                Err(Refused::Grant(_)) => self.approved.remove(&id),
                issued => return issued,
            }
        }
        let found = self.parts.store.approval(id).await.map_err(|error| Refused::Told(unavailable(error)))?;
        let approval = found.ok_or(Refused::Grant("unknown"))?;
        let planned = self.plan(agent, &approval, narrower)?;
        self.approved.keep(&approval);
        self.issued(planned).await
    }

    fn plan(
        &self,
        agent: &Agent,
        approval: &Approval,
        narrower: Option<Vec<Value>>,
    ) -> Result<Exchange, Refused> {
        let identity = &approval.statement.identity;
        let items = match narrower.filter(|_| approval.is_of(agent.id)) {
            None => None,
            Some(values) => Some(
                values
                    .iter()
                    .enumerate()
                    .map(|(index, value)| super::request::item(&format!("/{index}"), value, identity))
                    .collect::<Result<Vec<_>, _>>()
                    .map_err(Refused::Told)?,
            ),
        };
        let catalog = self.catalog();
        let (clock, random) = (self.parts.clock.as_ref(), self.parts.random.as_ref());
        let token = TokenId::new(clock, random).map_err(|error| Refused::Told(no_randomness(error)))?;
        let narrowing = Narrowing { items, lifetime: None };
        let current = |bound: &_| catalog.is_current(bound, identity);
        approval
            .exchange(token, agent.id, narrowing, self.policy(), current, self.now())
            .map_err(Refused::Rule)
    }

    async fn issued(&self, exchange: Exchange) -> Result<Issued, Refused> {
        let recorded = self.parts.store.issue(exchange).await.map_err(|error| match error {
            IssueRefused::NotNow => Refused::Grant("not_now"),
            IssueRefused::Store(error) => Refused::Told(unavailable(error)),
        })?;
        let signing = self.signing();
        let token = mint(&signing.keys, &signing.issuer, &signing.audience, &recorded).map_err(|error| {
            tracing::error!(error = %error, "token on record could not be minted");
            Refused::Told(Problem::new(
                ProblemKind::Internal,
                "The token could not be made; ask for fewer items.",
            ))
        })?;
        let exchange = recorded.into_value();
        self.changed(exchange.approval());
        Ok(Issued {
            token,
            id: exchange.token(),
            lifetime: exchange.issued_at().until(exchange.expires_at()),
            items: exchange.items().to_vec(),
        })
    }
}

/// Why there is no token: for the entry in full, for the agent in one word.
enum Refused {
    Grant(&'static str),
    Rule(ExchangeRefused),
    Told(Problem),
}

impl Refused {
    fn told(self) -> (Problem, String) {
        let not_accepted = || {
            let detail = "The approval gives no token. Look at it with `exeat approvals show`, or ask again.";
            Problem::new(ProblemKind::TokenInvalid, detail)
        };
        match self {
            Self::Grant(reason) => (not_accepted(), reason.to_owned()),
            Self::Rule(ExchangeRefused::ScopeExceeds(index)) => {
                let detail =
                    format!("Item {index} is not within what was approved; the token may only be narrower.");
                (
                    Problem::new(ProblemKind::ScopeExceeds, detail).with("item", index),
                    "scope_exceeds".to_owned(),
                )
            }
            Self::Rule(refused) => {
                let reason = match &refused {
                    ExchangeRefused::NotApproved(state) => format!("{refused}: {state}"),
                    _ => refused.to_string(),
                };
                (not_accepted(), reason)
            }
            Self::Told(problem) => {
                let name = problem.kind.name().to_owned();
                (problem, name)
            }
        }
    }
}
