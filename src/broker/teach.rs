//! Refusals that teach: what was missing, and the exact request and command that would ask for it (design §9).

use serde_json::{Value, json};

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
    let Some(missing) = missing else { return problem };
    let Ok(item) = serde_json::to_value(missing) else { return problem };
    let mut body = json!({
        "items": [item],
        "reason": "say why you need it",
        "step": { "refusal": id.to_string() },
    });
    let named = identity.map_or_else(|| "IDENTITY".to_owned(), ToString::to_string);
    if let (Some(identity), Some(fields)) = (identity, body.as_object_mut()) {
        drop(fields.insert("identity".to_owned(), identity.to_string().into()));
    }
    if let (Some(run), Some(fields)) = (run, body.as_object_mut()) {
        drop(fields.insert("run".to_owned(), run.to_string().into()));
    }
    let in_run = run.map(|run| format!(" --run {run}")).unwrap_or_default();
    let command = format!(
        "exeat request --identity {named} --item '{}' --refusal {id}{in_run} --reason 'say why you need it' --wait",
        missing_text(missing)
    );
    let choice: Vec<String> = agent.identities.iter().map(ToString::to_string).collect();
    let ask = json!({ "method": "POST", "path": "/v1/approvals", "body": body, "command": command });
    let problem = problem.with("missing", vec![item]).with("ask", ask);
    if identity.is_some() { problem } else { problem.with("identities", Value::from(choice)) }
}

/// The item in JSON as a shell takes it between single quotes: scope items hold none themselves but in paths.
fn missing_text(item: &ScopeItem) -> String {
    serde_json::to_string(item).unwrap_or_default().replace('\'', "'\\''")
}
