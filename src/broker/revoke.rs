//! Ending what was granted. True when the call returns (I9): the store re-checks every use against it.

use super::{Broker, not_found, unavailable};
use crate::base::id::{ApprovalId, TokenId};
use crate::domain::approval::Approval;
use crate::domain::ledger::{Event, Revoker};
use crate::domain::principal::{Person, Role};
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::widening::Closing;
use crate::store::{StoreError, TokenRecord};

/// How often a revocation is tried again when tokens are made from the approval at the same time.
const ATTEMPTS: usize = 8;

impl Broker {
    /// A person ends an approval; its tokens end with it. Ending what has ended is no error.
    ///
    /// # Errors
    /// `not_found`, or `approval_not_pending` when nothing was ever granted.
    pub async fn revoke(&self, person: &Person, id: ApprovalId) -> Result<Approval, Problem> {
        may_end(person)?;
        for _ in 0..ATTEMPTS {
            let approval = self.parts.store.approval(id).await.map_err(unavailable)?.ok_or_else(not_found)?;
            if approval.state_name(self.now()) == "revoked" {
                return Ok(approval);
            }
            let (agent, run) = (approval.statement.agent.id, approval.statement.run);
            let next = approval.revoke(person.id, self.now()).map_err(|error| {
                Problem::new(ProblemKind::ApprovalNotPending, format!("Nothing to revoke: {error}."))
            })?;
            let event = Event::Revoked { approval: id, agent, by: person.id, run };
            match self.parts.store.transition(next, self.entry(event)).await {
                Ok(approval) => {
                    self.cuts.cut(|under_way| under_way.approval == id);
                    self.cut_passages(id);
                    self.withdraw_files(run, id, Closing::Revoked);
                    self.changed(id);
                    return Ok(approval.into_value());
                }
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(unavailable(error)),
            }
        }
        Err(unavailable(StoreError::Conflict))
    }

    /// A person ends one token. Ending what has ended is no error.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn revoke_token(&self, person: &Person, id: TokenId) -> Result<(), Problem> {
        may_end(person)?;
        self.end_token(id, Revoker::Person { id: person.id }).await
    }

    pub(super) async fn end_token(&self, id: TokenId, by: Revoker) -> Result<(), Problem> {
        let token = self.parts.store.token(id).await.map_err(unavailable)?.ok_or_else(not_found)?;
        let TokenRecord { approval, agent, run, .. } = token;
        let event = Event::TokenRevoked { token: id, approval, agent, by, run };
        match self.parts.store.revoke_token(id, self.entry(event)).await {
            Ok(_) | Err(StoreError::Conflict) => {
                self.cuts.cut(|under_way| under_way.token == id);
                self.changed(token.approval);
                Ok(())
            }
            Err(error) => Err(unavailable(error)),
        }
    }
}

fn may_end(person: &Person) -> Result<(), Problem> {
    if person.holds(Role::Reviewer) || person.holds(Role::Operator) {
        return Ok(());
    }
    Err(Problem::new(ProblemKind::RoleRequired, "Revoking takes the role `reviewer` or `operator`."))
}
