//! Tokens and uses: how many, how long, and not one more.

use std::time::Duration;

use exeat::domain::approval::State;
use exeat::domain::ledger::{Entry, Event, Revoker};
use exeat::domain::reported::UseReport;
use exeat::domain::usage::Outcome;
use exeat::store::{Change, IssueRefused, Noted, Report, StoreError, UseDenied};
use futures_util::future::join_all;

use super::bed::{Bed, digest, open};
use super::{SECOND, log};

pub(super) async fn j11_of_a_hundred_exchanges_as_many_succeed_as_were_granted(bed: Bed) {
    let approval = bed.approved(7, 10).await;
    let results = join_all((0..100).map(|_| bed.issue(&approval))).await;
    let refused = |result: &&Result<_, _>| matches!(result, Err(IssueRefused::NotNow));
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 7);
    assert_eq!(results.iter().filter(refused).count(), 93);
    let read = bed.read(approval.statement.approval).await;
    assert!(matches!(&read.state, State::Spent(grant) if grant.tokens_issued == 7), "{read:?}");
    log::verify(bed.store.as_ref()).await;
}

pub(super) async fn j11_of_a_hundred_uses_as_many_begin_as_were_granted(bed: Bed) {
    let token = bed.token(9).await;
    let results = join_all((0..100).map(|_| bed.begin(&token))).await;
    let refused = |result: &&Result<_, _>| matches!(result, Err(UseDenied::UsedUp));
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 9);
    assert_eq!(results.iter().filter(refused).count(), 91);
    assert_eq!(bed.read(token.approval()).await.grant().unwrap().uses, 9);
    assert!(!bed.store.token(token.token()).await.unwrap().unwrap().live);
    log::verify(bed.store.as_ref()).await;
}

pub(super) async fn j11_one_exchange_makes_one_token_however_often_it_is_written(bed: Bed) {
    let exchange = bed.planned(&bed.approved(50, 1).await);
    let results = join_all((0..20).map(|_| bed.store.issue(exchange.clone()))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(bed.store.issue(exchange).await.is_err());
}

pub(super) async fn one_use_begins_once(bed: Bed) {
    let start = bed.use_of(&bed.token(50).await);
    let results = join_all((0..20).map(|_| bed.store.start_use(start.clone()))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(bed.store.start_use(start).await.is_err());
}

pub(super) async fn i09_a_revoked_approval_ends_its_tokens(bed: Bed) {
    let approval = bed.approved(2, 5).await;
    let token = bed.issue(&approval).await.unwrap().into_value();
    bed.begin(&token).await.unwrap();
    bed.revoke(bed.read(approval.statement.approval).await).await.unwrap();
    assert!(matches!(bed.begin(&token).await, Err(UseDenied::NotLive)));
    assert!(matches!(bed.issue(&approval).await, Err(IssueRefused::NotNow)));
    assert!(!bed.store.token(token.token()).await.unwrap().unwrap().live);
}

pub(super) async fn i09_a_revoked_token_is_ended_once(bed: Bed) {
    let token = bed.token(5).await;
    let event = Event::TokenRevoked {
        token: token.token(),
        approval: token.approval(),
        agent: bed.agent.id,
        by: Revoker::Agent { id: bed.agent.id },
        run: None,
    };
    let entry = Entry { at: bed.now(), event };
    bed.store.revoke_token(token.token(), entry.clone()).await.unwrap();
    assert!(matches!(bed.begin(&token).await, Err(UseDenied::NotLive)));
    let again = bed.store.revoke_token(token.token(), entry).await;
    assert!(matches!(again, Err(StoreError::Conflict)), "{again:?}");
}

pub(super) async fn i08_time_ends_a_token_and_an_approval(bed: Bed) {
    let approval = bed.approved(2, 5).await;
    let token = bed.issue(&approval).await.unwrap().into_value();
    let planned = bed.planned(&approval);
    bed.clock.advance(Duration::from_mins(5));
    assert!(matches!(bed.begin(&token).await, Err(UseDenied::NotLive)));
    assert!(bed.store.issue(planned).await.is_ok(), "it was planned in time and is dead on arrival");
    let late = bed.planned(&approval);
    bed.clock.advance(Duration::from_hours(1));
    let expired = bed.read(approval.statement.approval).await.expire(bed.now()).unwrap();
    let event = Event::Expired {
        approval: approval.statement.approval,
        agent: bed.agent.id,
        decided: true,
        run: None,
    };
    bed.store.transition(expired, Entry { at: bed.now(), event }).await.unwrap();
    assert!(matches!(bed.store.issue(late).await, Err(IssueRefused::NotNow)));
}

pub(super) async fn who_is_refused_takes_nobody_along(bed: Bed) {
    let (good, ended) = (bed.token(100).await, bed.token(100).await);
    bed.revoke(bed.read(ended.approval()).await).await.unwrap();
    let begun = bed.begin(&good).await.unwrap().into_value();
    let finish = || bed.store.finish_use(open(&begun), Some(Outcome::unsent("over")), bed.now());
    let begins = join_all((0..60).map(|number| bed.begin(if number % 2 == 0 { &good } else { &ended })));
    let (begins, ends) = tokio::join!(begins, join_all((0..3).map(|_| finish())));
    for (number, begun) in begins.iter().enumerate() {
        assert_eq!(begun.is_ok(), number % 2 == 0, "{begun:?}");
    }
    assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1, "a use ends once");
    assert_eq!(bed.read(good.approval()).await.grant().unwrap().uses, 31);
    assert_eq!(bed.read(ended.approval()).await.grant().unwrap().uses, 0);
    log::verify(bed.store.as_ref()).await;
}

pub(super) async fn a_use_is_of_the_token_it_names(bed: Bed) {
    let (one, two) = (bed.token(5).await, bed.token(5).await);
    let mut start = bed.use_of(&one);
    start.approval = two.approval();
    assert!(matches!(bed.store.start_use(start).await, Err(UseDenied::NotLive)));
}

pub(super) async fn a_use_ends_once(bed: Bed) {
    let token = bed.token(5).await;
    let (one, two) =
        (bed.begin(&token).await.unwrap().into_value(), bed.begin(&token).await.unwrap().into_value());
    bed.clock.advance(SECOND);
    assert!(bed.store.open_uses(one.at).await.unwrap().is_empty());
    let mut unfinished = bed.store.open_uses(bed.now()).await.unwrap();
    unfinished.sort_by_key(|open| open.id);
    let mut expected = [open(&one), open(&two)];
    expected.sort_by_key(|open| open.id);
    assert_eq!(unfinished, expected);
    let outcome = Outcome { status: Some(200), bytes_up: 0, bytes_down: 17, broken: None, masked: None };
    bed.store.finish_use(open(&one), Some(outcome.clone()), bed.now()).await.unwrap();
    bed.store.finish_use(open(&two), None, bed.now()).await.unwrap();
    let again = bed.store.finish_use(open(&one), Some(outcome), bed.now()).await;
    assert!(matches!(again, Err(StoreError::Conflict)), "{again:?}");
    assert!(bed.store.open_uses(bed.now()).await.unwrap().is_empty());
    let names: Vec<_> =
        log::verify(bed.store.as_ref()).await.iter().map(|entry| entry.entry.event.name()).collect();
    assert_eq!(names[names.len() - 2..], ["use_finished", "use_unfinished"]);
}

pub(super) async fn what_a_layer_reports_is_on_record_once(bed: Bed) {
    let layer = super::installed::layer(&bed);
    bed.change(Change::AddLayer { layer: layer.clone(), key: digest("layer") }).await.unwrap();
    let token = bed.token(5).await;
    let use_ = bed.begin(&token).await.unwrap().into_value();
    let closing = open(&use_);
    let (id, layer) = (use_.id, layer.id);
    let outcome = Outcome { status: Some(200), bytes_up: 0, bytes_down: 1, broken: None, masked: None };
    let (token, approval, agent, run) = (use_.token, use_.approval, use_.agent, use_.run);
    let event = Event::UseReported(UseReport { id, token, approval, agent, run, layer, outcome });
    let entry = Entry { at: bed.now(), event: event.clone() };
    let report = |source: &str, id: &str, known: bool| Report {
        layer,
        source: source.to_owned(),
        id: id.to_owned(),
        closes: known.then(|| closing.clone()),
        entry: known.then(|| entry.clone()),
    };
    let note = async |reports: Vec<Report>| bed.store.report(reports).await.unwrap();
    let before = bed.store.head().await.unwrap().size;
    assert_eq!(note(vec![report("a", "1", false)]).await, [Noted::Unknown]);
    let noted = note(vec![report("a", "1", true), report("a", "1", true), report("b", "1", true)]).await;
    assert_eq!(
        noted,
        [Noted::Recorded, Noted::Repeated, Noted::Unknown],
        "a use ends once, whatever the event is called"
    );
    assert_eq!(note(vec![report("a", "1", false)]).await, [Noted::Repeated]);
    assert!(note(Vec::new()).await.is_empty());
    assert_eq!(bed.store.head().await.unwrap().size, before + 1);
    assert!(bed.store.open_uses(bed.now().plus(SECOND)).await.unwrap().is_empty());
    assert!(log::verify(bed.store.as_ref()).await.iter().any(|stored| stored.entry.event == event));
}
