//! What of one approval would have been enough.

use super::ApprovalFold;
use crate::domain::report::lanes::RunAccount;
use crate::domain::report::tighter::{Spent, Tighter};

impl ApprovalFold {
    /// Looks at the files of its run, for [`Self::tighter`].
    pub(in crate::domain::report) fn watched(&mut self, run: Option<&RunAccount>) {
        self.granted.touch(run);
    }

    /// How long and how often it was used, if it was.
    pub(in crate::domain::report) fn spent(&self, run: Option<&RunAccount>) -> Option<Spent> {
        let touched = run.and_then(|run| run.ended_at).filter(|_| self.granted.touched());
        let until = self.granted.last().max(touched)?;
        let asked = self.asked.as_ref().map(|(at, _, statement)| (*at, statement.limits)).unzip();
        let issued = self.tokens.first().map(|token| token.issued_at);
        Some(Spent {
            since: asked.0.or(issued).or(Some(until)),
            until: Some(until),
            uses: self.uses,
            tokens: self.used_tokens.len(),
            granted: asked.1,
        })
    }

    /// What would have been enough of this approval, where that is less than was granted.
    pub(in crate::domain::report) fn tighter(&self, run: Option<&RunAccount>) -> Option<Tighter> {
        let (items, spent) = (self.granted.tighter()?, self.spent(run)?);
        let (tighter, granted) = (Tighter { items, limits: spent.limits() }, spent.granted);
        let same = self.granted.is(&tighter.items) && granted == Some(tighter.limits);
        (!same).then_some(tighter)
    }
}
