//! `exeat demo`: the whole of it on this machine, with real walls, a real TLS upstream and a real key, in a minute.
//!
//! It is a test as well as a tour: every step is checked, and the command fails when one does not hold. Nothing leaves
//! the machine, and everything it started is stopped by its process id.

mod act;
mod agent;
mod climb;
mod decide;
mod forge;
mod house;
mod leak;
mod process;
mod stage;

use std::path::PathBuf;

use clap::Args;

pub(crate) use agent::DemoAgent;

use super::failure::{Exit, Failure};
use super::output::Output;
use decide::Person;
use house::House;
use stage::Stage;

/// See the whole of it work: an agent in walls asks, you approve, the upstream gets the key and the agent does not.
///
/// Starts Exeat, a local HTTPS upstream and an agent under `exeat run` in a fresh directory, and stops all three at the end. The
/// walls need bubblewrap.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  exeat demo
  exeat demo --yes              a demo person approves, for machines
  exeat demo --data-dir demo    keep the installation to look at it")]
pub(crate) struct Demo {
    /// Let a demo person approve instead of asking you.
    #[arg(long)]
    yes: bool,
    /// Use this directory, which must not be there yet, and keep it.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Demo {
    pub(crate) async fn run(self, output: Output) -> Result<Exit, Failure> {
        if !self.yes {
            decide::somebody_is_there(output)?;
        }
        let person = if self.yes { Person::Demo } else { Person::You(None) };
        let mut stage = Stage::new(output);
        stage.opening()?;
        let mut house = House::build(self.data_dir.as_deref())?;
        let told = tokio::select! {
            told = act::all(&mut house, &mut stage, person) => told,
            interrupted = tokio::signal::ctrl_c() => Err(match interrupted {
                Ok(()) => Failure::new("interrupted"),
                Err(error) => error.into(),
            }),
        };
        house.close().await;
        match told {
            Ok(exit) => {
                stage.closing()?;
                Ok(exit)
            }
            Err(failure) => Err(failure),
        }
    }
}
