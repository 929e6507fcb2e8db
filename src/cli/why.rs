//! `exeat why`: what would become of a request, without making it.

use std::io::Read as _;

use clap::Args;
use zeroize::Zeroizing;

use super::failure::{Exit, Failure};
use super::output::{Output, Page, item_line};
use super::settings::{AgentSide, ReviewSide};
use crate::base::id::{AgentId, RunId};
use crate::edges::client::Client;
use crate::edges::wire::{SecretText, WhyAnswer, WhyBody};

/// The longest token that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Say what would become of a request: which item allows it, or what is missing and how to ask for it. Nothing is sent, counted or put
/// on record.
///
/// With EXEAT_AGENT_KEY an agent asks about itself, one of its runs or a token of its own; inside a run the run asks about itself. With
/// EXEAT_REVIEW_KEY alone a person asks about a run or an agent.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit codes: 0 it would be allowed, 3 it would be refused.

Examples:
  exeat why GET https://api.github.com/repos/acme/app/issues
  exeat why --run run_018f… GET https://api.github.com/repos/acme/app/issues
  exeat why --token-stdin DELETE https://api.github.com/repos/acme/app < token
  exeat why --agent agt_018f… --json GET https://api.github.com/user")]
pub(crate) struct Why {
    /// The method.
    #[arg(value_name = "METHOD")]
    method: String,
    /// The URL.
    #[arg(value_name = "URL", id = "wanted")]
    wanted: String,
    /// The run that would ask.
    #[arg(long, value_name = "run_…", conflicts_with = "agent")]
    run: Option<RunId>,
    /// The agent that would ask; for people.
    #[arg(long, value_name = "agt_…")]
    agent: Option<AgentId>,
    /// Read the token that would be shown from standard input; for agents.
    #[arg(long, conflicts_with_all = ["run", "agent"])]
    token_stdin: bool,
    #[command(flatten)]
    agent_side: AgentSide,
    #[command(flatten)]
    review_side: ReviewSide,
}

impl Why {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        let client = self.client()?;
        let token = if self.token_stdin { Some(read_token()?) } else { None };
        let Self { method, wanted: url, run, agent, .. } = self;
        let body = WhyBody { method, url, run, agent, token };
        let answer: WhyAnswer = client.send("/v1/why", &body).await?;
        output.answer(&answer, |page| told(page, &answer))?;
        Ok(if answer.allowed { Exit::Done } else { Exit::Refused })
    }

    /// An agent's side where there is one; a person's where an agent is named or no agent's key is set.
    fn client(&self) -> Result<Client, Failure> {
        let as_agent = self.agent_side.agent_key.is_some() || self.agent_side.inside.is_here();
        if self.agent.is_none() && (as_agent || self.review_side.review_key.is_none()) {
            self.agent_side.client()
        } else {
            self.review_side.client()
        }
    }
}

fn read_token() -> Result<SecretText, Failure> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin().lock().take(LONGEST).read_to_string(&mut text)?;
    Ok(SecretText::new(text.trim().to_owned()))
}

fn told(page: &mut Page, answer: &WhyAnswer) {
    let verdict = if answer.allowed { "allowed" } else { "refused" };
    page.line(format!("{verdict}: {} ({})", answer.detail, answer.reason));
    page.field_if("request", answer.target.as_ref());
    page.field_if("upstream", answer.upstream.as_ref());
    page.field_if("by item", answer.item.as_ref().map(item_line));
    page.field_if("of approval", answer.approval.as_ref());
    page.field_if("as", answer.identity.as_ref());
    for item in answer.missing.iter().flatten() {
        page.field("missing", item_line(item));
    }
    let command = answer.ask.as_ref().and_then(|ask| ask.get("command")).and_then(serde_json::Value::as_str);
    page.field_if("ask with", command);
}
