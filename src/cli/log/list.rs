//! `exeat log list`: entries by what they are about.

use clap::Args;
use serde_json::Value;

use crate::base::clock::Timestamp;
use crate::base::id::{AgentId, ApprovalId, RunId, TokenId};
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{DONE, Output};
use crate::cli::settings::ReviewSide;
use crate::cli::time::moment_or_ago;
use crate::edges::wire::{EntryList, EntryView};

/// List entries, oldest first.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  exeat log list --approval apr_018f…
  exeat log list --type use_refused --since 24h
  exeat log list --after 1000 --limit 50 --json")]
pub(crate) struct List {
    /// Only entries after this index.
    #[arg(long, value_name = "INDEX")]
    after: Option<u64>,
    /// At most this many.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    /// Only this event, for example use_started.
    #[arg(long = "type", value_name = "EVENT")]
    event: Option<String>,
    /// Only about this approval.
    #[arg(long, value_name = "apr_…")]
    approval: Option<ApprovalId>,
    /// Only about this token.
    #[arg(long, value_name = "tok_…")]
    token: Option<TokenId>,
    /// Only about this agent.
    #[arg(long, value_name = "agt_…")]
    agent: Option<AgentId>,
    /// Only about this run.
    #[arg(long, value_name = "run_…")]
    run: Option<RunId>,
    /// Only from then on: a moment (RFC 3339), or how long ago (`2h`, `7d`).
    #[arg(long, value_name = "T", value_parser = moment_or_ago)]
    since: Option<Timestamp>,
    /// Only until then.
    #[arg(long, value_name = "T", value_parser = moment_or_ago)]
    until: Option<Timestamp>,
    #[command(flatten)]
    side: ReviewSide,
}

impl List {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        let list: EntryList = self.side.client()?.read("/v1/ledger/entries", &self.query()).await?;
        output.answer(&list, |page| {
            page.table(&HEAD, list.entries.iter().map(row).collect(), "no such entries");
            if let Some(next) = list.next {
                page.line(format!("more: add --after {next}"));
            }
        })?;
        DONE
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        fn text(thing: Option<&impl ToString>) -> Option<String> {
            thing.map(ToString::to_string)
        }
        let typed = [
            ("after", text(self.after.as_ref())),
            ("limit", Some(self.limit.to_string())),
            ("type", self.event.clone()),
            ("approval", text(self.approval.as_ref())),
            ("token", text(self.token.as_ref())),
            ("agent", text(self.agent.as_ref())),
            ("run", text(self.run.as_ref())),
            ("since", text(self.since.as_ref())),
            ("until", text(self.until.as_ref())),
        ];
        typed.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// The head of a table of entries.
pub(super) const HEAD: [&str; 4] = ["index", "at", "event", "about"];

/// An entry on one line: its place, its time, its name, and whom and what it is about.
pub(super) fn row(view: &EntryView) -> Vec<String> {
    let text = |pointer: &str| view.entry.pointer(pointer).and_then(Value::as_str).unwrap_or("-").to_owned();
    let at = text("/at");
    let at = at.split_once('.').map_or(at.clone(), |(seconds, _)| format!("{seconds}Z"));
    vec![view.index.to_string(), at, text("/event/type"), about(&view.entry)]
}

/// The members of an event that people look for, in a fixed order.
fn about(entry: &Value) -> String {
    const PARTS: [&str; 14] = [
        "/event/target",
        "/event/problem",
        "/event/state",
        "/event/name",
        "/event/upstream_name",
        "/event/identity",
        "/event/outcome/status",
        "/event/use",
        "/event/token",
        "/event/approval",
        "/event/statement/approval",
        "/event/agent",
        "/event/person",
        "/event/by",
    ];
    let parts = PARTS.iter().filter_map(|pointer| entry.pointer(pointer));
    let texts = parts.filter_map(|value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join(" ")
}
