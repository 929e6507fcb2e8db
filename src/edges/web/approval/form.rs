//! What a person answers in the form of an approval.

use serde_json::Value;

use crate::broker::{Answer, Answers};
use crate::domain::approval::Verdict;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::scope::ScopeItem;
use crate::edges::view::json;

/// What the fields are called that answer one item, and that hold what was typed in its place; its number follows.
const ITEM: &str = "item.";
pub(super) const NARROW: &str = "narrow.";

/// What a person sent: the answers, and what they had typed.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) answers: Answers,
    pub(super) typed: Vec<(usize, String)>,
}

/// The answers in a form: `all` for every item at once, or one for each; an item without an answer is not granted.
pub(super) fn sent(form: Vec<(String, String)>, items: usize) -> Result<Sent, Problem> {
    let invalid = |what: &str| Problem::new(ProblemKind::RequestInvalid, format!("{what}."));
    let mut sent = Sent::default();
    let mut all = None;
    let mut verdicts = vec![Verdict::Deny; items];
    for (name, text) in form {
        match name.as_str() {
            "digest" => sent.answers.statement_digest = text,
            "reason" => sent.answers.reason = Some(text).filter(|text| !text.trim().is_empty()),
            "assertion" if text.is_empty() => {}
            "assertion" => {
                let read = serde_json::from_str(&text);
                sent.answers.assertion =
                    Some(read.map_err(|_| invalid("The signature of the passkey cannot be read"))?);
            }
            "all" => all = Some(verdict(&text)?),
            _ => match (numbered(&name, ITEM), numbered(&name, NARROW)) {
                (Some(index), _) => {
                    let slot = verdicts.get_mut(index).ok_or_else(|| invalid("There is no such item"))?;
                    *slot = verdict(&text)?;
                }
                (_, Some(index)) if index < items => sent.typed.push((index, text)),
                _ => return Err(invalid("The form has a field that nobody knows")),
            },
        }
    }
    for (index, verdict) in verdicts.into_iter().enumerate() {
        let verdict = all.unwrap_or(verdict);
        let typed = sent.typed.iter().find(|(number, _)| *number == index).map(|(_, text)| text.trim());
        // Approving all means: as asked.
        let typed = typed.filter(|text| !text.is_empty() && all.is_none() && verdict == Verdict::Approve);
        // Strictly, before it is a value: a name that is there twice would be read in two ways.
        let narrow = typed.map(|text| ScopeItem::from_json(text.as_bytes()).map(|item| json(&item)));
        let narrow: Option<Value> = narrow
            .transpose()
            .map_err(|error| invalid(&format!("Item {}, as it was typed: {error}", index + 1)))?;
        sent.answers.items.push(Answer { index, verdict, narrow });
    }
    Ok(sent)
}

fn verdict(text: &str) -> Result<Verdict, Problem> {
    match text {
        "approve" => Ok(Verdict::Approve),
        "deny" => Ok(Verdict::Deny),
        _ => Err(Problem::new(ProblemKind::RequestInvalid, "Answer each item with approve or deny.")),
    }
}

pub(super) fn numbered(name: &str, kind: &str) -> Option<usize> {
    name.strip_prefix(kind)?.parse().ok()
}
