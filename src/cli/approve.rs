//! `exeat approve`: a person looks at a statement and says yes to it, item by item.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::Value;

use super::failure::{Exit, Failure};
use super::output::{self, DONE, Output, Page};
use super::request::parse_item;
use super::settings::ReviewSide;
use super::statement::Shown;
use super::wait::told;
use crate::base::crypto::hash::Digest;
use crate::base::id::ApprovalId;
use crate::domain::approval::{Reason, Verdict};
use crate::edges::wire::{Answer, ApprovalReview, DecisionBody};

/// Look at a request and approve it, whole or in part.
///
/// Shows the statement and asks. What is not among --item or --narrow is denied, if either is given.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  exeat approve apr_018f…
  exeat approve apr_018f… --item 0                      only the first item
  exeat approve apr_018f… --narrow '0={\"type\":\"http\",\"upstream\":\"github\",\"methods\":[\"GET\"],\"paths\":[\"/repos/acme/app\"]}'
  exeat approve apr_018f… --yes --digest 6f1c…          only if it still says what was seen elsewhere")]
pub(crate) struct Approve {
    /// The approval.
    #[arg(value_name = "apr_…")]
    approval: ApprovalId,
    /// Approve this item, counted from 0; repeat for more.
    #[arg(long, value_name = "N")]
    item: Vec<usize>,
    /// Approve an item in a narrower form; repeat for more.
    #[arg(long, value_name = "N=JSON", value_parser = narrower)]
    narrow: Vec<(usize, String)>,
    /// What the agent is told.
    #[arg(long, value_name = "TEXT")]
    reason: Option<Reason>,
    /// The digest the statement must have.
    #[arg(long, value_name = "HEX")]
    digest: Option<Digest>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    side: ReviewSide,
}

fn narrower(text: &str) -> Result<(usize, String), String> {
    let (index, item) = text.split_once('=').ok_or("expected N=JSON")?;
    Ok((index.parse().map_err(|_| "expected the number of an item before `=`")?, item.to_owned()))
}

impl Approve {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        let client = self.side.client()?;
        let shown = Shown::fetch(&client, self.approval).await?;
        let items = self.answers(&shown)?;
        if self.digest.is_some_and(|digest| digest != shown.digest) {
            return Err(Failure::refused(format!(
                "the statement is another one: its digest is {}",
                shown.digest
            ))
            .with_remedy(format!("look at it with `exeat approvals show {}`", self.approval)));
        }
        if !self.yes {
            confirm(&shown, &items)?;
        }
        let body =
            DecisionBody { statement_digest: shown.digest, items, reason: self.reason, assertion: None };
        let path = format!("/v1/approvals/{}/decision", self.approval);
        let decided: ApprovalReview = client.send(&path, &body).await?;
        output.answer(&decided, |page| told(page, &decided.approval))?;
        DONE
    }

    /// One answer per item of the statement, in its order.
    fn answers(&self, shown: &Shown) -> Result<Vec<Answer>, Failure> {
        let mut narrow = BTreeMap::new();
        for (index, text) in &self.narrow {
            shown.check_index(*index)?;
            drop(narrow.insert(*index, parse_item(text)?));
        }
        self.item.iter().try_for_each(|index| shown.check_index(*index))?;
        let all = self.item.is_empty() && self.narrow.is_empty();
        let answer = |index: usize| {
            let narrow: Option<Value> = narrow.get(&index).cloned();
            let chosen = all || narrow.is_some() || self.item.contains(&index);
            let decision = if chosen { Verdict::Approve } else { Verdict::Deny };
            Answer { index, decision, narrow }
        };
        Ok((0..shown.statement.items.len()).map(answer).collect())
    }
}

/// Shows the statement on standard error, beside the question, and takes nothing but a clear yes for one.
fn confirm(shown: &Shown, items: &[Answer]) -> Result<(), Failure> {
    let mut page = Page::default();
    shown.tell(&mut page);
    page.gap();
    for answer in items {
        let narrow = answer.narrow.as_ref().map(|item| format!(", narrowed to {}", output::item_line(item)));
        let verdict = if answer.decision == Verdict::Approve { "approve" } else { "deny" };
        page.line(format!("item {}: {verdict}{}", answer.index, narrow.unwrap_or_default()));
    }
    let question = format!("{}Approve? [y/N] ", page.text());
    match output::ask(&question)?.as_deref() {
        Some("y" | "Y" | "yes") => Ok(()),
        Some(_) => Err(Failure::refused("not approved; the request is still pending")
            .with_remedy(format!("deny it with `exeat deny {} --reason …`", shown.statement.approval))),
        None => Err(Failure::usage("there is no terminal to ask at").with_remedy(
            "look at it with `exeat approvals show ID --json`, then approve with --yes and --digest",
        )),
    }
}
