//! `exeat run`: an agent inside walls, on a rung of the ladder.

mod due;
mod explain;
mod git;
mod ledger;
mod order;
mod outside;
mod placeholders;
mod preparation;
mod relay;
mod supervise;
mod terminal;
mod widen;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::failure::{Exit, Failure};
use super::output::Output;
use super::settings::{AgentSide, DataDir};
use crate::planes::filesystem::profile::BUILT_IN;
pub(super) use explain::missing_of_landlock;
use placeholders::Wanted;
use preparation::Preparation;

/// Run a command inside walls whose only way out is Exeat.
///
/// The exit code is the command's own, and 128 and the signal's number when a signal ended it. Before anything runs, a refusal
/// of the walls exits 3; 125 says that the walls or the run itself failed.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  exeat run --profile workspace-write --workspace . -- make test
  exeat run --profile read-only --explain
  exeat run --profile credentialed --credential github=service:ci-bot --wait 120 -- gh pr list
  exeat run --show-profile networked > mine.toml && exeat run --profile ./mine.toml -- npm ci")]
pub(crate) struct Run {
    #[command(flatten)]
    connection: AgentSide,
    #[command(flatten)]
    dir: DataDir,
    /// What the run may see and change: read-only, workspace-write, networked, credentialed, or a TOML file.
    #[arg(long, value_name = "NAME|FILE", default_value = "read-only")]
    profile: String,
    /// The directory that it works in.
    #[arg(long, value_name = "DIR", default_value = ".")]
    workspace: PathBuf,
    /// Set the variables in which tools look for a key to a placeholder, which stands for what is approved for this run at
    /// this upstream and acting identity. Repeatable.
    #[arg(long, value_name = "UPSTREAM=IDENTITY")]
    credential: Vec<Wanted>,
    /// Hold a refused request for so many seconds while a person decides; at most 120.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=120))]
    wait: u32,
    /// Say, plane by plane, what the run could do and what not, and run nothing.
    #[arg(long)]
    explain: bool,
    /// Print a built-in profile, to be copied.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["explain", "command"])]
    show_profile: Option<String>,
    /// Run without walls: everything of this machine is open to the command, and every entry of the run says so.
    #[arg(long)]
    unsafe_no_sandbox: bool,
    /// The command and its arguments.
    #[arg(last = true, value_name = "COMMAND", required_unless_present_any = ["explain", "show_profile"])]
    command: Vec<OsString>,
}

impl Run {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        if let Some(name) = &self.show_profile {
            return show(name);
        }
        let preparation = Preparation::of(&self)?;
        if self.explain {
            return explain::explain(&self, &preparation, output);
        }
        if self.unsafe_no_sandbox {
            output.remark(
                "warning: no walls. The command can read and change whatever you can, and reach whatever this machine reaches.",
            );
        }
        outside::run(&self, preparation, output).await
    }
}

fn show(name: &str) -> Result<Exit, Failure> {
    let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) else {
        let known = BUILT_IN.map(|(known, _)| known).join(", ");
        return Err(Failure::usage(format!("there is no built-in profile {name}"))
            .with_remedy(format!("one of {known}")));
    };
    super::output::plain(text)?;
    Ok(Exit::Done)
}
