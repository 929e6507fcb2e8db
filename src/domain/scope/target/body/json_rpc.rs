//! JSON-RPC 2.0 calls, and which tool an MCP call names. Strict: a member that the specification does not know makes it
//! something else.

use serde_json::Value;

/// The method of MCP that calls a tool.
pub(in crate::domain::scope) const TOOL_CALL: &str = "tools/call";

/// The most calls in one batch.
const MAX_BATCH: usize = 64;

/// One call.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::domain::scope) struct Call {
    pub(in crate::domain::scope) method: String,
    /// The tool, when the method calls one.
    pub(in crate::domain::scope) tool: Option<String>,
}

impl Call {
    /// What may be shown of it.
    pub(super) fn shown(&self) -> impl Iterator<Item = &str> {
        [Some(self.method.as_str()), self.tool.as_deref()].into_iter().flatten()
    }
}

/// The calls of a body. `None` when it is anything else: a response, another version, an empty batch.
pub(super) fn calls(body: &Value) -> Option<Vec<Call>> {
    match body {
        Value::Array(batch) if (1..=MAX_BATCH).contains(&batch.len()) => batch.iter().map(call).collect(),
        Value::Object(_) => Some(vec![call(body)?]),
        _ => None,
    }
}

fn call(value: &Value) -> Option<Call> {
    let object = value.as_object()?;
    let known = |name: &String| ["jsonrpc", "id", "method", "params"].contains(&name.as_str());
    if object.get("jsonrpc")?.as_str()? != "2.0" || !object.keys().all(known) {
        return None;
    }
    let method = object.get("method")?.as_str()?.to_owned();
    let named = || object.get("params")?.get("name")?.as_str();
    let tool = if method == TOOL_CALL { Some(named()?.to_owned()) } else { None };
    Some(Call { method, tool })
}
