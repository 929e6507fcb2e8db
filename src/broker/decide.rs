//! A person decides, item by item, over the digest of what they were shown.

use serde_json::Value;

use super::request::{invalid, item};
use super::{Broker, not_found, unavailable};
use crate::base::crypto::hash::Digest;
use crate::base::id::ApprovalId;
use crate::domain::approval::{
    Approval, Authentication, DecideRefused, Decision, ItemDecision, Reason, Statement, Verdict,
};
use crate::domain::ledger::Event;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::scope::ScopeItem;
use crate::domain::session::Known;
use crate::domain::webauthn::Assertion;
use crate::store::StoreError;

/// A person's answers, as they came in.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// What they were shown.
    pub statement_digest: String,
    /// Their answers. An item without one is not granted.
    pub items: Vec<Answer>,
    /// What goes back to the agent.
    pub reason: Option<String>,
    /// The signature of a passkey over the decision.
    pub assertion: Option<Assertion>,
}

/// The answer to one item.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its place in the statement.
    pub index: usize,
    /// Yes or no.
    pub verdict: Verdict,
    /// A narrower item to grant instead.
    pub narrow: Option<Value>,
}

impl Broker {
    /// A person decides.
    ///
    /// # Errors
    /// A problem that says why the decision was not taken; the refusal is on record.
    pub async fn decide(
        &self,
        person: &Known,
        id: ApprovalId,
        answers: Answers,
    ) -> Result<Approval, Problem> {
        let approval = self.parts.store.approval(id).await.map_err(unavailable)?.ok_or_else(not_found)?;
        match self.decided(person, approval, answers).await {
            Ok(approval) => {
                self.reload_if_signed(&approval).await;
                self.approved.keep(&approval);
                self.offer_files(&approval);
                self.changed(id);
                Ok(approval)
            }
            Err(problem) if problem.kind == ProblemKind::LedgerUnavailable => Err(problem),
            Err(problem) => {
                let name = problem.kind.name().to_owned();
                let event = Event::DecisionRefused { approval: id, person: person.id, problem: name };
                Err(self.refused(event, problem).await)
            }
        }
    }

    async fn decided(
        &self,
        person: &Known,
        approval: Approval,
        answers: Answers,
    ) -> Result<Approval, Problem> {
        let decision = self.decision(person, &approval.statement, answers)?;
        // Removed between the request and this line: the role is looked up again, by id (F17).
        let catalog = self.catalog();
        let decider = catalog.person(person.id).filter(|person| person.removed_at.is_none());
        let decider = decider.ok_or_else(|| told(DecideRefused::NotReviewer))?;
        let next = approval.decide(decider, decision.clone(), self.now()).map_err(told)?;
        let event = Event::Decided {
            approval: next.statement.approval,
            agent: next.statement.agent.id,
            run: next.statement.run,
            decision,
            state: next.state_name(self.now()).to_owned(),
        };
        match self.parts.store.transition(next, self.entry(event)).await {
            Ok(approval) => Ok(approval.into_value()),
            Err(StoreError::Conflict) => Err(Problem::new(
                ProblemKind::ApprovalNotPending,
                "Somebody else decided, it was cancelled, or what it names has changed. Look at it again.",
            )),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// What a passkey would sign for these answers.
    ///
    /// # Errors
    /// As [`Broker::decide`] for answers that cannot be read.
    pub async fn decision_challenge(
        &self,
        person: &Known,
        id: ApprovalId,
        answers: Answers,
    ) -> Result<Digest, Problem> {
        let approval = self.parts.store.approval(id).await.map_err(unavailable)?.ok_or_else(not_found)?;
        Ok(self.unsigned(person, &approval.statement, answers)?.challenge())
    }

    fn decision(
        &self,
        person: &Known,
        statement: &Statement,
        mut answers: Answers,
    ) -> Result<Decision, Problem> {
        let assertion = answers.assertion.take();
        let decision = self.unsigned(person, statement, answers)?;
        if let Some(assertion) = assertion {
            let signature = Some(Box::new(self.signed(person.person.id, decision.challenge(), assertion)?));
            return Ok(Decision { signature, authenticated_by: Authentication::Passkey, ..decision });
        }
        if self.policy().signature_for.asks_for(&decision.granted()) {
            let detail = "The policy asks for the signature of a passkey. Register one on the pages, and decide there.";
            return Err(Problem::new(ProblemKind::SignatureRequired, detail));
        }
        Ok(decision)
    }

    fn unsigned(&self, person: &Known, statement: &Statement, answers: Answers) -> Result<Decision, Problem> {
        let shown: Digest =
            answers.statement_digest.parse().map_err(|_| told(DecideRefused::StatementChanged))?;
        let reason = answers.reason.map(|text| text.parse::<Reason>()).transpose();
        let reason = reason.map_err(|error| invalid("/reason", &error.to_string()))?;
        Ok(Decision {
            person: person.id,
            name: person.name.clone(),
            at: self.now(),
            authenticated_by: person.authenticated_by,
            statement_digest: shown,
            items: item_decisions(statement, answers.items)?,
            reason,
            signature: None,
        })
    }
}

/// One answer for each item of the statement, in its order; what was not answered is not granted.
fn item_decisions(statement: &Statement, answers: Vec<Answer>) -> Result<Vec<ItemDecision>, Problem> {
    let unanswered = |index| ItemDecision { index, verdict: Verdict::Deny, granted: None };
    let mut decisions: Vec<_> = (0..statement.items.len()).map(unanswered).collect();
    let mut seen = std::collections::BTreeSet::new();
    for (place, answer) in answers.into_iter().enumerate() {
        let field = format!("/items/{place}");
        let asked = statement.items.get(answer.index).filter(|_| seen.insert(answer.index));
        let slot = decisions.get_mut(answer.index);
        let (Some(asked), Some(slot)) = (asked, slot) else {
            return Err(invalid(&format!("{field}/index"), "name each item of the statement at most once"));
        };
        *slot = item_decision(&field, asked, statement, answer)?;
    }
    Ok(decisions)
}

fn item_decision(
    field: &str,
    asked: &ScopeItem,
    statement: &Statement,
    answer: Answer,
) -> Result<ItemDecision, Problem> {
    let Answer { index, verdict, narrow } = answer;
    let granted = match (verdict, narrow) {
        (Verdict::Approve, None) => Some(asked.clone()),
        (Verdict::Approve, Some(value)) => {
            Some(item(&format!("{field}/narrow"), &value, &statement.identity)?)
        }
        (Verdict::Deny, None) => None,
        (Verdict::Deny, Some(_)) => {
            return Err(invalid(&format!("{field}/narrow"), "only an approved item is narrowed"));
        }
    };
    Ok(ItemDecision { index, verdict, granted })
}

fn told(refused: DecideRefused) -> Problem {
    let (kind, detail) = match refused {
        DecideRefused::NotPending(state) => (ProblemKind::ApprovalNotPending, format!("{state}.")),
        DecideRefused::SelfApproval => {
            (ProblemKind::SelfApproval, "The agent asks on your behalf; another person decides.".to_owned())
        }
        DecideRefused::NotReviewer => {
            (ProblemKind::RoleRequired, "Deciding takes the role `reviewer`.".to_owned())
        }
        DecideRefused::StatementChanged => {
            (ProblemKind::StatementChanged, "Read the statement again and decide over its digest.".to_owned())
        }
        DecideRefused::AlreadyDecided => (
            ProblemKind::ApprovalNotPending,
            "You have approved it; another person's approval is missing.".to_owned(),
        ),
        DecideRefused::Incomplete => {
            (ProblemKind::RequestInvalid, "/items: answer each item at most once.".to_owned())
        }
        DecideRefused::Widened(index) => {
            (ProblemKind::ScopeExceeds, format!("Item {index} may be narrowed, never widened."))
        }
    };
    Problem::new(kind, detail)
}
