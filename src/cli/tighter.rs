//! The tighter grant of a report, for people: in words, and ready to be asked for next time.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::output::{Page, item_line};
use crate::edges::wire::{Report, TighterView};

/// What an agent fills in.
const REASON: &str = "say why you need it";

/// What would have been enough; for each approval where no one request could ask for all.
pub(super) fn told(page: &mut Page, report: &Report) {
    if let Some(tighter) = &report.tighter {
        page.gap();
        page.line("A tighter grant would have been enough");
        let acting = report.identity.as_ref().map(ToString::to_string);
        return one(page, tighter, acting.as_deref());
    }
    for approval in report.more.get("approvals").and_then(Value::as_array).into_iter().flatten() {
        let known = approval.get("tighter").cloned().and_then(|value| serde_json::from_value(value).ok());
        if let Some(tighter) = known {
            page.gap();
            let id = approval.get("id").and_then(Value::as_str).unwrap_or_default();
            page.line(format!("A tighter grant than {id} would have been enough"));
            one(page, &tighter, approval.get("identity").and_then(Value::as_str));
        }
    }
}

fn one(page: &mut Page, tighter: &TighterView, acting: Option<&str>) {
    let identity = identity(tighter).or(acting);
    for item in &tighter.items {
        page.line(format!("   {}", item_line(item)));
    }
    let limits = &tighter.limits;
    let counted = |count: u32, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    page.line(format!(
        "   for {}, {}, {}",
        counted(limits.expires_in.div_ceil(60), "minute"),
        counted(limits.max_uses, "use"),
        counted(limits.max_tokens, "token")
    ));
    page.line("   to ask for it next time:");
    page.line(format!("     {}", command(tighter, identity)));
    page.line("   or, as the body of POST /v1/approvals:");
    page.line(format!("     {}", body(tighter, identity)));
}

/// The acting identity that the items name; a request names it once for all.
fn identity(tighter: &TighterView) -> Option<&str> {
    let named = tighter.items.iter().filter_map(|item| item.get("identity")?.as_str());
    let identities: BTreeSet<&str> = named.collect();
    identities.first().copied().filter(|_| identities.len() == 1)
}

fn body(tighter: &TighterView, identity: Option<&str>) -> Value {
    let mut body = json!({ "items": tighter.items, "limits": tighter.limits, "reason": REASON });
    if let (Some(fields), Some(identity)) = (body.as_object_mut(), identity) {
        drop(fields.insert("identity".to_owned(), identity.into()));
    }
    body
}

/// The command, as a shell takes it.
fn command(tighter: &TighterView, identity: Option<&str>) -> String {
    let items: Vec<String> = tighter
        .items
        .iter()
        .map(|item| format!(" --item '{}'", item.to_string().replace('\'', "'\\''")))
        .collect();
    let limits = &tighter.limits;
    format!(
        "exeat request --identity {}{} --expires-in {} --max-uses {} --max-tokens {} --reason '{REASON}' --wait",
        identity.unwrap_or("IDENTITY"),
        items.concat(),
        limits.expires_in,
        limits.max_uses,
        limits.max_tokens,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_in_words_and_as_what_to_type_and_send() {
        let tighter: TighterView = serde_json::from_value(json!({
            "items": [{"type": "http", "upstream": "files", "identity": "service:ci-bot", "methods": ["GET"],
                "paths": ["/o'neill/*"], "query": {}}],
            "limits": {"expires_in": 120, "max_uses": 3, "max_tokens": 1}
        }))
        .unwrap();
        let mut page = Page::default();
        one(&mut page, &tighter, None);
        let lines: Vec<&str> = page.text().lines().map(str::trim).collect();
        assert_eq!(lines[0], "http files GET /o'neill/* no query as service:ci-bot");
        assert_eq!(lines[1], "for 2 minutes, 3 uses, 1 token");
        let typed = lines[3];
        assert!(typed.starts_with("exeat request --identity service:ci-bot --item '{"), "{typed}");
        assert!(
            typed.contains("/o'\\''neill/*")
                && typed.contains("}' --expires-in 120 --max-uses 3 --max-tokens 1 ")
        );
        let sent: Value = serde_json::from_str(lines[5]).unwrap();
        assert_eq!(sent["identity"], "service:ci-bot");
        assert_eq!((&sent["items"], &sent["limits"]["max_uses"]), (&json!(tighter.items), &json!(3)));
    }
}
