//! Granted against used, for a person who asks. Read from the log alone, with the signed head it was read under.

use super::{Broker, not_found, request::invalid, unavailable};
use crate::base::clock::Timestamp;
use crate::base::id::{AgentId, ApprovalId, RunId, TokenId, UseId};
use crate::domain::ledger::Event;
use crate::domain::principal::Person;
use crate::domain::problem::Problem;
use crate::domain::report::{Fold, Report};
use crate::store::{EntryQuery, StoredEntry};

/// Entries read at a time.
const PAGE: u32 = 1000;

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One approval.
    Approval(ApprovalId),
    /// One token.
    Token(TokenId),
    /// One agent.
    Agent(AgentId),
    /// One run.
    Run(RunId),
    /// Everything from a moment until another.
    Range(Timestamp, Timestamp),
}

impl Subject {
    /// From an id of any kind that can be reported on.
    #[must_use]
    pub fn of_id(text: &str) -> Option<Self> {
        let approval = text.parse().map(Self::Approval).ok();
        approval
            .or_else(|| text.parse().map(Self::Token).ok())
            .or_else(|| text.parse().map(Self::Agent).ok())
            .or_else(|| text.parse().map(Self::Run).ok())
    }

    fn name(self) -> String {
        match self {
            Self::Approval(id) => id.to_string(),
            Self::Token(id) => id.to_string(),
            Self::Agent(id) => id.to_string(),
            Self::Run(id) => id.to_string(),
            Self::Range(since, until) => format!("{since}/{until}"),
        }
    }
}

impl Broker {
    /// The report about `subject`. That it was read goes on record.
    ///
    /// # Errors
    /// `not_found` when the log says nothing about it.
    pub async fn report(&self, by: &Person, subject: Subject) -> Result<Report, Problem> {
        if let Subject::Range(since, until) = subject
            && since >= until
        {
            return Err(invalid("/until", "has to be after `since`"));
        }
        let mut query = self.query(subject).await?;
        let mut fold = Fold::about(subject.name());
        let mut page = self.page(query.clone()).await?;
        let nothing = page.is_empty() && !matches!(subject, Subject::Range(..) | Subject::Agent(_));
        if nothing {
            return Err(not_found());
        }
        // What the agent was refused before it asked belongs to the story, but to no approval yet.
        if matches!(subject, Subject::Approval(_) | Subject::Token(_)) {
            let before = self.refusals_before(&page).await?;
            for entry in &before {
                fold.add(entry.index, &entry.entry);
            }
        }
        while let Some(last) = page.last().map(|entry| entry.index) {
            for entry in &page {
                fold.add(entry.index, &entry.entry);
            }
            query.after = Some(last);
            page = self.page(query.clone()).await?;
        }
        let mut report = fold.finish();
        report.checkpoint = self.checkpoint().await.ok().map(|checkpoint| checkpoint.note);
        self.log_read(by, format!("report {}", subject.name())).await?;
        Ok(report)
    }

    async fn query(&self, subject: Subject) -> Result<EntryQuery, Problem> {
        let query = EntryQuery { limit: PAGE, ..EntryQuery::default() };
        Ok(match subject {
            Subject::Approval(id) => EntryQuery { approval: Some(id), ..query },
            Subject::Token(id) => {
                let token = self.parts.store.token(id).await.map_err(unavailable)?.ok_or_else(not_found)?;
                EntryQuery { approval: Some(token.approval), ..query }
            }
            Subject::Agent(id) => {
                self.catalog().agent(id).ok_or_else(not_found)?;
                EntryQuery { agent: Some(id), ..query }
            }
            Subject::Run(id) => EntryQuery { run: Some(id), ..query },
            Subject::Range(since, until) => EntryQuery { since: Some(since), until: Some(until), ..query },
        })
    }

    /// The refused uses that the requests of this page name as their step.
    async fn refusals_before(&self, page: &[StoredEntry]) -> Result<Vec<StoredEntry>, Problem> {
        let refusal = |stored: &StoredEntry| match &stored.entry.event {
            Event::Requested { statement, .. } => statement.step.refusal,
            _ => None,
        };
        let wanted: Vec<UseId> = page.iter().filter_map(refusal).collect();
        let mut found = Vec::new();
        for id in wanted {
            let event = Some("use_refused".to_owned());
            let query = EntryQuery { usage: Some(id), event, limit: 1, ..EntryQuery::default() };
            found.extend(self.page(query).await?);
        }
        found.sort_by_key(|stored| stored.index);
        Ok(found)
    }
}
