//! One approval as its entries tell it: how far it came, what it granted, what became of that.

mod enough;

use std::collections::{HashMap, HashSet};

use super::account::{
    Account, ApprovalAccount, Approver, Ending, RefusedStep, Standing, TokenAccount, Trigger, Unfinished,
};
use super::denied::{Attempt, DeniedKind, Refusals};
use super::fold::Place;
use super::granted::Granted;
use super::tighter::Tighter;
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::base::id::{AgentId, ApprovalId, PersonId, RunId, TokenId, UseId};
use crate::domain::approval::{Decision, Statement, Verdict, narrowest};
use crate::domain::identity::Identity;
use crate::domain::scope::ScopeItem;
use crate::domain::usage::UseStart;

/// An approval while its entries are read.
#[derive(Debug)]
pub(super) struct ApprovalFold {
    pub(super) id: ApprovalId,
    /// Where its first entry stands.
    pub(super) since: u64,
    /// For a token's report: what other tokens did does not count.
    only: Option<TokenId>,
    asked: Option<(Timestamp, Digest, Box<Statement>)>,
    decisions: Vec<(u64, Decision)>,
    approved: bool,
    ending: Option<(Standing, Ending)>,
    pub(super) granted: Granted,
    pub(super) refusals: Refusals,
    slots: HashMap<TokenId, Vec<Option<usize>>>,
    tokens_issued: usize,
    tokens: Vec<TokenAccount>,
    uses: u64,
    used_tokens: HashSet<TokenId>,
    open: HashMap<UseId, Unfinished>,
    trigger: Trigger,
    pub(super) identity: Option<Identity>,
    pub(super) agent: Option<AgentId>,
    pub(super) run: Option<RunId>,
}

impl ApprovalFold {
    pub(super) fn new(id: ApprovalId, since: u64, only: Option<TokenId>) -> Self {
        Self {
            id,
            since,
            only,
            asked: None,
            decisions: Vec::new(),
            approved: false,
            ending: None,
            granted: Granted::default(),
            refusals: Refusals::default(),
            slots: HashMap::new(),
            tokens_issued: 0,
            tokens: Vec::new(),
            uses: 0,
            used_tokens: HashSet::new(),
            open: HashMap::new(),
            trigger: Trigger::default(),
            identity: None,
            agent: None,
            run: None,
        }
    }

    pub(super) fn asked(
        &mut self,
        place: Place,
        statement: &Statement,
        digest: Digest,
        refused: Option<RefusedStep>,
    ) {
        self.trigger = Trigger::of(&statement.step, refused);
        self.acts(&statement.identity, statement.agent.id, statement.run);
        self.asked = Some((place.at, digest, Box::new(statement.clone())));
    }

    pub(super) fn decided(
        &mut self,
        place: Place,
        agent: AgentId,
        run: Option<RunId>,
        decision: &Decision,
        state: &str,
    ) {
        self.agent.get_or_insert(agent);
        self.run = self.run.or(run);
        self.decisions.push((place.index, decision.clone()));
        for item in decision.items.iter().filter(|item| item.verdict == Verdict::Deny) {
            self.item_denied(place, "denied", item.index, Some(decision.person));
        }
        match state {
            "approved" => self.settle(place),
            "denied" => {
                self.settle(place);
                self.end(Standing::Denied, place, Some(decision.person));
            }
            _ => {}
        }
    }

    /// The last answer that was needed is in: what all of them granted is granted.
    fn settle(&mut self, place: Place) {
        let decisions: Vec<&Decision> = self.decisions.iter().map(|(_, decision)| decision).collect();
        let items = decisions.first().map_or(0, |decision| decision.items.len());
        let settled: Vec<Option<ScopeItem>> = (0..items).map(|index| narrowest(index, &decisions)).collect();
        let refused = |index: usize| {
            decisions.iter().any(|one| one.items.get(index).is_some_and(|item| item.verdict == Verdict::Deny))
        };
        let differ: Vec<usize> = settled
            .iter()
            .enumerate()
            .filter(|(index, item)| item.is_none() && !refused(*index))
            .map(|(index, _)| index)
            .collect();
        self.approved = settled.iter().any(Option::is_some);
        for index in differ {
            self.item_denied(place, "answers_differ", index, None);
        }
        if self.only.is_none() {
            for item in settled.iter().flatten() {
                let _ = self.granted.grant(item);
            }
        }
    }

    fn item_denied(&mut self, place: Place, problem: &str, index: usize, person: Option<PersonId>) {
        let item = self.asked.as_ref().and_then(|(_, _, statement)| statement.items.get(index)).cloned();
        let attempt = Attempt {
            item,
            person,
            agent: self.agent,
            approval: Some(self.id),
            ..Attempt::new(DeniedKind::Item, problem)
        };
        self.refusals.add(place, attempt, None);
    }

    /// The approval ended. What ended first counts: nothing follows an end but another end of what was granted.
    pub(super) fn end(&mut self, standing: Standing, place: Place, by: Option<PersonId>) {
        self.ending.get_or_insert((standing, Ending { at: place.at, by, index: place.index }));
    }

    pub(super) fn issued(
        &mut self,
        place: Place,
        token: TokenId,
        items: &[ScopeItem],
        expires_at: Timestamp,
    ) {
        self.approved = true;
        self.tokens_issued += 1;
        if self.only.is_some_and(|only| only != token) {
            return;
        }
        let whole = self.only.is_some() || self.decisions.is_empty();
        let slot = |item| if whole { Some(self.granted.grant(item)) } else { self.granted.slot(item) };
        let slots = items.iter().map(slot).collect();
        drop(self.slots.insert(token, slots));
        self.tokens.push(TokenAccount {
            id: token,
            issued_at: place.at,
            expires_at,
            revoked_at: None,
            index: place.index,
        });
    }

    /// Whom the upstreams see, and for which agent and run.
    pub(super) fn acts(&mut self, identity: &Identity, agent: AgentId, run: Option<RunId>) {
        self.identity.get_or_insert_with(|| identity.clone());
        self.agent.get_or_insert(agent);
        self.run = self.run.or(run);
    }

    pub(super) fn token_revoked(&mut self, place: Place, token: TokenId) {
        if let Some(token) = self.tokens.iter_mut().find(|have| have.id == token) {
            token.revoked_at.get_or_insert(place.at);
        }
    }

    pub(super) fn started(&mut self, place: Place, start: &UseStart) {
        self.approved = true;
        self.acts(&start.identity, start.agent, start.run);
        let slot = self.slots.get(&start.token).and_then(|slots| slots.get(start.item)).copied().flatten();
        self.uses += 1;
        let _ = self.used_tokens.insert(start.token);
        self.granted.count(slot, place, &start.target);
        let open = Unfinished {
            id: start.id,
            token: start.token,
            item: self.granted.item(slot).cloned(),
            target: Some(start.target.clone()),
            started: Some(place.at),
            given_up: None,
            index: place.index,
        };
        drop(self.open.insert(start.id, open));
    }

    /// A connection counts for the first granted item that opens the host.
    pub(super) fn connected(&mut self, place: Place, host: &str) {
        let slot = super::lanes_fold::target(host).and_then(|target| self.granted.allowing(&target));
        if self.only.is_none() {
            self.granted.count(slot, place, &format!("connect {host}"));
        }
    }

    pub(super) fn finished(&mut self, id: UseId) {
        drop(self.open.remove(&id));
    }

    pub(super) fn given_up(&mut self, place: Place, id: UseId, token: TokenId) {
        let open = self.open.entry(id).or_insert(Unfinished {
            id,
            token,
            item: None,
            target: None,
            started: None,
            given_up: None,
            index: place.index,
        });
        open.given_up = Some(place.at);
    }

    pub(super) fn finish(self, tighter: Option<Tighter>) -> ApprovalAccount {
        let state = self.standing();
        let id = self.id;
        let (granted, used, never_used) = self.granted.finish();
        let (denied, denied_further) = self.refusals.finish();
        let mut unfinished: Vec<Unfinished> = self.open.into_values().collect();
        unfinished.sort_by_key(|one| one.index);
        let approved = self.decisions.iter().filter(|(_, d)| d.items.iter().any(|i| i.granted.is_some()));
        let approvers = approved.map(|(index, decision)| Approver::of(id, *index, decision)).collect();
        let (asked_at, statement_digest) = self.asked.map(|(at, digest, _)| (at, digest)).unzip();
        ApprovalAccount {
            id,
            state,
            asked_at,
            statement_digest,
            ended: self.ending.map(|(_, ending)| ending),
            tokens: self.tokens,
            account: Account {
                granted,
                used,
                denied,
                denied_further,
                never_used,
                unfinished,
                tighter,
                trigger: self.trigger,
                approvers,
                identity: self.identity,
                agent: self.agent,
                run: self.run,
            },
        }
    }

    fn standing(&self) -> Standing {
        if let Some((standing, _)) = self.ending {
            return standing;
        }
        let all = self.asked.as_ref().is_some_and(|(_, _, statement)| {
            usize::try_from(statement.limits.max_tokens).is_ok_and(|most| self.tokens_issued >= most)
        });
        match (self.approved, all) {
            (false, _) => Standing::Pending,
            (true, false) => Standing::Approved,
            (true, true) => Standing::Spent,
        }
    }
}
