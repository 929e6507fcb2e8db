//! `exeat person`: the people who decide, operate or audit.

use clap::{Args, Subcommand};

use super::failure::{Exit, Failure};
use super::output::{DONE, Output, listed};
use super::settings::ReviewSide;
use crate::base::id::PersonId;
use crate::domain::principal::{Label, Role};
use crate::edges::wire::{PersonAdded, PersonBody, PersonList, PersonView};

/// Add the people who decide, operate or audit.
#[derive(Debug, Subcommand)]
pub(crate) enum People {
    Add(Add),
    List(List),
    Remove(Remove),
}

/// Add a person. Their review key is printed once.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  exeat person add grace --role reviewer
  exeat person add ops --role operator --role auditor")]
pub(crate) struct Add {
    /// Their name.
    #[arg(value_name = "NAME")]
    name: Label,
    /// What they may do: operator, reviewer or auditor; repeat for more.
    #[arg(long, value_name = "ROLE", required = true)]
    role: Vec<Role>,
    #[command(flatten)]
    side: ReviewSide,
}

/// List the people.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  exeat person list")]
pub(crate) struct List {
    #[command(flatten)]
    side: ReviewSide,
}

/// Remove a person. History still names them.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  exeat person remove per_018f…")]
pub(crate) struct Remove {
    /// The person.
    #[arg(value_name = "per_…")]
    person: PersonId,
    #[command(flatten)]
    side: ReviewSide,
}

impl People {
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
        let body = PersonBody { name: self.name, roles: self.role.into_iter().collect() };
        let added: PersonAdded = self.side.client()?.send("/v1/people", &body).await?;
        output.answer(&added, |page| {
            page.line(format!("person: {} ({})", added.name, added.person));
            page.field("may", listed(added.roles.iter().map(|role| role.as_str())));
            page.gap();
            page.line("Their review key, shown this once:");
            page.line(format!("  EXEAT_REVIEW_KEY={}", added.review_key.reveal()));
        })?;
        DONE
    }
}

impl List {
    async fn run(self, output: Output) -> Result<Exit, Failure> {
        let list: PersonList = self.side.client()?.read("/v1/people", &[]).await?;
        output.answer(&list, |page| {
            let rows = list.people.iter().map(row).collect();
            page.table(&["person", "name", "roles", "state"], rows, "nobody yet");
        })?;
        DONE
    }
}

fn row(person: &PersonView) -> Vec<String> {
    vec![
        person.person.to_string(),
        person.name.to_string(),
        listed(person.roles.iter().map(|role| role.as_str())),
        if person.removed_at.is_some() { "removed" } else { "active" }.to_owned(),
    ]
}

impl Remove {
    async fn run(self, output: Output) -> Result<Exit, Failure> {
        let id = self.person;
        self.side.client()?.order(&format!("/v1/people/{id}/remove")).await?;
        output.answer(&serde_json::json!({ "removed": id }), |page| page.line(format!("removed: {id}")))?;
        DONE
    }
}
