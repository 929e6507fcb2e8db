//! A log written by the rules of the domain, for the tests of the report.

use std::sync::atomic::{AtomicU8, Ordering};

use serde_json::json;

use super::super::Report;
use crate::base::clock::{ManualClock, Timestamp};
use crate::base::crypto::hash::sha256;
use crate::base::id::*;
use crate::base::random::{NoRandomness, Random};
use crate::domain::approval::{
    AgentRef, Approval, Authentication, Decision, ItemDecision, Limits, Statement, Verdict,
};
use crate::domain::ledger::{Entry, Event};
use crate::domain::principal::{Person, Role};
use crate::domain::scope::ScopeItem;
use crate::domain::step::{ClaimedStep, SeenStep, Step};
use crate::domain::usage::{Outcome, UseRefusal, UseStart};

/// Different ids each time, the same in each run.
pub(super) struct Counting(AtomicU8);

impl Random for Counting {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoRandomness> {
        buffer.fill_with(|| self.0.fetch_add(1, Ordering::Relaxed));
        Ok(())
    }
}

/// Writes a log by the rules of the domain.
pub(super) struct Log {
    pub(super) clock: ManualClock,
    pub(super) random: Counting,
    pub(super) agent: AgentId,
    pub(super) person: Person,
    pub(super) entries: Vec<(u64, Entry)>,
    seconds: i64,
}

macro_rules! id {
    ($log:expr, $kind:ty) => {{
        $log.clock.advance(std::time::Duration::from_millis(1));
        <$kind>::new(&$log.clock, &$log.random).unwrap()
    }};
}

pub(super) use id;

pub(super) const PATHS: [&str; 3] = ["/repos/acme/**", "/issues/*", "/user"];

pub(super) fn item(path: &str) -> ScopeItem {
    ScopeItem::parse(&json!({"type": "http", "upstream": "github", "methods": ["GET"], "paths": [path],
        "identity": "service:ci-bot"}))
    .unwrap()
}

impl Log {
    pub(super) fn new() -> Self {
        let (clock, random) =
            (ManualClock::at(Timestamp::from_seconds(1_790_000_000)), Counting(AtomicU8::new(0)));
        let agent = AgentId::new(&clock, &random).unwrap();
        let person = Person {
            id: PersonId::new(&clock, &random).unwrap(),
            name: "Ada".parse().unwrap(),
            roles: [Role::Reviewer].into(),
            removed_at: None,
        };
        Self { clock, random, agent, person, entries: Vec::new(), seconds: 0 }
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_790_000_000 + self.seconds)
    }

    pub(super) fn write(&mut self, event: Event) {
        self.seconds += 1;
        let entry = Entry { at: self.now(), event };
        self.entries.push((self.entries.len() as u64, entry));
    }

    pub(super) fn ask(&mut self, items: &[&str], approvers: u8, refusal: Option<UseId>) -> Approval {
        let claimed = ClaimedStep { tool: "Bash".parse().unwrap(), call: None };
        let statement = Statement {
            approval: id!(self, ApprovalId),
            agent: AgentRef { id: self.agent, name: "agent".parse().unwrap() },
            on_behalf_of: None,
            run: None,
            identity: "service:ci-bot".parse().unwrap(),
            items: items.iter().map(|path| item(path)).collect(),
            reason: "to read issues".parse().unwrap(),
            step: Step { claimed: Some(claimed), observed: None, refusal },
            limits: Limits { expires_in: 3600, max_uses: 1000, max_tokens: 2 },
            bound: Vec::new(),
            policy: sha256(&[b"policy"]),
            required_approvers: approvers,
            request: sha256(&[b"request"]),
            created_at: self.now(),
            expires_at: self.now().plus(std::time::Duration::from_hours(1)),
        };
        self.write(Event::Requested { digest: statement.digest(), statement: statement.clone() });
        Approval::asked(statement)
    }

    /// `None` denies an item, a path grants that much of it.
    pub(super) fn decide(&mut self, approval: Approval, answers: &[Option<&str>]) -> Approval {
        let by = self.person.clone();
        self.decide_as(&by, approval, answers)
    }

    pub(super) fn decide_as(
        &mut self,
        by: &Person,
        approval: Approval,
        answers: &[Option<&str>],
    ) -> Approval {
        let answer = |(index, path): (usize, Option<&str>)| ItemDecision {
            index,
            verdict: if path.is_some() { Verdict::Approve } else { Verdict::Deny },
            granted: path.map(item),
        };
        let decision = Decision {
            person: by.id,
            name: by.name.clone(),
            at: self.now(),
            authenticated_by: Authentication::ReviewKey,
            statement_digest: approval.digest(),
            items: answers.iter().copied().enumerate().map(answer).collect(),
            reason: None,
            signature: None,
        };
        let next = approval.decide(by, decision.clone(), self.now()).unwrap();
        let state = next.state_name(self.now()).to_owned();
        let approval = next.statement.approval;
        self.write(Event::Decided { approval, agent: self.agent, run: None, decision, state });
        next
    }

    pub(super) fn issue(&mut self, approval: &Approval, items: &[&str]) -> TokenId {
        let token = id!(self, TokenId);
        self.write(Event::TokenIssued {
            token,
            approval: approval.statement.approval,
            agent: self.agent,
            run: None,
            identity: approval.statement.identity.clone(),
            items: items.iter().map(|path| item(path)).collect(),
            approvers: vec![self.person.id],
            statement_digest: approval.digest(),
            expires_at: self.now(),
        });
        token
    }

    pub(super) fn start(&mut self, approval: &Approval, token: TokenId, item: usize, target: &str) -> UseId {
        let id = id!(self, UseId);
        self.write(Event::UseStarted(UseStart {
            id,
            token,
            approval: approval.statement.approval,
            agent: self.agent,
            run: None,
            identity: approval.statement.identity.clone(),
            upstream: id!(self, UpstreamId),
            credential: id!(self, CredentialId),
            credential_version: 1,
            item,
            target: target.to_owned(),
            address: None,
            at: self.now(),
            via: None,
            step: SeenStep::default(),
        }));
        id
    }

    pub(super) fn end(&mut self, approval: &Approval, token: TokenId, id: UseId, known: bool) {
        let (approval, agent, run) = (approval.statement.approval, self.agent, None);
        let outcome = Outcome { status: Some(200), bytes_up: 0, bytes_down: 1, broken: None, masked: None };
        self.write(if known {
            Event::UseFinished { id, token, approval, agent, run, outcome }
        } else {
            Event::UseUnfinished { id, token, approval, agent, run }
        });
    }

    pub(super) fn refuse(&mut self, approval: Option<&Approval>, target: &str) -> UseId {
        let id = id!(self, UseId);
        self.write(Event::UseRefused(UseRefusal {
            id,
            agent: self.agent,
            token: None,
            approval: approval.map(|approval| approval.statement.approval),
            run: None,
            problem: "not_permitted".to_owned(),
            reason: "no_item".to_owned(),
            target: Some(target.to_owned()),
            via: None,
            step: SeenStep::default(),
        }));
        id
    }

    pub(super) fn report(&self, subject: impl ToString) -> Report {
        fold(&subject.to_string(), &self.entries)
    }
}

pub(super) fn fold(subject: &str, entries: &[(u64, Entry)]) -> Report {
    Report::fold(subject, entries.iter().map(|(index, entry)| (*index, entry)))
}
