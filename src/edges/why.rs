//! What would become of a request, as it goes out: the same answer for an agent, a run and a person.

use super::wire::WhyAnswer;
use crate::broker::Why;
use crate::edges::view::json;

pub(super) fn answer(why: Why) -> WhyAnswer {
    let (missing, ask) = why.missing.unzip();
    WhyAnswer {
        allowed: why.allowed,
        reason: why.reason.to_owned(),
        detail: why.detail,
        target: why.target,
        upstream: why.upstream,
        item: why.item.as_ref().map(json),
        approval: why.approval.map(|id| id.to_string()),
        identity: why.identity.map(|identity| identity.to_string()),
        missing: missing.map(|item| vec![item]),
        ask,
    }
}
