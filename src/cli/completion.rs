//! `exeat completion`: the shell's tab key.

use clap::{Args, CommandFactory as _, ValueEnum};
use clap_complete::Shell;
use serde_json::json;

use super::Cli;
use super::failure::{Exit, Failure};
use super::output::{self, DONE, Output};

/// Print a completion script for a shell.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  exeat completion bash > ~/.local/share/bash-completion/completions/exeat
  exeat completion zsh > ~/.zfunc/_exeat
  exeat completion fish > ~/.config/fish/completions/exeat.fish")]
pub(crate) struct Completion {
    /// The shell.
    #[arg(value_enum)]
    shell: Known,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Known {
    Bash,
    Zsh,
    Fish,
}

impl Completion {
    pub(super) fn run(self, output: Output) -> Result<Exit, Failure> {
        let shell = match self.shell {
            Known::Bash => Shell::Bash,
            Known::Zsh => Shell::Zsh,
            Known::Fish => Shell::Fish,
        };
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "exeat", &mut script);
        let script = String::from_utf8(script).map_err(|error| Failure::because("no script", &error))?;
        if output.is_json() {
            output.answer(&json!({ "script": script }), |_| {})?;
        } else {
            output::plain(&script)?;
        }
        DONE
    }
}
