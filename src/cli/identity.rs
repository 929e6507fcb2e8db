//! `exeat identity`: the acting identities there are.

use clap::{Args, Subcommand};

use super::failure::{Exit, Failure};
use super::output::{DONE, Output};
use super::settings::ReviewSide;
use crate::domain::identity::Identity;
use crate::edges::wire::{IdentityBody, IdentityList};

/// Name whom upstreams will see: users and services.
#[derive(Debug, Subcommand)]
pub(crate) enum Identities {
    Add(Add),
    List(List),
}

/// Name an acting identity.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  exeat identity add service:ci-bot
  exeat identity add user:alice@example.com")]
pub(crate) struct Add {
    /// user:NAME or service:NAME.
    #[arg(value_name = "IDENTITY")]
    identity: Identity,
    #[command(flatten)]
    side: ReviewSide,
}

/// List the acting identities.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  exeat identity list")]
pub(crate) struct List {
    #[command(flatten)]
    side: ReviewSide,
}

impl Identities {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        match self {
            Self::Add(add) => add.run(output).await,
            Self::List(list) => list.run(output).await,
        }
    }
}

impl Add {
    async fn run(self, output: Output) -> Result<Exit, Failure> {
        let body = IdentityBody { identity: self.identity };
        let added: IdentityBody = self.side.client()?.send("/v1/identities", &body).await?;
        output.answer(&added, |page| page.line(format!("identity: {}", added.identity)))?;
        DONE
    }
}

impl List {
    async fn run(self, output: Output) -> Result<Exit, Failure> {
        let list: IdentityList = self.side.client()?.read("/v1/identities", &[]).await?;
        output.answer(&list, |page| {
            let rows = list.identities.iter().map(|identity| vec![identity.to_string()]).collect();
            page.table(&["identity"], rows, "no identity yet: exeat identity add service:NAME");
        })?;
        DONE
    }
}
