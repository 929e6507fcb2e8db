//! JSON-RPC calls by method, and the calls of MCP tools by the tool's name. A batch is allowed when each of its calls is.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use super::names::{Names, plain_names, shown, within};
use crate::domain::scope::error::ScopeError;
use crate::domain::scope::fields::Fields;
use crate::domain::scope::target::{Call, TOOL_CALL};

/// The methods, and the tools that `tools/call` may name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(in crate::domain::scope) struct JsonRpcRule {
    methods: Names,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<Names>,
}

impl JsonRpcRule {
    pub(super) fn parse(value: &Value, pointer: &str) -> Result<Self, ScopeError> {
        let mut fields = Fields::of(value, pointer)?;
        let at = format!("{pointer}/methods");
        let methods = fields.optional("methods").ok_or_else(|| ScopeError::new(at, "add this field"))?;
        let tools = fields.optional("tools");
        fields.finish()?;
        let methods = plain_names(methods)?;
        if let (Some((_, at)), false) = (&tools, methods.contains(TOOL_CALL)) {
            return Err(ScopeError::new(at, "add tools/call to the methods, or leave the tools out"));
        }
        Ok(Self { methods, tools: tools.map(plain_names).transpose()? })
    }

    pub(super) fn allows(&self, calls: &[Call]) -> bool {
        self.lacks(calls).is_none()
    }

    pub(super) fn within(&self, other: &Self) -> bool {
        let tools = !self.methods.contains(TOOL_CALL) || within(self.tools.as_ref(), other.tools.as_ref());
        tools && self.methods.is_subset(&other.methods)
    }

    pub(super) fn lacks(&self, calls: &[Call]) -> Option<String> {
        calls.iter().find_map(|call| {
            if !self.methods.contains(&call.method) {
                return Some("the method".to_owned());
            }
            let tools = self.tools.as_ref().filter(|_| call.method == TOOL_CALL)?;
            let listed = call.tool.as_ref().is_some_and(|tool| tools.contains(tool));
            (!listed).then(|| "the tool".to_owned())
        })
    }

    /// A rule that says what these calls are.
    pub(super) fn covering(calls: &[Call]) -> Value {
        let methods: Names = calls.iter().map(|call| call.method.clone()).collect();
        let tools: Names = calls.iter().filter_map(|call| call.tool.clone()).collect();
        if tools.is_empty() {
            return json!({ "methods": methods });
        }
        json!({ "methods": methods, "tools": tools })
    }
}

impl fmt::Display for JsonRpcRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.methods))?;
        self.tools.as_ref().map_or(Ok(()), |tools| write!(f, ", tools {}", shown(tools)))
    }
}
