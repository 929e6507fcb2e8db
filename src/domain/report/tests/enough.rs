//! The tighter grant in a report: when there is one, and its limits.

use super::log::{Log, PATHS, item};
use super::*;
use crate::base::id::TokenId;
use crate::domain::approval::{Approval, Limits};

fn granted(log: &mut Log, paths: &[&str]) -> (Approval, TokenId) {
    let asked = log.ask(paths, 1, None);
    let answers: Vec<_> = paths.iter().map(|path| Some(*path)).collect();
    let approval = log.decide(asked, &answers);
    let token = log.issue(&approval, paths);
    (approval, token)
}

fn texts(tighter: &Tighter) -> Vec<String> {
    tighter.items.iter().map(ToString::to_string).collect()
}

#[test]
fn what_was_used_is_proposed_with_the_limits_that_would_have_sufficed() {
    let mut log = Log::new();
    let (approval, token) = granted(&mut log, &PATHS);
    for target in ["/issues/7", "/issues/8", "/issues/7"] {
        let _ = log.start(&approval, token, 1, &format!("GET https://api.example{target}"));
    }
    let report = log.report(approval.statement.approval);
    let tighter = report.account.tighter.as_ref().unwrap();
    assert_eq!(texts(tighter), ["http github GET /issues/* no query as service:ci-bot"]);
    assert_eq!(tighter.limits, Limits { expires_in: 60, max_uses: 3, max_tokens: 1 });
    assert_eq!(one(&report).account.tighter, report.account.tighter);
}

#[test]
fn there_is_none_without_a_use_and_none_for_a_use_of_which_no_grant_is_known() {
    let mut log = Log::new();
    let (approval, token) = granted(&mut log, &PATHS);
    assert_eq!(log.report(approval.statement.approval).account.tighter, None);
    let _ = log.start(&approval, token, 2, "GET https://api.example/user");
    assert_eq!(fold("since yesterday", &log.entries[3..]).account.tighter, None);
    assert!(
        fold("since yesterday", &log.entries[2..]).account.tighter.is_some(),
        "the token tells the grant"
    );
}

#[test]
fn several_approvals_are_told_each_and_together() {
    let mut log = Log::new();
    for target in ["/issues/7", "/issues/8"] {
        let (approval, token) = granted(&mut log, &PATHS[1..2]);
        let _ = log.start(&approval, token, 0, &format!("GET https://api.example{target}"));
    }
    let report = log.report(log.agent);
    let together = report.account.tighter.unwrap();
    assert_eq!(texts(&together), ["http github GET /issues/* no query as service:ci-bot"]);
    assert_eq!((together.limits.max_uses, together.limits.max_tokens), (2, 2));
    let each: Vec<_> =
        report.approvals.iter().map(|one| texts(one.account.tighter.as_ref().unwrap())).collect();
    assert_eq!(each[0], ["http github GET /issues/7 no query as service:ci-bot"]);
    assert_eq!(each[1], ["http github GET /issues/8 no query as service:ci-bot"]);
}

proptest! {
    /// A report of a made-up history: its tighter grant is within its grant, whatever the history.
    #[test]
    fn the_tighter_grant_is_within_the_grant(stories in prop::collection::vec(story(), 1..3)) {
        let mut log = Log::new();
        for story in &stories {
            let _ = play(&mut log, story);
        }
        let report = log.report(log.agent);
        for account in report.approvals.iter().map(|one| &one.account).chain([&report.account]) {
            let Some(tighter) = &account.tighter else { continue };
            prop_assert!(tighter.items.iter().all(|own| account.granted.iter().any(|granted| subset(own, granted))));
            prop_assert_eq!(u64::from(tighter.limits.max_uses), account.used.iter().map(|row| row.count).sum::<u64>());
            prop_assert!(!tighter.items.is_empty() && !tighter.items.contains(&item("/never")));
        }
    }
}
