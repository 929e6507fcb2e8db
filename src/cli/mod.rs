//! The command line: it translates what was typed into calls of Exeat's own listeners, and answers into text or JSON.
//!
//! One file per command: its arguments and what it does. Nothing here decides anything, and no key or secret is ever
//! taken from an argument. `main` calls [`run()`].

mod agent;
mod approvals;
mod approve;
mod completion;
mod credential;
mod decider;
mod demo;
mod deny;
mod doctor;
mod failure;
mod files;
mod hook;
mod identity;
mod init;
mod inside;
mod lanes;
mod layer;
mod log;
mod login;
mod output;
mod passphrase;
mod person;
mod report;
mod request;
mod revoke;
mod run;
mod serve;
mod settings;
mod statement;
mod step;
mod tighter;
mod time;
mod token;
mod upstream;
mod vault;
mod wait;
mod why;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use failure::{Exit, Failure};
use output::Output;

use crate::base::harden::{Outcome, harden};

/// The secrets broker for coding agents: none by default, scoped after approval, every use on one verifiable log.
#[derive(Debug, Parser)]
#[command(name = "exeat", version, propagate_version = true, max_term_width = 110, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// Print one JSON value on standard output, and problems as problem documents on standard error.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 failed, 2 usage, 3 refused, 4 pending.

Examples:
  exeat demo                                see the whole of it work, on this machine, in a minute
  exeat init --data-dir data --person ada   begin for real
  exeat serve --data-dir data";

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Init(init::Init),
    Serve(serve::Serve),
    Run(Box<run::Run>),
    Request(Box<request::Request>),
    Approve(approve::Approve),
    Deny(deny::Deny),
    Login(login::Login),
    Token(token::Token),
    Revoke(revoke::Revoke),
    Report(report::Report),
    Why(Box<why::Why>),
    #[command(subcommand)]
    Approvals(approvals::Approvals),
    #[command(subcommand)]
    Log(log::Log),
    #[command(subcommand)]
    Upstream(upstream::Upstream),
    #[command(subcommand)]
    Identity(identity::Identities),
    #[command(subcommand)]
    Credential(credential::Credential),
    #[command(subcommand)]
    Agent(agent::Agents),
    #[command(subcommand)]
    Person(person::People),
    #[command(subcommand)]
    Layer(layer::Layers),
    Decider(decider::Decider),
    #[command(subcommand)]
    Vault(vault::Vault),
    #[command(subcommand)]
    Hook(hook::Hook),
    Step(step::Step),
    Doctor(doctor::Doctor),
    Completion(completion::Completion),
    #[command(hide = true)]
    DemoAgent(demo::DemoAgent),
}

/// Runs the command line `arguments`, the program's name first, and gives the exit code of the process.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // Inside a run every millisecond is the agent's: nothing of the rest is set up.
    if let Some(told) = inside::told(&arguments) {
        return inside::run(told);
    }
    let matches = match Cli::command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => return explain(&error),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return explain(&error),
    };
    let output = Output::new(cli.json);
    match typed_key(&matches).map_or_else(|| start(cli, output), Err) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output.failure(&failure);
            failure.exit().into()
        }
    }
}

/// What clap has to say: help and versions on standard output, complaints on standard error with code 2.
fn explain(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Usage.code()))
}

/// Refuses a key that was typed as an argument.
fn typed_key(matches: &ArgMatches) -> Option<Failure> {
    let mut level = Some(matches);
    while let Some(matches) = level {
        for name in settings::ENVIRONMENT_ONLY {
            let known = matches.ids().any(|id| id.as_str() == name);
            if known && matches.value_source(name) == Some(ValueSource::CommandLine) {
                let what = "a key on the command line can be read by every process of this machine";
                let variable = format!("EXEAT_{}", name.to_uppercase());
                return Some(
                    Failure::usage(what).with_remedy(format!("set {variable} in the environment instead")),
                );
            }
        }
        level = matches.subcommand().map(|(_, matches)| matches);
    }
    None
}

fn start(cli: Cli, output: Output) -> Result<Exit, Failure> {
    // What opens the vault gives up what could spill it, before the runtime has threads.
    if matches!(cli.command, Command::Init(_) | Command::Serve(_)) {
        for (measure, outcome) in harden().measures().filter(|(_, outcome)| **outcome != Outcome::Done) {
            output.remark(&format!("{measure}: {outcome}"));
        }
    }
    let mut builder = match cli.command {
        Command::Serve(_) | Command::Demo(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = builder.enable_all().build()?;
    let done = runtime.block_on(dispatch(cli.command, output));
    // A thread of the runtime may be reading from a terminal, and would be waited for.
    runtime.shutdown_background();
    done
}

async fn dispatch(command: Command, output: Output) -> Result<Exit, Failure> {
    match command {
        Command::Demo(command) => command.run(output).await,
        Command::Init(command) => command.run(output).await,
        Command::Serve(command) => command.run(output).await,
        Command::Run(command) => command.run(output).await,
        Command::Request(command) => command.run(output).await,
        Command::Approve(command) => command.run(output).await,
        Command::Deny(command) => command.run(output).await,
        Command::Login(command) => command.run(output).await,
        Command::Token(command) => command.run(output).await,
        Command::Revoke(command) => command.run(output).await,
        Command::Report(command) => command.run(output).await,
        Command::Why(command) => command.run(output).await,
        Command::Approvals(command) => command.run(output).await,
        Command::Log(command) => command.run(output).await,
        Command::Upstream(command) => command.run(output).await,
        Command::Identity(command) => command.run(output).await,
        Command::Credential(command) => command.run(output).await,
        Command::Agent(command) => command.run(output).await,
        Command::Person(command) => command.run(output).await,
        Command::Layer(command) => command.run(output).await,
        Command::Decider(command) => command.run(output).await,
        Command::Vault(command) => command.run(output).await,
        Command::Hook(command) => command.run(output).await,
        Command::Step(command) => command.run(output).await,
        Command::Doctor(command) => command.run(output).await,
        Command::Completion(command) => command.run(output),
        Command::DemoAgent(command) => command.run(output).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_explains_itself_with_an_example() {
        fn walk(command: &clap::Command, path: &str) {
            for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
                let path = format!("{path} {}", sub.get_name());
                assert!(sub.get_about().is_some(), "{path} says nothing of itself");
                let help = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
                let leaf = sub.get_subcommands().next().is_none();
                assert!(
                    !leaf || help.contains(&format!("{path} ").trim_end().to_owned()),
                    "{path} has no example"
                );
                walk(sub, &path);
            }
        }
        walk(&Cli::command(), "exeat");
    }

    #[test]
    fn e09_a_key_as_an_argument_is_refused() {
        let typed = ["exeat", "token", "apr_018f0000000070008000000000000000", "--agent-key", "k"];
        let matches = Cli::command().try_get_matches_from(typed).unwrap();
        let failure = typed_key(&matches).unwrap();
        assert_eq!(failure.exit(), Exit::Usage);
        assert!(failure.lines().contains("EXEAT_AGENT_KEY"), "{}", failure.lines());
    }
}
