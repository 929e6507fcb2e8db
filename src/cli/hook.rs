//! `exeat hook`: the hooks of harnesses, which put on record what the harness says it is doing. They never stop a tool.
//!
//! Both harnesses write one JSON object on standard input before and after a tool call. What is kept of it is the tool's name and the
//! call's id; what the tool is given is not read into anything.

use std::io::Read as _;

use clap::Subcommand;
use serde::Deserialize;

use super::failure::{Exit, Failure};
use super::output::{DONE, Output};
use super::settings::InRun;
use crate::domain::step::ClaimedStep;
use crate::edges::wire::StepBody;

/// The longest call that is read, in bytes: tools may be given whole files.
const LONGEST: u64 = 32 * 1024 * 1024;

/// Put on record what a harness says it is doing, as one of its hooks; inside a run.
#[derive(Debug, Subcommand)]
pub(crate) enum Hook {
    /// Claude Code, on `PreToolUse` and `PostToolUse`.
    #[command(after_help = "\
In .claude/settings.json, for PreToolUse and PostToolUse alike:
  {\"matcher\": \"*\", \"hooks\": [{\"type\": \"command\", \"command\": \"exeat hook claude-code\"}]}")]
    ClaudeCode(InRun),
    /// Codex, on `PreToolUse` and `PostToolUse`.
    #[command(after_help = "\
In .codex/hooks.json, for PreToolUse and PostToolUse alike:
  {\"hooks\": [{\"type\": \"command\", \"command\": \"exeat hook codex\"}]}")]
    Codex(InRun),
}

/// What a harness writes. The format is theirs: what is not known is passed over.
#[derive(Deserialize)]
struct Call {
    hook_event_name: String,
    tool_name: Option<String>,
    tool_use_id: Option<String>,
}

impl Hook {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        let mut text = Vec::new();
        std::io::stdin().lock().take(LONGEST + 1).read_to_end(&mut text)?;
        let (Self::ClaudeCode(inside) | Self::Codex(inside)) = self;
        if !inside.is_here() {
            output.remark("not inside a run: nothing was put on record");
            return DONE;
        }
        if let Some(body) = step(&text)? {
            inside.client()?.tell("/v1/steps", &body).await?;
        }
        DONE
    }
}

/// The step of a call; none for the events that are not about a tool.
fn step(text: &[u8]) -> Result<Option<StepBody>, Failure> {
    // Never code 2: to both harnesses that means "do not run the tool".
    let unread = |what: &str| Failure::new(format!("the hook's input is not as documented: {what}"));
    if text.len() as u64 > LONGEST {
        return Err(unread("it is longer than 32 MiB"));
    }
    let call: Call = serde_json::from_slice(text).map_err(|_| unread("expected one JSON object"))?;
    let over = match call.hook_event_name.as_str() {
        "PreToolUse" => false,
        "PostToolUse" | "PostToolUseFailure" => true,
        _ => return Ok(None),
    };
    let tool = call.tool_name.and_then(|name| name.parse().ok());
    let tool = tool.ok_or_else(|| unread("`tool_name` is missing or cannot be shown"))?;
    let call = call.tool_use_id.map(|id| id.parse().map_err(|_| unread("`tool_use_id` cannot be shown")));
    let step = Some(ClaimedStep { tool, call: call.transpose()? });
    Ok(Some(if over {
        StepBody { over: step, ..StepBody::default() }
    } else {
        StepBody { claimed: step, ..StepBody::default() }
    }))
}

#[cfg(test)]
mod tests {
    use super::step;

    #[test]
    fn both_harnesses_are_read_and_their_own_fields_passed_over() {
        let claude = br#"{"session_id":"s","transcript_path":"/t","cwd":"/w","permission_mode":"default","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"ls"},"tool_use_id":"toolu_1"}"#;
        let codex = br#"{"cwd":"/w","hook_event_name":"PostToolUse","model":"m","permission_mode":"default","session_id":"s","tool_input":{"command":"ls"},"tool_name":"Bash","tool_response":"x","tool_use_id":"call_1","transcript_path":null,"turn_id":"t"}"#;
        let begun = step(claude).unwrap().unwrap().claimed.unwrap();
        assert_eq!((begun.tool.as_str(), begun.call.unwrap().as_str()), ("Bash", "toolu_1"));
        let over = step(codex).unwrap().unwrap().over.unwrap();
        assert_eq!(over.call.unwrap().as_str(), "call_1");
        assert!(step(br#"{"hook_event_name":"Stop"}"#).unwrap().is_none());
    }

    #[test]
    fn f14_what_cannot_be_shown_is_not_put_on_record() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"hook_event_name":"PreToolUse"}"#,
            r#"{"hook_event_name":"PreToolUse","tool_name":"a\u001bb"}"#,
        ] {
            assert_eq!(
                step(text.as_bytes()).unwrap_err().exit(),
                crate::cli::failure::Exit::Failed,
                "{text}"
            );
        }
    }
}
