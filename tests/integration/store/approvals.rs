//! Requests, decisions, and what makes them void.

use std::time::Duration;

use exeat::base::crypto::hash::sha256;
use exeat::base::id::PersonId;
use exeat::domain::approval::State;
use exeat::domain::principal::Person;
use exeat::store::{ApprovalQuery, Change, CreateRefused, Created, IssueRefused, StoreError, UseDenied};

use super::bed::Bed;

fn existing(created: Result<Created, CreateRefused>) -> exeat::domain::approval::Approval {
    match created {
        Ok(Created::Existing(approval)) => approval,
        other => panic!("expected the request that is there, got {other:?}"),
    }
}

pub(super) async fn a_request_is_given_back_as_it_was_made(bed: Bed) {
    let approval = bed.requested(3, 5).await;
    assert_eq!(bed.read(approval.statement.approval).await, approval);
    let decided = bed.approve(approval).await.unwrap().into_value();
    assert_eq!(bed.read(decided.statement.approval).await, decided);
}

pub(super) async fn an_idempotency_key_stands_for_one_request(bed: Bed) {
    let first = bed.statement(1, 1);
    assert!(matches!(bed.ask(first.clone(), Some("key")).await, Ok(Created::New(_))));
    let mut again = bed.statement(1, 1);
    again.request = first.request;
    assert_eq!(existing(bed.ask(again, Some("key")).await).statement, first);
    let other = bed.ask(bed.statement(1, 1), Some("key")).await;
    assert!(matches!(other, Err(CreateRefused::KeyReused)), "{other:?}");
}

pub(super) async fn the_same_undecided_request_is_one(bed: Bed) {
    let first = bed.requested(1, 1).await;
    let mut again = bed.statement(1, 1);
    again.request = first.statement.request;
    let before = bed.store.head().await.unwrap();
    assert_eq!(existing(bed.ask(again.clone(), Some("later")).await), first);
    assert_eq!(bed.store.head().await.unwrap(), before);
    let reused = bed.ask(bed.statement(1, 1), Some("later")).await;
    assert!(matches!(reused, Err(CreateRefused::KeyReused)), "{reused:?}");
    bed.approve(first).await.unwrap();
    assert!(matches!(bed.ask(again, None).await, Ok(Created::New(_))));
}

pub(super) async fn undecided_requests_are_bounded_while_they_last(bed: Bed) {
    for _ in 0..bed.policy.max_pending {
        bed.requested(1, 1).await;
    }
    let more = bed.ask(bed.statement(1, 1), None).await;
    assert!(matches!(more, Err(CreateRefused::TooManyPending)), "{more:?}");
    bed.clock.advance(Duration::from_hours(1));
    bed.requested(1, 1).await;
}

pub(super) async fn a_request_names_what_is_in_force(bed: Bed) {
    let mut old = bed.statement(1, 1);
    old.policy = sha256(&[b"another"]);
    let mut ahead = bed.statement(1, 1);
    ahead.bound[0].credential_version = 2;
    for statement in [old, ahead] {
        let refused = bed.ask(statement, None).await;
        assert!(matches!(refused, Err(CreateRefused::Store(StoreError::Conflict))), "{refused:?}");
    }
}

pub(super) async fn a_transition_follows_the_revision_it_read(bed: Bed) {
    let read = bed.requested(1, 1).await;
    bed.approve(read.clone()).await.unwrap();
    let late = bed.approve(read.clone()).await;
    assert!(matches!(late, Err(StoreError::Conflict)), "{late:?}");
    let cancelled = read.cancel(bed.now()).unwrap();
    let late = bed.store.transition(cancelled, super::bed::nothing(bed.now())).await;
    assert!(matches!(late, Err(StoreError::Conflict)), "{late:?}");
}

pub(super) async fn two_people_who_decide_at_once_are_both_counted(mut bed: Bed) {
    let mut statement = bed.statement(1, 1);
    statement.required_approvers = 2;
    let Ok(Created::New(asked)) = bed.ask(statement, None).await else { panic!("a new request is new") };
    let read = asked.into_value();
    bed.approve(read.clone()).await.unwrap();
    let second = Person {
        id: PersonId::new(&bed.clock, &bed.random).unwrap(),
        name: "Sven".parse().unwrap(),
        ..bed.reviewer.clone()
    };
    bed.change(Change::AddPerson { person: second.clone(), key: sha256(&[b"sven"]) }).await.unwrap();
    bed.reviewer = second;
    let late = bed.approve(read.clone()).await;
    assert!(matches!(late, Err(StoreError::Conflict)), "{late:?}");
    let approved = bed.approve(bed.read(read.statement.approval).await).await.unwrap().into_value();
    assert_eq!(approved.grant().unwrap().decisions.len(), 2);
    let token = bed.issue(&approved).await.unwrap().into_value();
    assert_eq!(token.approvers().len(), 2);
}

pub(super) async fn nothing_is_written_that_the_domain_does_not_know(bed: Bed) {
    let pending = bed.requested(1, 1).await;
    let mut forged = pending.clone();
    forged.revision = 1;
    forged.statement.limits.max_uses = 99;
    let mut ended = bed.approved(1, 1).await;
    ended.revision += 1;
    for wrong in [forged, ended] {
        let refused = bed.store.transition(wrong, super::bed::nothing(bed.now())).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    }
}

pub(super) async fn a_person_who_was_removed_decides_nothing(bed: Bed) {
    let pending = bed.requested(1, 1).await;
    bed.change(Change::RemovePerson { id: bed.reviewer.id, at: bed.now() }).await.unwrap();
    let refused = bed.approve(pending).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
}

pub(super) async fn i06_a_changed_credential_makes_an_approval_stale(bed: Bed) {
    let change = bed.sealed(2);
    stale_after(bed, change).await;
}

pub(super) async fn i06_a_changed_upstream_makes_an_approval_stale(bed: Bed) {
    let mut upstream = bed.upstream.clone();
    upstream.version = 2;
    stale_after(bed, Change::PutUpstream { upstream, client_key: None }).await;
}

pub(super) async fn i06_a_changed_policy_makes_an_approval_stale(bed: Bed) {
    stale_after(bed, Change::SetPolicy { version: sha256(&[b"new"]) }).await;
}

async fn stale_after(bed: Bed, change: Change) {
    let (pending, approved) = (bed.requested(1, 1).await, bed.approved(2, 5).await);
    let token = bed.issue(&approved).await.unwrap().into_value();
    bed.change(change).await.unwrap();
    let decided = bed.approve(pending.clone()).await;
    assert!(matches!(decided, Err(StoreError::Conflict)), "{decided:?}");
    let issued = bed.issue(&approved).await;
    assert!(matches!(issued, Err(IssueRefused::NotNow)), "{issued:?}");
    let used = bed.begin(&token).await;
    assert!(matches!(used, Err(UseDenied::NotLive)), "{used:?}");
    assert!(!bed.store.token(token.token()).await.unwrap().unwrap().live);
    bed.store.transition(pending.cancel(bed.now()).unwrap(), super::bed::nothing(bed.now())).await.unwrap();
}

pub(super) async fn counters_are_never_overwritten(bed: Bed) {
    let read = bed.approved(3, 9).await;
    let token = bed.issue(&read).await.unwrap().into_value();
    bed.begin(&token).await.unwrap();
    let revoked = bed.revoke(read).await.unwrap().into_value();
    let grant = revoked.grant().unwrap();
    assert_eq!((grant.tokens_issued, grant.uses), (1, 1));
    assert_eq!(bed.read(revoked.statement.approval).await, revoked);
}

pub(super) async fn approvals_are_listed_newest_first(bed: Bed) {
    let first = bed.approved(1, 1).await;
    bed.clock.advance(super::SECOND);
    let second = bed.requested(1, 1).await;
    let all = bed.store.approvals(ApprovalQuery::default()).await.unwrap();
    assert_eq!(all, [second.clone(), first.clone()]);
    let state = Some("approved".to_owned());
    assert_eq!(
        bed.store.approvals(ApprovalQuery { state, ..ApprovalQuery::default() }).await.unwrap(),
        vec![first.clone()]
    );
    let expires_by = Some(first.statement.expires_at);
    let due = ApprovalQuery { expires_by, agent: Some(bed.agent.id), limit: 5, ..ApprovalQuery::default() };
    assert_eq!(bed.store.approvals(due).await.unwrap(), [first]);
    assert!(matches!(second.state, State::Pending { .. }));
}
