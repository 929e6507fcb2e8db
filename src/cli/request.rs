//! `exeat request`: an agent asks.

use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value, json};

use super::failure::{Exit, Failure};
use super::output::{self, Output};
use super::settings::AgentSide;
use super::wait::{self, told};
use crate::edges::wire::ApprovalView;

/// The longest request that is read from a file, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// Ask for something, as an agent.
///
/// What is asked for comes from one of: --upstream with --method and --path; --item, once per scope item; --file, a request
/// body as a refusal of the proxy offers it.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit codes with --wait: 0 approved, 3 denied or over, 4 still pending.

Examples:
  exeat request --identity service:ci-bot --upstream github --method GET --path '/repos/acme/app/**' \\
      --reason 'read the failing job' --refusal use_018f… --wait
  exeat request --identity service:ci-bot --reason 'list tags' \\
      --item '{\"type\":\"http\",\"upstream\":\"github\",\"methods\":[\"GET\"],\"paths\":[\"/repos/acme/app/tags\"]}'
  exeat request --file ask.json --wait=120 --json")]
pub(crate) struct Request {
    /// Whom the upstream will see: user:NAME or service:NAME.
    #[arg(long, value_name = "IDENTITY")]
    identity: Option<String>,
    /// The upstream to reach.
    #[arg(long, value_name = "NAME", requires = "method", requires = "path", conflicts_with = "file")]
    upstream: Option<String>,
    /// A method to use there; repeat for more.
    #[arg(long, value_name = "METHOD", requires = "upstream")]
    method: Vec<String>,
    /// A path pattern there, `*` one segment, `**` any; repeat for more.
    #[arg(long, value_name = "PATTERN", requires = "upstream")]
    path: Vec<String>,
    /// A scope item as JSON; repeat for more.
    #[arg(long, value_name = "JSON", conflicts_with = "file")]
    item: Vec<String>,
    /// A file that holds the whole request as JSON; `-` is standard input. Other options replace what it says.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Why, for the person who decides.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The tool the agent was about to use.
    #[arg(long, value_name = "TOOL")]
    step_tool: Option<String>,
    /// The tool call's id or text.
    #[arg(long, value_name = "CALL", requires = "step_tool")]
    step_call: Option<String>,
    /// The refusal that led here: the `use` of the proxy's answer.
    #[arg(long, value_name = "use_…")]
    refusal: Option<String>,
    /// Seconds from now until everything that follows from this ends.
    #[arg(long, value_name = "SECONDS")]
    expires_in: Option<u32>,
    /// How many uses.
    #[arg(long, value_name = "N")]
    max_uses: Option<u32>,
    /// How many tokens.
    #[arg(long, value_name = "N")]
    max_tokens: Option<u32>,
    /// The run this belongs to.
    #[arg(long, value_name = "run_…")]
    run: Option<String>,
    /// Repeating the request under the same key gives the same approval.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Wait for the decision, at most this long; without a number as long as the request lives.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "86400")]
    wait: Option<u64>,
    #[command(flatten)]
    side: AgentSide,
}

impl Request {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        let body = self.body()?;
        let client = self.side.client()?;
        let asked: ApprovalView = match &self.idempotency_key {
            Some(key) => client.send_once("/v1/approvals", key, &body).await?,
            None => client.send("/v1/approvals", &body).await?,
        };
        let Some(seconds) = self.wait else {
            output.answer(&asked, |page| told(page, &asked))?;
            return Ok(Exit::Done);
        };
        let id = asked.id;
        output.remark(&format!("asked: {id}; a person decides with `exeat approve {id}`"));
        let decided = wait::for_decision(&client, id, Duration::from_secs(seconds), output).await?;
        output.answer(&decided, |page| told(page, &decided))?;
        Ok(wait::exit_of(&decided))
    }

    fn body(&self) -> Result<Value, Failure> {
        let mut body = match &self.file {
            Some(file) => read_object(file)?,
            None => Map::new(),
        };
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                drop(body.insert(name.to_owned(), value));
            }
        };
        set("identity", self.identity.clone().map(Value::from));
        set("items", self.items()?);
        set("reason", self.reason.clone().map(Value::from));
        set("run", self.run.clone().map(Value::from));
        overlay(
            &mut body,
            "step",
            [("claimed", self.claimed()), ("refusal", self.refusal.clone().map(Value::from))],
        );
        let limits =
            [("expires_in", self.expires_in), ("max_uses", self.max_uses), ("max_tokens", self.max_tokens)];
        overlay(&mut body, "limits", limits.map(|(name, value)| (name, value.map(Value::from))));
        if body.contains_key("items") {
            return Ok(Value::Object(body));
        }
        Err(Failure::usage("nothing is asked for")
            .with_remedy("name --upstream with --method and --path, or --item, or --file"))
    }

    fn claimed(&self) -> Option<Value> {
        let tool = self.step_tool.as_ref()?;
        Some(match &self.step_call {
            Some(call) => json!({ "tool": tool, "call": call }),
            None => json!({ "tool": tool }),
        })
    }

    fn items(&self) -> Result<Option<Value>, Failure> {
        let mut items = self.item.iter().map(|text| parse_item(text)).collect::<Result<Vec<_>, _>>()?;
        if let Some(upstream) = &self.upstream {
            items.push(
                json!({ "type": "http", "upstream": upstream, "methods": self.method, "paths": self.path }),
            );
        }
        Ok((!items.is_empty()).then_some(Value::Array(items)))
    }
}

/// Replaces single members of the object `name` by those that were typed.
fn overlay<const N: usize>(body: &mut Map<String, Value>, name: &str, typed: [(&str, Option<Value>); N]) {
    let typed = typed.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let typed: Map<String, Value> = typed.collect();
    if typed.is_empty() {
        return;
    }
    match body.get_mut(name).and_then(Value::as_object_mut) {
        Some(members) => members.extend(typed),
        None => drop(body.insert(name.to_owned(), Value::Object(typed))),
    }
}

/// Reads one scope item as it was typed; what it means is the broker's business.
///
/// # Errors
/// A usage failure when it is not a JSON object.
pub(super) fn parse_item(text: &str) -> Result<Value, Failure> {
    match serde_json::from_str(text) {
        Ok(item @ Value::Object(_)) => Ok(item),
        _ => Err(Failure::usage(format!("`{}` is not a JSON object", output::inert(text)))
            .with_remedy("write a scope item like {\"type\":\"http\",\"upstream\":\"NAME\",\"methods\":[\"GET\"],\"paths\":[\"/**\"]}")),
    }
}

fn read_object(file: &PathBuf) -> Result<Map<String, Value>, Failure> {
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(LONGEST).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|opened| opened.take(LONGEST).read_to_string(&mut text))
    };
    read.map_err(|error| Failure::because(&format!("cannot read {}", file.display()), &error))?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::usage(format!("{} is not a request: {error}", file.display())))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        request: Request,
    }

    fn body(line: &[&str]) -> Result<Value, Failure> {
        Typed::try_parse_from([&["request"], line].concat()).unwrap().request.body()
    }

    #[test]
    fn options_become_the_body_of_the_contract() {
        let typed = [
            "--identity",
            "service:ci-bot",
            "--upstream",
            "github",
            "--method",
            "GET",
            "--path",
            "/repos/**",
            "--reason",
            "why",
            "--step-tool",
            "Bash",
            "--step-call",
            "c1",
            "--refusal",
            "use_1",
            "--max-uses",
            "2",
        ];
        let expected = json!({
            "identity": "service:ci-bot",
            "items": [{ "type": "http", "upstream": "github", "methods": ["GET"], "paths": ["/repos/**"] }],
            "reason": "why",
            "step": { "claimed": { "tool": "Bash", "call": "c1" }, "refusal": "use_1" },
            "limits": { "max_uses": 2 }
        });
        assert_eq!(body(&typed).unwrap(), expected);
    }

    #[test]
    fn asking_for_nothing_is_a_usage_error() {
        assert_eq!(body(&["--identity", "service:a"]).unwrap_err().exit(), Exit::Usage);
        assert_eq!(body(&["--item", "[]"]).unwrap_err().exit(), Exit::Usage);
    }
}
