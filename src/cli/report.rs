//! `exeat report`: the four questions, answered from the log.

use clap::Args;
use serde_json::Value;

use super::failure::{Exit, Failure};
use super::output::{DONE, Output, Page, item_line, listed, moment};
use super::settings::ReviewSide;
use super::time::moment_or_ago;
use crate::base::clock::Timestamp;
use crate::domain::ledger::checkpoint::SignedCheckpoint;
use crate::edges::wire::{Report as Answer, TriggerView};

/// The steps behind so many approvals are shown.
const SHOWN: usize = 20;

/// Answer the four questions: what was granted, what was used, which step led to it, who approved it.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  exeat report apr_018f…
  exeat report tok_018f… --json
  exeat report --since 24h
  exeat report --since 2026-11-01T00:00:00Z --until 2026-12-01T00:00:00Z")]
pub(crate) struct Report {
    /// An approval, a token, a run or an agent; left out, everything in the time that --since and --until name.
    #[arg(value_name = "apr_… | tok_… | run_… | agt_…", value_parser = subject, conflicts_with_all = ["since", "until"], required_unless_present = "since")]
    subject: Option<String>,
    /// Only from then on: a moment (RFC 3339), or how long ago (`2h`, `7d`).
    #[arg(long, value_name = "T", value_parser = moment_or_ago)]
    since: Option<Timestamp>,
    /// Only until then.
    #[arg(long, value_name = "T", value_parser = moment_or_ago)]
    until: Option<Timestamp>,
    #[command(flatten)]
    side: ReviewSide,
}

fn subject(text: &str) -> Result<String, String> {
    use crate::base::id::{AgentId, ApprovalId, RunId, TokenId};
    let known = text.parse::<ApprovalId>().is_ok()
        || text.parse::<TokenId>().is_ok()
        || text.parse::<RunId>().is_ok()
        || text.parse::<AgentId>().is_ok();
    if known {
        Ok(text.to_owned())
    } else {
        Err("expected an id like apr_…, tok_…, run_… or agt_…".to_owned())
    }
}

impl Report {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        let path = self.subject.as_ref().map_or("/v1/reports".to_owned(), |id| format!("/v1/reports/{id}"));
        let bounds = [("since", self.since), ("until", self.until)];
        let query: Vec<_> =
            bounds.into_iter().filter_map(|(name, at)| Some((name, at?.to_string()))).collect();
        let report: Answer = self.side.client()?.read(&path, &query).await?;
        output.answer(&report, |page| told(page, &report))?;
        DONE
    }
}

/// A report for people, question by question.
pub(crate) fn told(page: &mut Page, report: &Answer) {
    page.line(format!("Report on {}", report.subject));
    page.field_if("agent", report.agent);
    page.field_if("run", report.run);
    page.field_if("acted as", report.identity.as_ref());
    page.gap();
    page.line("1. What was granted");
    let granted = report.granted.iter().map(|item| vec![item_line(item), share(report, item)]).collect();
    page.table_under("   ", &["item", "used"], granted, "nothing");
    page.gap();
    used(page, report);
    super::lanes::told(page, report);
    page.gap();
    page.line("3. Which step led to it");
    triggers(page, report);
    page.gap();
    page.line("4. Who approved it");
    let row = |who: &crate::edges::wire::ApproverView| {
        vec![
            who.name.to_string(),
            who.person.to_string(),
            moment(who.at),
            who.authenticated_by.as_str().to_owned(),
            who.statement_digest.to_string(),
        ]
    };
    let approvers = report.approvers.iter().map(row).collect();
    page.table_under("   ", &["name", "person", "at", "known by", "over the statement"], approvers, "nobody");
    super::tighter::told(page, report);
    if let Some(note) = &report.checkpoint {
        page.gap();
        match SignedCheckpoint::parse(note) {
            Ok(signed) => page.line(format!(
                "Read from the log of {} at {} entries.",
                signed.claim().origin,
                signed.claim().size
            )),
            Err(_) => page.line("Read from a log whose checkpoint cannot be read."),
        }
    }
}

fn share(report: &Answer, item: &Value) -> String {
    let count: u64 = report.used.iter().filter(|used| used.item == *item).map(|used| used.count).sum();
    if count == 0 || report.never_used.contains(item) { "never".to_owned() } else { format!("{count}×") }
}

fn used(page: &mut Page, report: &Answer) {
    page.line("2. What was used of it");
    let row = |used: &crate::edges::wire::UsedView| {
        vec![format!("{}×", used.count), moment(used.first), moment(used.last), listed(&used.targets)]
    };
    page.table_under(
        "   ",
        &["uses", "first", "last", "what"],
        report.used.iter().map(row).collect(),
        "nothing",
    );
    if !report.unfinished.is_empty() {
        page.line("   unfinished, nobody reported how they ended:");
        report.unfinished.iter().for_each(|open| page.line(format!("     {}", told_use(open))));
    }
    if !report.denied.is_empty() {
        page.line("   tried and refused:");
        report.denied.iter().for_each(|denied| page.line(format!("     {}", told_use(denied))));
    }
}

/// A use on one line; what has no target is shown as it is.
fn told_use(value: &Value) -> String {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (target, problem, id) = (text("target"), text("problem"), text("use"));
    if target.is_empty() && problem.is_empty() {
        return value.to_string();
    }
    [target, problem, id].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ")
}

/// Of each approval, where there are several.
fn triggers(page: &mut Page, report: &Answer) {
    let approvals = report.more.get("approvals").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if approvals.len() < 2 {
        return trigger(page, "   ", &report.trigger);
    }
    for approval in approvals.iter().take(SHOWN) {
        let id = approval.get("id").and_then(Value::as_str).unwrap_or_default();
        let known = approval.get("trigger").cloned().map(serde_json::from_value);
        if let Some(Ok(known)) = known {
            page.line(format!("   to {id}"));
            trigger(page, "     ", &known);
        }
    }
    if let Some(further) = approvals.len().checked_sub(SHOWN).filter(|further| *further > 0) {
        page.line(format!("   … and to {further} more approvals: --json has all"));
    }
}

fn trigger(page: &mut Page, margin: &str, trigger: &TriggerView) {
    let known = trigger.refusal.is_some() || trigger.claimed.is_some() || trigger.observed.is_some();
    if !known {
        page.line(format!("{margin}none was named"));
    }
    page.field_if(&format!("{margin}refusal"), trigger.refusal);
    page.field_if(&format!("{margin}claimed"), trigger.claimed.as_ref());
    page.field_if(&format!("{margin}observed"), trigger.observed.as_ref());
}
