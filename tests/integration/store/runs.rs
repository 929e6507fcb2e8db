//! Runs and their connections: begun, advanced over what was read, and ended with everything that was granted to them.

use std::time::Duration;

use exeat::base::id::{ConnectionId, RunId};
use exeat::domain::approval::Approval;
use exeat::domain::connection::{ConnectionEnd, ConnectionStart};
use exeat::domain::ledger::{Entry, Event};
use exeat::domain::run::{ClimbCause, EndCause, Run, RunEnd, RunRecord, Rung};
use exeat::domain::step::SeenStep;
use exeat::store::{Change, CreateRefused, Created, IssueRefused, OpenConnection, StoreError, UseDenied};

use super::bed::Bed;

impl Bed {
    fn run(&self) -> Run {
        Run {
            id: RunId::new(&self.clock, &self.random).unwrap(),
            agent: self.agent.id,
            profile: "test".parse().unwrap(),
            rung: Rung::ReadOnly,
            workspace: None,
            command: None,
            filesystem: Vec::new(),
            network: Vec::new(),
            stand_ins: Vec::new(),
            wait_seconds: 0,
            began_at: self.now(),
            expires_at: self.now().plus(Duration::from_hours(1)),
        }
    }

    async fn begin_run(&self) -> Result<RunRecord, StoreError> {
        let record = RunRecord::started(self.run());
        let entry = Entry { at: self.now(), event: Event::RunStarted(record.run.clone()) };
        self.store.start_run(record.clone(), entry).await.map(|_| record)
    }

    async fn end_run(&self, record: &RunRecord) -> Result<RunRecord, StoreError> {
        let end = RunEnd { exit: Some(0), ..RunEnd::of(EndCause::Exited) };
        let next = record.clone().end(end, self.now()).unwrap();
        let event = Event::RunEnded { run: record.run.id, agent: self.agent.id, end, files: None };
        self.store.advance_run(next.clone(), Entry { at: self.now(), event }).await.map(|_| next)
    }

    async fn climb(&self, record: &RunRecord, to: Rung) -> Result<RunRecord, StoreError> {
        let next = record.clone().climb(to).unwrap();
        let cause = ClimbCause::RefusedWrite("src".parse().unwrap());
        let (run, agent, from) = (record.run.id, self.agent.id, record.rung());
        let event = Event::RunClimbed { run, agent, from, to, cause };
        self.store.advance_run(next.clone(), Entry { at: self.now(), event }).await.map(|_| next)
    }

    async fn asked_in(&self, run: RunId) -> Result<Approval, CreateRefused> {
        let mut statement = self.statement(2, 5);
        statement.run = Some(run);
        self.ask(statement, None).await.map(|created| match created {
            Created::New(recorded) => recorded.into_value(),
            Created::Existing(approval) => approval,
        })
    }

    fn connection(&self, run: &RunRecord, approval: Option<&Approval>) -> ConnectionStart {
        ConnectionStart {
            connection: ConnectionId::new(&self.clock, &self.random).unwrap(),
            run: run.run.id,
            agent: run.run.agent,
            approval: approval.map(|approval| approval.statement.approval),
            host: "crates.io:443".into(),
            address: ([192, 0, 2, 7], 443).into(),
            at: self.now(),
            step: SeenStep::default(),
        }
    }
}

pub(super) async fn a_run_is_given_back_as_it_was_started(bed: Bed) {
    let (first, second) = (bed.begin_run().await.unwrap(), bed.begin_run().await.unwrap());
    assert_eq!(bed.store.run(first.run.id).await.unwrap().unwrap(), first);
    assert_eq!(bed.store.open_runs().await.unwrap(), [first, second]);
    assert!(bed.store.run(bed.run().id).await.unwrap().is_none());
}

pub(super) async fn a_run_climbs_and_ends_once(bed: Bed) {
    let read = bed.begin_run().await.unwrap();
    let climbed = bed.climb(&read, Rung::WorkspaceWrite).await.unwrap();
    let late = bed.climb(&read, Rung::Credentialed).await;
    assert!(matches!(late, Err(StoreError::Conflict)), "{late:?}");
    let late = bed.end_run(&read).await;
    assert!(matches!(late, Err(StoreError::Conflict)), "{late:?}");
    let mut forged = climbed.clone().climb(Rung::Networked).unwrap();
    forged.run.rung = Rung::Credentialed;
    let refused = bed.store.advance_run(forged, super::bed::nothing(bed.now())).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    let ended = bed.end_run(&climbed).await.unwrap();
    assert_eq!(bed.store.run(read.run.id).await.unwrap().unwrap(), ended);
    assert!(bed.store.open_runs().await.unwrap().is_empty());
    let again = bed.end_run(&climbed).await;
    assert!(matches!(again, Err(StoreError::Conflict)), "{again:?}");
}

pub(super) async fn a_run_is_of_an_agent_that_is_there(bed: Bed) {
    bed.change(Change::RemoveAgent { id: bed.agent.id, at: bed.now() }).await.unwrap();
    let before = bed.store.head().await.unwrap();
    let refused = bed.begin_run().await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    assert_eq!(bed.store.head().await.unwrap(), before);
}

pub(super) async fn a_request_names_a_run_that_is_under_way(bed: Bed) {
    let run = bed.begin_run().await.unwrap();
    let asked = bed.asked_in(run.run.id).await.unwrap();
    let query = exeat::store::ApprovalQuery { run: Some(run.run.id), current: true, ..Default::default() };
    assert_eq!(bed.store.approvals(query).await.unwrap(), [asked]);
    bed.end_run(&run).await.unwrap();
    for id in [run.run.id, bed.run().id] {
        let refused = bed.asked_in(id).await;
        assert!(matches!(refused, Err(CreateRefused::Store(StoreError::Conflict))), "{refused:?}");
    }
}

pub(super) async fn i09_what_was_granted_to_a_run_ends_with_it(bed: Bed) {
    let (run, other) = (bed.begin_run().await.unwrap(), bed.begin_run().await.unwrap());
    let pending = bed.asked_in(run.run.id).await.unwrap();
    let approved = bed.approve(bed.asked_in(run.run.id).await.unwrap()).await.unwrap().into_value();
    let kept = bed.approve(bed.asked_in(other.run.id).await.unwrap()).await.unwrap().into_value();
    let token = bed.issue(&approved).await.unwrap().into_value();
    bed.end_run(&run).await.unwrap();
    assert!(matches!(bed.begin(&token).await, Err(UseDenied::NotLive)));
    assert!(matches!(bed.issue(&approved).await, Err(IssueRefused::NotNow)));
    assert!(!bed.store.token(token.token()).await.unwrap().unwrap().live);
    assert_eq!(bed.read(pending.statement.approval).await.state_name(bed.now()), "cancelled");
    let query = exeat::store::EntryQuery {
        run: Some(run.run.id),
        event: Some("cancelled".into()),
        ..Default::default()
    };
    assert_eq!(bed.store.entries(query).await.unwrap().len(), 1);
    bed.issue(&kept).await.unwrap();
}

pub(super) async fn a_connection_is_opened_by_what_stands(bed: Bed) {
    let (run, other) = (bed.begin_run().await.unwrap(), bed.begin_run().await.unwrap());
    let pending = bed.asked_in(run.run.id).await.unwrap();
    let approved = bed.approve(pending.clone()).await.unwrap().into_value();
    let opened =
        async |run: &RunRecord, approval| bed.store.open_connection(bed.connection(run, approval)).await;
    opened(&run, None).await.unwrap();
    opened(&run, Some(&approved)).await.unwrap();
    assert!(matches!(opened(&other, Some(&approved)).await, Err(StoreError::Conflict)));
    bed.revoke(approved.clone()).await.unwrap();
    assert!(matches!(opened(&run, Some(&approved)).await, Err(StoreError::Conflict)));
    let short = bed.approve(bed.asked_in(run.run.id).await.unwrap()).await.unwrap().into_value();
    opened(&run, Some(&short)).await.unwrap();
    bed.clock.advance(Duration::from_hours(1));
    assert!(matches!(opened(&run, Some(&short)).await, Err(StoreError::Conflict)));
    let before = bed.store.head().await.unwrap();
    bed.end_run(&other).await.unwrap();
    assert!(matches!(opened(&other, None).await, Err(StoreError::Conflict)));
    assert_eq!(bed.store.head().await.unwrap().size, before.size + 1, "what is refused leaves no entry");
}

pub(super) async fn a_connection_ends_once(bed: Bed) {
    let run = bed.begin_run().await.unwrap();
    let start = bed.connection(&run, None);
    bed.store.open_connection(start.clone()).await.unwrap();
    bed.clock.advance(super::SECOND);
    let open = bed.store.open_connections(bed.now()).await.unwrap();
    let wanted = OpenConnection {
        id: start.connection,
        at: start.at,
        run: start.run,
        agent: start.agent,
        approval: None,
        host: start.host,
    };
    assert_eq!(open, std::slice::from_ref(&wanted));
    let end = Some(ConnectionEnd { bytes_up: 1, bytes_down: 2, broken: None });
    bed.store.close_connection(wanted.clone(), end, bed.now()).await.unwrap();
    let again = bed.store.close_connection(wanted, None, bed.now()).await;
    assert!(matches!(again, Err(StoreError::Conflict)), "{again:?}");
    assert!(bed.store.open_connections(bed.now()).await.unwrap().is_empty());
}
