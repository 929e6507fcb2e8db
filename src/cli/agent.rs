//! `exeat agent`: which agents there are and what each may ask for.

use clap::{Args, Subcommand};

use super::failure::{Exit, Failure};
use super::output::{DONE, Output, listed, moment};
use super::settings::ReviewSide;
use crate::base::id::{AgentId, PersonId};
use crate::domain::identity::Identity;
use crate::domain::name::Name;
use crate::domain::principal::Label;
use crate::edges::wire::{AgentBody, AgentEnrolled, AgentList, AgentView};

/// Enrol agents and say what each may ask for.
#[derive(Debug, Subcommand)]
pub(crate) enum Agents {
    Add(Add),
    List(List),
    Remove(Remove),
}

/// Enrol an agent. Its key is printed once.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  exeat agent add ci --identity service:ci-bot --upstream github
  EXEAT_AGENT_KEY=$(exeat agent add ci --identity service:ci-bot --upstream github --json | jq -r .key)")]
pub(crate) struct Add {
    /// Its name.
    #[arg(value_name = "NAME")]
    name: Label,
    /// An acting identity it may ask for; repeat for more. None by default.
    #[arg(long, value_name = "IDENTITY")]
    identity: Vec<Identity>,
    /// An upstream it may ask for; repeat for more. None by default.
    #[arg(long, value_name = "NAME")]
    upstream: Vec<Name>,
    /// The person whose automation it is, who therefore never decides its requests.
    #[arg(long, value_name = "per_…")]
    on_behalf_of: Option<PersonId>,
    /// Seconds until its key stops working.
    #[arg(long, value_name = "SECONDS")]
    expires_in: Option<u32>,
    #[command(flatten)]
    side: ReviewSide,
}

/// List the agents.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  exeat agent list")]
pub(crate) struct List {
    #[command(flatten)]
    side: ReviewSide,
}

/// Remove an agent: its key, its tokens and its pending requests end with it.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  exeat agent remove agt_018f…")]
pub(crate) struct Remove {
    /// The agent.
    #[arg(value_name = "agt_…")]
    agent: AgentId,
    #[command(flatten)]
    side: ReviewSide,
}

impl Agents {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        match self {
            Self::Add(add) => add.run(output).await,
            Self::List(list) => list.run(output).await,
            Self::Remove(remove) => remove.run(output).await,
        }
    }
}

impl Add {
    async fn run(self, output: Output) -> Result<Exit, Failure> {
        let body = AgentBody {
            name: self.name,
            identities: self.identity.into_iter().collect(),
            upstreams: self.upstream.into_iter().collect(),
            on_behalf_of: self.on_behalf_of,
            expires_in: self.expires_in,
        };
        let added: AgentEnrolled = self.side.client()?.send("/v1/agents", &body).await?;
        output.answer(&added, |page| {
            page.line(format!("agent: {} ({})", added.agent.name, added.agent.id));
            page.field("may act as", listed(&added.agent.identities));
            page.field("may reach", listed(&added.agent.upstreams));
            page.field("key ends", moment(added.agent.expires_at));
            page.gap();
            page.line("Its key, shown this once:");
            page.line(format!("  EXEAT_AGENT_KEY={}", added.key.reveal()));
        })?;
        DONE
    }
}

impl List {
    async fn run(self, output: Output) -> Result<Exit, Failure> {
        let list: AgentList = self.side.client()?.read("/v1/agents", &[]).await?;
        output.answer(&list, |page| {
            let rows = list.agents.iter().map(row).collect();
            let head = ["agent", "name", "may act as", "may reach", "key ends", "state"];
            page.table(&head, rows, "no agent yet: exeat agent add NAME --identity … --upstream …");
        })?;
        DONE
    }
}

fn row(agent: &AgentView) -> Vec<String> {
    vec![
        agent.id.to_string(),
        agent.name.to_string(),
        listed(&agent.identities),
        listed(&agent.upstreams),
        moment(agent.expires_at),
        if agent.removed_at.is_some() { "removed" } else { "enrolled" }.to_owned(),
    ]
}

impl Remove {
    async fn run(self, output: Output) -> Result<Exit, Failure> {
        let id = self.agent;
        self.side.client()?.order(&format!("/v1/agents/{id}/remove")).await?;
        output.answer(&serde_json::json!({ "removed": id }), |page| page.line(format!("removed: {id}")))?;
        DONE
    }
}
