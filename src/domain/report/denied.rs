//! What was refused: equal attempts are one row with a count, and the number of rows is bounded (an agent may knock as
//! often as it likes).

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::fold::Place;
use crate::base::clock::Timestamp;
use crate::base::id::{AgentId, ApprovalId, PersonId, TokenId, UseId};
use crate::domain::scope::ScopeItem;

/// What kind of thing was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeniedKind {
    /// A use, by the proxy.
    Use,
    /// An item of a request, by the people who decided.
    Item,
    /// A request, before anybody was asked.
    Request,
    /// An exchange.
    Exchange,
    /// A person's decision.
    Decision,
}

/// One thing that was tried. Equal ones are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attempt {
    /// What kind of thing.
    pub kind: DeniedKind,
    /// The problem's name; for an item `denied`, or `answers_differ` when approvers agreed on no narrower one.
    pub problem: String,
    /// Why, in a fixed word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Method and URL, with query values masked.
    pub target: Option<String>,
    /// The item that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<ScopeItem>,
    /// Who tried. It need not be the agent that the approval belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// The person who said no, or whose decision was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// The approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
    /// The token that was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenId>,
}

/// An attempt, and how often it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denied {
    /// What was tried.
    #[serde(flatten)]
    pub attempt: Attempt,
    /// The id of the first refused use.
    #[serde(rename = "use", default, skip_serializing_if = "Option::is_none")]
    pub id: Option<UseId>,
    /// How often.
    pub count: u64,
    /// First.
    pub first: Timestamp,
    /// Last.
    pub last: Timestamp,
    /// Where the first stands.
    pub index: u64,
}

impl Attempt {
    pub(super) fn new(kind: DeniedKind, problem: &str) -> Self {
        Self {
            kind,
            problem: problem.to_owned(),
            reason: None,
            target: None,
            item: None,
            agent: None,
            person: None,
            approval: None,
            token: None,
        }
    }
}

/// Refusals while they are counted.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    rows: HashMap<Attempt, Denied>,
    further: u64,
}

impl Refusals {
    pub(super) fn add(&mut self, place: Place, attempt: Attempt, id: Option<UseId>) {
        if let Some(row) = self.rows.get_mut(&attempt) {
            row.count += 1;
            row.last = place.at;
        } else if self.rows.len() < super::MAX_DENIED {
            let row = Denied {
                attempt: attempt.clone(),
                id,
                count: 1,
                first: place.at,
                last: place.at,
                index: place.index,
            };
            drop(self.rows.insert(attempt, row));
        } else {
            self.further += 1;
        }
    }

    /// The rows in the order of the log, and how many refusals are in none of them.
    pub(super) fn finish(self) -> (Vec<Denied>, u64) {
        let mut rows: Vec<Denied> = self.rows.into_values().collect();
        // One entry can deny several items; the statement's order is not kept by a map, so the words decide.
        rows.sort_by_cached_key(|row| (row.index, row.attempt.item.as_ref().map(ToString::to_string)));
        (rows, self.further)
    }
}
