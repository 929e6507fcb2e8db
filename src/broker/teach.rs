//! Refusals that teach: what was missing, and the exact request and command that would ask for it (design §9).

use serde_json::{Map, Value, json};

use crate::base::id::{RunId, UseId};
use crate::domain::identity::Identity;
use crate::domain::principal::Agent;
use crate::domain::problem::Problem;
use crate::domain::scope::ScopeItem;

/// Adds to a refusal its id and, when something could be asked for, how.
///
/// The identity is in it only when the agent had chosen one; otherwise the ones to choose from are (I4).
pub(super) fn taught(
    problem: Problem,
    id: UseId,
    agent: &Agent,
    (run, identity): (Option<RunId>, Option<&Identity>),
    missing: Option<&ScopeItem>,
) -> Problem {
    let problem = problem.with("use", id.to_string());
    let Some((item, ask)) = missing.and_then(|missing| asking(missing, Some(id), (run, identity))) else {
        return problem;
    };
    let problem = problem.with("missing", vec![item]).with("ask", ask);
    let choice: Vec<String> = agent.identities.iter().map(ToString::to_string).collect();
    if identity.is_some() { problem } else { problem.with("identities", Value::from(choice)) }
}

/// What is missing as JSON, and the request and command that would ask for it.
pub(super) fn asking(
    missing: &ScopeItem,
    refusal: Option<UseId>,
    (run, identity): (Option<RunId>, Option<&Identity>),
) -> Option<(Value, Value)> {
    let item = serde_json::to_value(missing).ok()?;
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
    set("items", json!([item]));
    set("reason", "say why you need it".into());
    if let Some(id) = refusal {
        set("step", json!({ "refusal": id.to_string() }));
    }
    if let Some(identity) = identity {
        set("identity", identity.to_string().into());
    }
    if let Some(run) = run {
        set("run", run.to_string().into());
    }
    let named = identity.map_or_else(|| "IDENTITY".to_owned(), ToString::to_string);
    let after = refusal.map(|id| format!(" --refusal {id}")).unwrap_or_default();
    let in_run = run.map(|run| format!(" --run {run}")).unwrap_or_default();
    let command = format!(
        "exeat request --identity {named} --item '{}'{after}{in_run} --reason 'say why you need it' --wait",
        missing_text(missing)
    );
    Some((item, json!({ "method": "POST", "path": "/v1/approvals", "body": body, "command": command })))
}

/// The item in JSON as a shell takes it between single quotes: scope items hold none themselves but in paths.
fn missing_text(item: &ScopeItem) -> String {
    serde_json::to_string(item).unwrap_or_default().replace('\'', "'\\''")
}
