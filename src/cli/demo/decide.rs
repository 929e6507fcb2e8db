//! The demo's decision: at the prompt, in a second terminal, or by the demo person.

use std::io::{BufRead as _, IsTerminal as _};

use serde_json::Value;
use tokio::sync::oneshot;

use super::house::House;
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

/// Has the approval decided, and gives what the agent says about it.
pub(super) async fn decision(
    house: &House,
    stage: &Stage,
    agent: &mut Talker,
    approval: ApprovalId,
    yes: bool,
) -> Result<Value, Failure> {
    let shown = Shown::fetch(&house.client()?, approval).await?;
    stage.show(|page| shown.tell(page))?;
    if yes {
        stage.say("$ exeat approve APPROVAL --yes --digest DIGEST")?;
        approve(house, &shown).await?;
        return agent.next().await;
    }
    stage.say("")?;
    stage.say(format!(
        "In a second terminal it would be: . {} && exeat approve {approval}",
        house.path("review.env")
    ))?;
    note("    Approve? [y/N] ");
    tokio::select! {
        elsewhere = agent.next_whenever() => {
            note("(decided in the other terminal)\n");
            elsewhere
        }
        answer = typed() => {
            if matches!(answer.as_str(), "y" | "Y" | "yes") {
                approve(house, &shown).await?;
            } else {
                let id = approval.to_string();
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

/// A line from the terminal. The thread that reads it is left behind when somebody decides elsewhere, and ends with us.
async fn typed() -> String {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = std::io::stdin().lock().read_line(&mut line);
        let _ = sender.send(line);
    });
    receiver.await.unwrap_or_default().trim().to_owned()
}
