//! How a command ends: the exit code, and what is said on standard error about it.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::edges::client::ClientError;

/// The exit codes of design §13. Scripts rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done as asked.
    Done,
    /// It did not work.
    Failed,
    /// The command line makes no sense.
    Usage,
    /// Somebody or a rule said no.
    Refused,
    /// Nobody has decided yet.
    Pending,
    /// What a command that was run for somebody ended with.
    Of(u8),
}

impl Exit {
    /// The number that the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Pending => 4,
            Self::Of(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    what: String,
    remedy: Option<String>,
    document: Option<Value>,
}

impl Failure {
    /// It did not work.
    #[must_use]
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, what: what.into(), remedy: None, document: None }
    }

    /// It did not work because of `error`; its sources are told too.
    #[must_use]
    pub(crate) fn because(what: &str, error: &dyn std::error::Error) -> Self {
        let mut text = format!("{what}: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Self::new(text)
    }

    /// The command line makes no sense.
    #[must_use]
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, ..Self::new(what) }
    }

    /// Refused here, before anybody was asked.
    #[must_use]
    pub(crate) fn refused(what: impl Into<String>) -> Self {
        Self { exit: Exit::Refused, ..Self::new(what) }
    }

    /// What to do about it.
    #[must_use]
    pub(crate) fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    /// What the answer with `--json` says beside the message.
    #[must_use]
    pub(crate) fn with_document(self, document: Value) -> Self {
        Self { document: Some(document), ..self }
    }

    /// The exit code.
    #[must_use]
    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// What happened, in one sentence.
    #[must_use]
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// The problem document for `--json`.
    #[must_use]
    pub(crate) fn document(&self) -> Value {
        if let Some(document) = &self.document {
            return document.clone();
        }
        let mut document =
            json!({ "type": "about:blank", "title": "The command failed.", "detail": self.what });
        if let (Some(remedy), Some(members)) = (&self.remedy, document.as_object_mut()) {
            drop(members.insert("remedy".to_owned(), Value::from(remedy.clone())));
        }
        document
    }

    /// The lines for people: `error: …` and `try: …`.
    #[must_use]
    pub(crate) fn lines(&self) -> String {
        match &self.remedy {
            Some(remedy) => format!("error: {}\n  try: {remedy}\n", self.what),
            None => format!("error: {}\n", self.what),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused { status, document } => refusal(status, document),
            ClientError::Unreachable { ref origin, .. } => {
                let remedy = format!(
                    "start Exeat with `exeat serve`, or name where it runs (EXEAT_URL, EXEAT_REVIEW_URL; now {origin})"
                );
                Self::because("cannot reach Exeat", &error).with_remedy(remedy)
            }
            ClientError::Unreadable { .. } => Self::new(error.to_string()).with_remedy(
                "check that the address is the right listener: agents ask on one, people decide on another",
            ),
            ClientError::Setup(_) => Self::because("cannot speak HTTP", &error),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::because("cannot read or write", &error)
    }
}

fn refusal(status: u16, document: Value) -> Failure {
    let text = |name: &str| document.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    let what = match (text("title"), text("detail"), text("error"), text("error_description")) {
        (Some(title), Some(detail), ..) if title != detail => format!("{title} {detail}"),
        (Some(title), ..) => title,
        (None, Some(detail), ..) => detail,
        (None, None, Some(error), Some(description)) => format!("{error}: {description}"),
        (None, None, Some(error), None) => error,
        _ => format!("refused with status {status}"),
    };
    let asked = document.pointer("/ask/command").and_then(Value::as_str).map(ToOwned::to_owned);
    let remedy = asked.or_else(|| remedy_of(&document).map(ToOwned::to_owned));
    // A refusal is an answer; a fault is a failure.
    let exit = if status >= 500 { Exit::Failed } else { Exit::Refused };
    Failure { exit, what: super::output::inert(&what), remedy, document: Some(document) }
}

fn remedy_of(document: &Value) -> Option<&'static str> {
    let kind =
        document.get("type").and_then(Value::as_str).and_then(|kind| kind.strip_prefix("urn:exeat:problem:"));
    let error = document.get("error").and_then(Value::as_str);
    match kind.or(error)? {
        "unauthenticated" => {
            Some("set EXEAT_AGENT_KEY or EXEAT_REVIEW_KEY to a key that is valid on this listener")
        }
        "identity_required" | "unknown_identity" => {
            Some("name one with --identity; `exeat identity list` shows them")
        }
        "statement_changed" => {
            Some("look at it again with `exeat approvals show ID` and decide on what it says now")
        }
        "approval_not_pending" => Some("see what became of it with `exeat approvals show ID`"),
        "self_approval" => Some("ask another reviewer"),
        "role_required" => Some("ask a person with that role; `exeat person list` shows who has which"),
        "ledger_unavailable" | "rate_limited" => {
            Some("wait a moment and repeat; `exeat doctor` shows what is wrong")
        }
        "invalid_grant" => Some("ask anew with `exeat request`: this approval gives no (further) token"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_with_what_to_do_and_exits_3() {
        let document = json!({
            "type": "urn:exeat:problem:not_permitted", "title": "Nothing allows this.", "status": 403,
            "detail": "GET /a is not granted", "ask": { "command": "exeat request --upstream a" }
        });
        let failure = Failure::from(ClientError::Refused { status: 403, document });
        assert_eq!(failure.exit(), Exit::Refused);
        let told = "error: Nothing allows this. GET /a is not granted\n  try: exeat request --upstream a\n";
        assert_eq!(failure.lines(), told);
    }

    #[test]
    fn a_fault_of_the_broker_is_a_failure_not_a_refusal() {
        let document = json!({ "type": "urn:exeat:problem:internal", "title": "Exeat failed." });
        assert_eq!(Failure::from(ClientError::Refused { status: 500, document }).exit(), Exit::Failed);
    }

    #[test]
    fn an_oauth_error_is_told_in_its_own_words() {
        let document = json!({ "error": "invalid_grant", "error_description": "no token" });
        let failure = Failure::from(ClientError::Refused { status: 400, document });
        assert!(
            failure.lines().starts_with("error: invalid_grant: no token\n  try: "),
            "{}",
            failure.lines()
        );
    }
}
