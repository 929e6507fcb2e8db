//! `exeat step`: any harness says what it is doing, in words.

use clap::Args;

use super::failure::{Exit, Failure};
use super::output::{DONE, Output};
use super::settings::InRun;
use crate::domain::inert::Inert;
use crate::domain::step::ClaimedStep;
use crate::edges::wire::StepBody;

/// Put on record what you are doing, inside a run. It is kept as claimed, beside what is observed.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  exeat step 'run the tests'
  exeat step 'run the tests' --over")]
pub(crate) struct Step {
    /// What, in words.
    #[arg(value_name = "TEXT")]
    text: Inert<1000>,
    /// The tool.
    #[arg(long, value_name = "TOOL", default_value = "step")]
    tool: Inert<128>,
    /// It is over.
    #[arg(long)]
    over: bool,
    #[command(flatten)]
    inside: InRun,
}

impl Step {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        if !self.inside.is_here() {
            let remedy = "start one with `exeat run`, or tell it outside: POST /v1/runs/{id}/steps";
            return Err(Failure::usage("this is not the inside of a run").with_remedy(remedy));
        }
        let step = Some(ClaimedStep { tool: self.tool, call: Some(self.text) });
        let body = if self.over {
            StepBody { over: step, ..StepBody::default() }
        } else {
            StepBody { claimed: step, ..StepBody::default() }
        };
        self.inside.client()?.tell("/v1/steps", &body).await?;
        output.answer(&serde_json::json!({"recorded": true}), |page| page.line("on record, as claimed"))?;
        DONE
    }
}
