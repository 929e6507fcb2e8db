//! The report against a model that counts in the plainest way.

mod enough;
mod log;

use std::collections::HashSet;

use proptest::prelude::*;

use self::log::{Log, PATHS, fold, id, item};
use super::*;
use crate::base::id::{AgentId, PersonId};
use crate::domain::ledger::Event;
use crate::domain::principal::Person;
use crate::domain::scope::subset;

fn one(report: &Report) -> &ApprovalAccount {
    assert_eq!(report.approvals.len(), 1);
    &report.approvals[0]
}

#[test]
fn the_four_questions_are_answered() {
    let mut log = Log::new();
    let refusal = log.refuse(None, "GET https://api.example/repos/acme/app");
    let asked = log.ask(&PATHS, 1, Some(refusal));
    let digest = asked.digest();
    let approval = log.decide(asked, &[Some("/repos/acme/app"), Some("/issues/*"), None]);
    let token = log.issue(&approval, &["/issues/7", "/repos/acme/app"]);
    for target in ["GET https://api.example/issues/7", "GET https://api.example/issues/7?x=*"] {
        let id = log.start(&approval, token, 0, target);
        log.end(&approval, token, id, true);
    }
    let _ = log.refuse(Some(&approval), "GET https://api.example/user");
    let report = log.report(approval.statement.approval);

    assert_eq!(report.account.granted, [item("/repos/acme/app"), item("/issues/*")]);
    assert_eq!(report.account.never_used, [item("/repos/acme/app")]);
    let used = &report.account.used[0];
    assert_eq!((used.item.as_ref(), used.count, used.targets.len()), (Some(&item("/issues/*")), 2, 2));
    assert!(used.first < used.last && used.first_index < used.last_index);
    let trigger = &report.account.trigger;
    assert_eq!(trigger.refusal, Some(refusal));
    assert_eq!(trigger.refused.as_ref().map(|step| step.index), Some(0));
    assert_eq!(trigger.claimed.as_ref().unwrap().tool.as_str(), "Bash");
    assert_eq!(trigger.observed, None, "nothing claimed is shown as observed");
    let approver = &report.account.approvers[0];
    assert_eq!((approver.person, approver.statement_digest), (log.person.id, digest));
    assert_eq!(report.account.agent, Some(log.agent));
    let kinds: Vec<_> = report.account.denied.iter().map(|row| row.attempt.kind).collect();
    assert_eq!(kinds, [DeniedKind::Use, DeniedKind::Item, DeniedKind::Use]);
    assert_eq!(report.account.denied[1].attempt.item, Some(item("/user")));
    assert_eq!(one(&report).state, Standing::Approved);
}

#[test]
fn the_document_has_the_members_of_the_contract_and_reads_back() {
    let mut log = Log::new();
    let asked = log.ask(&PATHS[..2], 1, None);
    let approval = log.decide(asked, &[Some("/repos/acme/**"), None]);
    let token = log.issue(&approval, &["/repos/acme/**"]);
    let _ = log.start(&approval, token, 0, "GET https://api.example/repos/acme/app");
    let report = log.report(approval.statement.approval);
    let document = serde_json::to_value(&report).unwrap();
    for member in [
        "subject",
        "granted",
        "used",
        "denied",
        "never_used",
        "unfinished",
        "trigger",
        "approvers",
        "identity",
        "agent",
        "run",
        "checkpoint",
    ] {
        assert!(document.get(member).is_some(), "{member}");
    }
    for member in ["item", "count", "first", "last", "targets"] {
        assert!(document["used"][0].get(member).is_some(), "{member}");
    }
    for member in ["claimed", "observed", "refusal"] {
        assert!(document["trigger"].get(member).is_some(), "{member}");
    }
    for member in ["person", "name", "at", "authenticated_by", "statement_digest"] {
        assert!(document["approvers"][0].get(member).is_some(), "{member}");
    }
    assert_eq!(document["approvals"][0]["state"], "approved");
    assert_eq!(serde_json::from_value::<Report>(document).unwrap(), report);
}

#[test]
fn h08_declined_timed_out_and_given_up_are_three() {
    let mut log = Log::new();
    let (declined, late, gone) =
        (log.ask(&PATHS, 1, None), log.ask(&PATHS, 1, None), log.ask(&PATHS, 1, None));
    let agent = log.agent;
    let declined = log.decide(declined, &[None, None, None]);
    log.write(Event::Expired { approval: late.statement.approval, agent, decided: false, run: None });
    log.write(Event::Cancelled { approval: gone.statement.approval, agent, run: None });
    let report = log.report(agent);
    let states: Vec<_> = report.approvals.iter().map(|one| one.state).collect();
    assert_eq!(states, [Standing::Denied, Standing::Expired, Standing::Cancelled]);
    let by: Vec<_> = report.approvals.iter().map(|one| one.ended.unwrap().by).collect();
    assert_eq!(by, [Some(log.person.id), None, None]);
    assert!(report.account.granted.is_empty() && report.account.approvers.is_empty());
    let denied: Vec<_> = report.account.denied.iter().map(|row| row.attempt.approval).collect();
    assert_eq!(denied, [Some(declined.statement.approval); 3]);
}

#[test]
fn a_denied_approval_grants_nothing_even_if_somebody_said_yes_before() {
    let mut log = Log::new();
    let other = Person { id: id!(log, PersonId), ..log.person.clone() };
    let asked = log.ask(&PATHS[..1], 2, None);
    let once = log.decide(asked, &[Some("/repos/acme/app/*")]);
    let denied = log.decide_as(&other, once, &[Some("/repos/acme/*/issues")]);
    let report = log.report(denied.statement.approval);
    assert_eq!(one(&report).state, Standing::Denied);
    assert!(report.account.granted.is_empty() && report.account.never_used.is_empty());
    assert_eq!(report.account.denied[0].attempt.problem, "answers_differ");
}

#[test]
fn two_approvers_grant_what_both_granted() {
    let mut log = Log::new();
    let other = Person { id: id!(log, PersonId), ..log.person.clone() };
    let asked = log.ask(&PATHS[..2], 2, None);
    let once = log.decide(asked, &[Some("/repos/acme/**"), Some("/issues/*")]);
    assert!(log.report("all").account.granted.is_empty(), "one of two is not a grant");
    let both = log.decide_as(&other, once, &[Some("/repos/acme/app"), None]);
    let report = log.report(both.statement.approval);
    assert_eq!(report.account.granted, [item("/repos/acme/app")]);
    assert_eq!(report.account.approvers.len(), 2);
}

#[test]
fn f07_the_last_token_spends_the_approval_and_the_refused_exchange_is_shown() {
    let mut log = Log::new();
    let asked = log.ask(&PATHS[..1], 1, None);
    let approval = log.decide(asked, &[Some("/repos/acme/**")]);
    let first = log.issue(&approval, &PATHS[..1]);
    let _ = log.issue(&approval, &PATHS[..1]);
    let id = approval.statement.approval;
    let (agent, problem) = (log.agent, "token_invalid".to_owned());
    log.write(Event::ExchangeRefused { agent, approval: Some(id), problem, run: None });
    assert_eq!(one(&log.report(id)).state, Standing::Spent);
    assert_eq!(log.report(id).account.denied[0].attempt.kind, DeniedKind::Exchange);
    let (agent, by) = (log.agent, log.person.id);
    log.write(Event::Revoked { approval: id, agent, by, run: None });
    log.write(Event::TokenRevoked {
        token: first,
        approval: id,
        agent,
        by: crate::domain::ledger::Revoker::Agent { id: agent },
        run: None,
    });
    let report = log.report(id);
    assert_eq!((one(&report).state, one(&report).ended.unwrap().by), (Standing::Revoked, Some(by)));
    let revoked: Vec<_> = one(&report).tokens.iter().map(|token| token.revoked_at.is_some()).collect();
    assert_eq!(revoked, [true, false]);
}

#[test]
fn a_tokens_report_is_about_that_token_alone() {
    let mut log = Log::new();
    let asked = log.ask(&PATHS[..2], 1, None);
    let approval = log.decide(asked, &[Some("/repos/acme/**"), Some("/issues/*")]);
    let wide = log.issue(&approval, &PATHS[..2]);
    let narrow = log.issue(&approval, &["/issues/7"]);
    let _ = log.start(&approval, wide, 0, "GET https://api.example/repos/acme/app");
    let _ = log.start(&approval, narrow, 0, "GET https://api.example/issues/7");
    let report = log.report(narrow);
    assert_eq!(report.account.granted, [item("/issues/7")]);
    assert_eq!((report.uses(), report.account.never_used.len()), (1, 0));
    assert_eq!(report.account.approvers.len(), 1);
    assert_eq!(one(&report).tokens.len(), 1);
    assert_eq!(log.report(wide).account.never_used, [item("/issues/*")]);
}

#[test]
fn h05_uses_without_an_end_are_shown_and_so_is_whether_they_were_given_up() {
    let mut log = Log::new();
    let asked = log.ask(&PATHS[..1], 1, None);
    let approval = log.decide(asked, &[Some("/repos/acme/**")]);
    let token = log.issue(&approval, &PATHS[..1]);
    let lost = log.start(&approval, token, 0, "GET https://api.example/repos/acme/a");
    let open = log.start(&approval, token, 0, "GET https://api.example/repos/acme/b");
    log.end(&approval, token, lost, false);
    let unfinished = log.report(log.agent).account.unfinished;
    let shown: Vec<_> = unfinished.iter().map(|one| (one.id, one.given_up.is_some())).collect();
    assert_eq!(shown, [(lost, true), (open, false)]);
    assert_eq!(unfinished[0].item, Some(item("/repos/acme/**")));
}

#[test]
fn a_stranger_who_names_an_approval_is_shown_and_is_not_taken_for_its_agent() {
    let mut log = Log::new();
    let asked = log.ask(&PATHS[..1], 1, None);
    let stranger = id!(log, AgentId);
    let approval = Some(asked.statement.approval);
    log.write(Event::ExchangeRefused {
        agent: stranger,
        approval,
        problem: "token_invalid".to_owned(),
        run: None,
    });
    let report = log.report(asked.statement.approval);
    assert_eq!(report.account.agent, Some(log.agent));
    assert_eq!(report.account.denied[0].attempt.agent, Some(stranger));
    let alone = fold(&stranger.to_string(), &log.entries[1..]);
    assert!(alone.approvals.is_empty() && alone.account.denied.len() == 1);
}

#[test]
fn lists_are_bounded_and_nothing_is_uncounted() {
    let mut log = Log::new();
    let asked = log.ask(&PATHS[..1], 1, None);
    let approval = log.decide(asked, &[Some("/repos/acme/**")]);
    let token = log.issue(&approval, &PATHS[..1]);
    for n in 0..MAX_TARGETS + 5 {
        let _ = log.start(&approval, token, 0, &format!("GET https://api.example/repos/acme/{n}"));
    }
    for n in 0..MAX_DENIED + 7 {
        let _ = log.refuse(Some(&approval), &format!("GET https://api.example/{n}"));
        let _ = log.refuse(Some(&approval), "GET https://api.example/again");
    }
    let account = log.report(approval.statement.approval).account;
    assert_eq!((account.used[0].targets.len(), account.used[0].further), (MAX_TARGETS, 5));
    assert_eq!(account.denied.len(), MAX_DENIED);
    let listed: u64 = account.denied.iter().map(|row| row.count).sum();
    assert_eq!(listed + account.denied_further, 2 * (MAX_DENIED as u64 + 7));
}

#[test]
fn entries_that_begin_too_late_still_count_every_use() {
    let mut log = Log::new();
    let asked = log.ask(&PATHS[..1], 1, None);
    let approval = log.decide(asked, &[Some("/repos/acme/**")]);
    let token = log.issue(&approval, &PATHS[..1]);
    let _ = log.start(&approval, token, 0, "GET https://api.example/repos/acme/app");
    let from_token = fold("since yesterday", &log.entries[2..]);
    assert_eq!(from_token.account.granted, [item("/repos/acme/**")], "the token says what it carries");
    let from_use = fold("since yesterday", &log.entries[3..]);
    assert_eq!((from_use.uses(), from_use.account.used[0].item.as_ref()), (1, None));
}

/// What one approval of a made-up history does.
#[derive(Clone, Debug)]
struct Story {
    answers: Vec<bool>,
    tokens: Vec<usize>,
    uses: Vec<(usize, usize, u8, u8)>,
    refusals: u8,
}

fn story() -> impl Strategy<Value = Story> {
    let uses = prop::collection::vec((0..2_usize, 0..3_usize, 0..30_u8, 0..3_u8), 0..40);
    (prop::collection::vec(any::<bool>(), 3), prop::collection::vec(1..=3_usize, 0..=2), uses, 0..4_u8)
        .prop_map(|(answers, tokens, uses, refusals)| Story { answers, tokens, uses, refusals })
}

/// Plays it, and says how many uses began.
fn play(log: &mut Log, story: &Story) -> u64 {
    let asked = log.ask(&PATHS, 1, None);
    let answers: Vec<_> = PATHS.iter().zip(&story.answers).map(|(path, yes)| yes.then_some(*path)).collect();
    let approval = log.decide(asked, &answers);
    let granted: Vec<&str> = answers.iter().flatten().copied().collect();
    if granted.is_empty() {
        return 0;
    }
    let tokens: Vec<_> = story
        .tokens
        .iter()
        .map(|some| &granted[..(*some).min(granted.len())])
        .map(|items| (log.issue(&approval, items), items.len()))
        .collect();
    for _ in 0..story.refusals {
        let _ = log.refuse(Some(&approval), "GET https://api.example/no");
    }
    let mut began = 0;
    for (token, item, target, end) in &story.uses {
        let Some((token, items)) = tokens.get(*token) else { continue };
        let id = log.start(&approval, *token, item % items, &format!("GET https://api.example/{target}"));
        began += 1;
        if *end > 0 {
            log.end(&approval, *token, id, *end == 1);
        }
    }
    began
}

fn check(account: &Account) {
    let granted: HashSet<_> = account.granted.iter().collect();
    assert_eq!(granted.len(), account.granted.len(), "each once");
    let used: HashSet<_> = account.used.iter().filter_map(|row| row.item.as_ref()).collect();
    let never: HashSet<_> = account.never_used.iter().collect();
    assert!(used.is_disjoint(&never));
    assert_eq!(granted, used.union(&never).copied().collect());
    for row in &account.used {
        assert!(row.count >= row.targets.len() as u64 + row.further && row.targets.len() <= MAX_TARGETS);
        assert!(row.first <= row.last && row.first_index <= row.last_index);
    }
}

proptest! {
    #[test]
    fn every_use_counts_once_and_granted_is_used_or_never_used(stories in prop::collection::vec(story(), 1..4)) {
        let mut log = Log::new();
        let began: u64 = stories.iter().map(|story| play(&mut log, story)).sum();
        let report = log.report(log.agent);
        prop_assert_eq!(report.uses(), began);
        check(&report.account);
        for one in &report.approvals {
            check(&one.account);
            prop_assert!(one.state != Standing::Denied || one.account.granted.is_empty());
            prop_assert!(one.account.granted.iter().all(|item| report.account.granted.contains(item)));
            prop_assert!(one.account.granted.iter().all(|g| PATHS.iter().any(|path| subset(g, &item(path)))));
        }
        let open = log.entries.iter().filter(|(_, e)| e.event.name() == "use_started").count()
            - log.entries.iter().filter(|(_, e)| e.event.name() == "use_finished").count();
        prop_assert_eq!(report.account.unfinished.len(), open);
        let refused = log.entries.iter().filter(|(_, e)| e.event.name() == "use_refused").count() as u64;
        let shown = report.account.denied.iter().filter(|row| row.attempt.kind == DeniedKind::Use);
        prop_assert_eq!(shown.map(|row| row.count).sum::<u64>(), refused);
    }

    #[test]
    fn what_happens_elsewhere_in_the_log_changes_nothing(
        story in story(),
        gaps in prop::collection::vec(0..3_usize, 200),
    ) {
        let mut log = Log::new();
        let _ = play(&mut log, &story);
        let subject = log.entries.iter().find_map(|(_, e)| e.event.links().approval).unwrap();
        let plain = log.report(subject);
        let noise = Entry { at: log.now(), event: Event::AuthenticationFailed { listener: "agent".to_owned() } };
        let mut mixed = Vec::new();
        for ((index, entry), gap) in log.entries.iter().zip(&gaps) {
            mixed.extend(std::iter::repeat_n((*index, noise.clone()), *gap));
            mixed.push((*index, entry.clone()));
        }
        prop_assume!(gaps.len() >= log.entries.len());
        prop_assert_eq!(fold(&subject.to_string(), &mixed), plain);
    }

    #[test]
    fn two_approvals_interleaved_give_the_same_accounts(one in story(), two in story(), picks in any::<u64>()) {
        let mut log = Log::new();
        let _ = play(&mut log, &one);
        let cut = log.entries.len();
        let _ = play(&mut log, &two);
        let apart = log.report(log.agent);
        let (mut left, mut right) = (log.entries[..cut].iter().peekable(), log.entries[cut..].iter().peekable());
        let mut mixed: Vec<(u64, Entry)> = Vec::new();
        let mut bits = picks;
        while left.peek().is_some() || right.peek().is_some() {
            bits = bits.rotate_left(1);
            let next = if bits & 1 == 0 { left.next().or_else(|| right.next()) } else { right.next().or_else(|| left.next()) };
            mixed.extend(next.cloned());
        }
        prop_assert_eq!(fold(&log.agent.to_string(), &mixed).approvals, apart.approvals);
    }
}
