//! The demo's decisions: at the prompt, in a second terminal, or by the demo person.

use std::io::{BufRead as _, IsTerminal as _};

use serde_json::Value;
use tokio::sync::mpsc;

use super::house::{House, text};
use super::process::Talker;
use super::stage::Stage;
use crate::base::id::ApprovalId;
use crate::cli::failure::Failure;
use crate::cli::output::{Output, note};
use crate::cli::statement::Shown;

/// A demo without `--yes` needs somebody to ask.
///
/// # Errors
/// When there is nobody.
pub(super) fn somebody_is_there(output: Output) -> Result<(), Failure> {
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if terminal && !output.is_json() {
        return Ok(());
    }
    Err(Failure::usage("there is no terminal to ask at").with_remedy("exeat demo --yes"))
}

/// Who decides.
pub(super) enum Person {
    /// The demo person, who says yes to everything.
    Demo,
    /// Whoever is at the keyboard, or at another terminal.
    You(Option<Keyboard>),
}

impl Person {
    /// Has the approval decided. Whether the agent heard that it was granted.
    pub(super) async fn decides(
        &mut self,
        house: &House,
        stage: &Stage,
        agent: &mut Talker,
        approval: ApprovalId,
    ) -> Result<bool, Failure> {
        let shown = Shown::fetch(&house.client()?, approval).await?;
        stage.show(|page| shown.tell(page))?;
        let heard = match self {
            Self::Demo => {
                stage.say("$ exeat approve APPROVAL --yes --digest DIGEST")?;
                approve(house, &shown).await?;
                agent.next().await
            }
            Self::You(keyboard) => {
                let keyboard = keyboard.get_or_insert_with(Keyboard::open);
                stage.say("")?;
                stage.say(format!(
                    "In a second terminal it would be: . {} && exeat approve {approval}",
                    house.path("review.env")
                ))?;
                asked(house, keyboard, agent, &shown).await
            }
        };
        Ok(text(&heard?, "state")? == "approved")
    }
}

/// What the agent says once somebody has decided, here or there.
async fn asked(
    house: &House,
    keyboard: &mut Keyboard,
    agent: &mut Talker,
    shown: &Shown,
) -> Result<Value, Failure> {
    keyboard.forget();
    note("    Approve? [y/N] ");
    tokio::select! {
        elsewhere = agent.next_whenever() => {
            note("(decided in the other terminal)\n");
            elsewhere
        }
        answer = keyboard.line() => {
            if matches!(answer.trim(), "y" | "Y" | "yes") {
                approve(house, shown).await?;
            } else {
                let id = shown.statement.approval.to_string();
                house.call(&["deny", &id, "--reason", "not today"], None).await?;
            }
            agent.next().await
        }
    }
}

async fn approve(house: &House, shown: &Shown) -> Result<(), Failure> {
    let (id, digest) = (shown.statement.approval.to_string(), shown.digest.to_string());
    house.call(&["approve", &id, "--yes", "--digest", &digest], None).await.map(drop)
}

/// Lines from the terminal. One thread reads them all, so that none is lost to a question that was answered elsewhere; it is left behind
/// in its read, and ends with us.
pub(super) struct Keyboard(mpsc::UnboundedReceiver<String>);

impl Keyboard {
    fn open() -> Self {
        let (sender, lines) = mpsc::unbounded_channel();
        drop(std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        }));
        Self(lines)
    }

    /// What was typed before a question was asked is no answer to it.
    fn forget(&mut self) {
        while self.0.try_recv().is_ok() {}
    }

    /// The next line; empty when there is none any more.
    async fn line(&mut self) -> String {
        self.0.recv().await.unwrap_or_default()
    }
}
