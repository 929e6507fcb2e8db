//! The fold itself: one pass, one step per entry, memory by what differs and not by what happened.

use std::collections::{HashMap, HashSet, VecDeque};

use super::Report;
use super::account::{Account, ApprovalAccount, RefusedStep, Standing};
use super::approval::ApprovalFold;
use super::denied::{Attempt, DeniedKind, Refusals};
use super::granted::Granted;
use super::lanes_fold::LanesFold;
use super::tighter::{Spent, Tighter};
use crate::base::clock::Timestamp;
use crate::base::id::{AgentId, ApprovalId, RunId, TokenId, UseId};
use crate::domain::ledger::{Entry, Event};
use crate::domain::reported::UseReport;
use crate::domain::usage::UseRefusal;

/// How many refused uses are remembered, in case a request names one as its step.
const MAX_REMEMBERED: usize = 10_000;

/// A report in the making.
///
/// Hand in, in the order of the log: for an approval its entries, and the refused use that its step names; for a token the
/// entries of its approval (those of other tokens are passed over); for an agent or a run theirs; for a range of time
/// all in it. Entries about nothing of this are passed over.
#[derive(Debug)]
pub struct Fold {
    subject: String,
    token: Option<TokenId>,
    agent: Option<AgentId>,
    run: Option<RunId>,
    approvals: HashMap<ApprovalId, ApprovalFold>,
    apart: Refusals,
    lanes: LanesFold,
    refused: HashMap<UseId, RefusedStep>,
    remembered: VecDeque<UseId>,
}

/// Where and when an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) index: u64,
    pub(super) at: Timestamp,
}

impl Fold {
    /// An empty one. A subject that is the id of a token, an agent or a run makes the report about that one.
    #[must_use]
    pub fn about(subject: impl Into<String>) -> Self {
        let subject = subject.into();
        Self {
            token: subject.parse().ok(),
            agent: subject.parse().ok(),
            run: subject.parse().ok(),
            subject,
            approvals: HashMap::new(),
            apart: Refusals::default(),
            lanes: LanesFold::default(),
            refused: HashMap::new(),
            remembered: VecDeque::new(),
        }
    }

    /// Takes the next entry.
    pub fn add(&mut self, index: u64, entry: &Entry) {
        let place = Place { index, at: entry.at };
        self.lanes.add(place, &entry.event);
        match &entry.event {
            Event::UseRefused(refusal) => self.use_refused(place, refusal),
            Event::RequestRefused { agent, problem, .. } => {
                let attempt = Attempt { agent: Some(*agent), ..Attempt::new(DeniedKind::Request, problem) };
                self.denied(place, attempt, None);
            }
            Event::ExchangeRefused { agent, approval, problem, .. } => {
                let attempt = Attempt {
                    agent: Some(*agent),
                    approval: *approval,
                    ..Attempt::new(DeniedKind::Exchange, problem)
                };
                self.denied(place, attempt, None);
            }
            Event::DecisionRefused { approval, person, problem } => {
                let attempt = Attempt {
                    person: Some(*person),
                    approval: Some(*approval),
                    ..Attempt::new(DeniedKind::Decision, problem)
                };
                self.denied(place, attempt, None);
            }
            event => self.of_approval(place, event),
        }
    }

    /// The report. The checkpoint is for the caller to fill in.
    #[must_use]
    pub fn finish(self) -> Report {
        let mut folds: Vec<ApprovalFold> = self.approvals.into_values().collect();
        folds.sort_by_key(|fold| fold.since);
        let run = |fold: &ApprovalFold| fold.run.and_then(|id| self.lanes.seen(id));
        let mut granted = Granted::default();
        for fold in &mut folds {
            fold.watched(run(fold));
            granted.merge(&fold.granted);
        }
        // What a run that goes on has used is not yet all that it needs.
        let over = self.run.is_none_or(|id| self.lanes.seen(id).is_some_and(|run| run.end.is_some()));
        let spent = folds.iter().filter_map(|fold| fold.spent(run(fold))).reduce(Spent::and);
        let each: Vec<Option<Tighter>> =
            folds.iter().map(|fold| fold.tighter(run(fold)).filter(|_| over)).collect();
        let tighter = match &*each {
            [only] => only.clone(),
            _ => spent
                .filter(|_| over && of_one_identity(&folds))
                .and_then(|spent| Some(Tighter { items: granted.tighter()?, limits: spent.limits() })),
        };
        let approvals: Vec<ApprovalAccount> =
            folds.into_iter().zip(each).map(|(fold, tighter)| fold.finish(tighter)).collect();
        let mut account = union(granted, self.apart, &approvals);
        account.tighter = tighter;
        account.agent = self.agent.or(account.agent);
        account.run = self.run.or(account.run);
        let lanes = self.lanes.finish(&account.granted);
        Report { subject: self.subject, account, approvals, lanes, checkpoint: None }
    }

    /// What happened to one approval.
    fn of_approval(&mut self, place: Place, event: &Event) {
        match event {
            Event::Requested { statement, digest } => {
                let refused = statement.step.refusal.and_then(|id| self.refused.get(&id)).cloned();
                self.approval(statement.approval, place).asked(place, statement, *digest, refused);
            }
            Event::Decided { approval, agent, run, decision, state } => {
                self.approval(*approval, place).decided(place, *agent, *run, decision, state);
            }
            Event::Cancelled { approval, agent, .. } => {
                self.ended(*approval, *agent, place).end(Standing::Cancelled, place, None);
            }
            Event::Expired { approval, agent, .. } => {
                self.ended(*approval, *agent, place).end(Standing::Expired, place, None);
            }
            Event::Revoked { approval, agent, by, .. } => {
                self.ended(*approval, *agent, place).end(Standing::Revoked, place, Some(*by));
            }
            Event::TokenIssued { token, approval, agent, run, identity, items, expires_at, .. } => {
                let fold = self.approval(*approval, place);
                fold.acts(identity, *agent, *run);
                fold.issued(place, *token, items, *expires_at);
            }
            Event::ConnectionOpened(start) => {
                if let Some(approval) = start.approval {
                    self.approval(approval, place).connected(place, &start.host);
                }
            }
            event => self.of_token(place, event),
        }
    }

    /// What happened with one token, if it is one that the report is about.
    fn of_token(&mut self, place: Place, event: &Event) {
        let links = event.links();
        let (Some(approval), Some(token)) = (links.approval, links.token) else { return };
        if self.is_other(token) {
            return;
        }
        match event {
            Event::TokenRevoked { .. } => self.approval(approval, place).token_revoked(place, token),
            Event::UseStarted(start) => self.approval(approval, place).started(place, start),
            Event::UseFinished { id, .. } | Event::UseReported(UseReport { id, .. }) => {
                self.approval(approval, place).finished(*id);
            }
            Event::UseUnfinished { id, .. } => self.approval(approval, place).given_up(place, *id, token),
            _ => {}
        }
    }

    fn use_refused(&mut self, place: Place, refusal: &UseRefusal) {
        self.remember(place, refusal);
        if refusal.token.is_some_and(|token| self.is_other(token)) {
            return;
        }
        let attempt = Attempt {
            reason: Some(refusal.reason.clone()),
            target: refusal.target.clone(),
            agent: Some(refusal.agent),
            approval: refusal.approval,
            token: refusal.token,
            ..Attempt::new(DeniedKind::Use, &refusal.problem)
        };
        self.denied(place, attempt, Some(refusal.id));
    }

    /// Counts a refusal for its approval, if that is part of the report; a stranger who names it does not make it so.
    fn denied(&mut self, place: Place, attempt: Attempt, id: Option<UseId>) {
        let fold = attempt.approval.and_then(|approval| self.approvals.get_mut(&approval));
        fold.map_or(&mut self.apart, |fold| &mut fold.refusals).add(place, attempt, id);
    }

    fn remember(&mut self, place: Place, refusal: &UseRefusal) {
        if self.remembered.len() >= MAX_REMEMBERED
            && let Some(oldest) = self.remembered.pop_front()
        {
            drop(self.refused.remove(&oldest));
        }
        let step = RefusedStep {
            index: place.index,
            at: place.at,
            problem: refusal.problem.clone(),
            target: refusal.target.clone(),
        };
        self.remembered.push_back(refusal.id);
        drop(self.refused.insert(refusal.id, step));
    }

    fn is_other(&self, token: TokenId) -> bool {
        self.token.is_some_and(|only| only != token)
    }

    fn ended(&mut self, id: ApprovalId, agent: AgentId, place: Place) -> &mut ApprovalFold {
        let fold = self.approval(id, place);
        fold.agent.get_or_insert(agent);
        fold
    }

    fn approval(&mut self, id: ApprovalId, place: Place) -> &mut ApprovalFold {
        let only = self.token;
        self.approvals.entry(id).or_insert_with(|| ApprovalFold::new(id, place.index, only))
    }
}

/// All approvals together, and what was refused apart from them.
fn union(granted: Granted, apart: Refusals, approvals: &[ApprovalAccount]) -> Account {
    let (mut denied, mut denied_further) = apart.finish();
    denied.extend(approvals.iter().flat_map(|one| one.account.denied.iter().cloned()));
    denied.sort_by_key(|row| row.index);
    denied_further += approvals.iter().map(|one| one.account.denied_further).sum::<u64>();
    let (granted, used, never_used) = granted.finish();
    let mut unfinished: Vec<_> =
        approvals.iter().flat_map(|one| one.account.unfinished.iter().cloned()).collect();
    unfinished.sort_by_key(|one| one.index);
    let alone = denied.iter().map(|row| row.attempt.agent);
    let agents = approvals.iter().map(|one| one.account.agent);
    Account {
        granted,
        used,
        never_used,
        unfinished,
        tighter: None,
        trigger: approvals.first().map(|one| one.account.trigger.clone()).unwrap_or_default(),
        approvers: approvals.iter().flat_map(|one| one.account.approvers.iter().cloned()).collect(),
        identity: shared(approvals.iter().map(|one| one.account.identity.clone())),
        agent: if approvals.is_empty() { shared(alone) } else { shared(agents) },
        run: shared(approvals.iter().map(|one| one.account.run)),
        denied,
        denied_further,
    }
}

/// A request is for one acting identity.
fn of_one_identity(folds: &[ApprovalFold]) -> bool {
    let used = folds.iter().filter(|fold| fold.granted.last().is_some());
    let identities: HashSet<_> = used.filter_map(|fold| fold.identity.as_ref()).collect();
    identities.len() <= 1
}

/// The value that all have, if all have the same one.
fn shared<T: PartialEq>(mut values: impl Iterator<Item = Option<T>>) -> Option<T> {
    let first = values.next()??;
    values.all(|value| value.as_ref() == Some(&first)).then_some(first)
}
