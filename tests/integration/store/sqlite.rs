//! What is SQLite's own: the file, its lock, its schema, and rows that nobody should have written.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use exeat::base::tasks::Tasks;
use exeat::store::sqlite::{OpenError, SqliteFile};
use exeat::store::{ApprovalQuery, EntryQuery, IssueRefused, Store as _, StoreError, UseDenied};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, SqliteConnection};

use super::bed::{self, Bed};
use super::log;

/// A bed on a file, and another way into that file.
struct Opened {
    bed: Bed,
    directory: tempfile::TempDir,
}

impl Opened {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let tasks = Tasks::new();
        let file = SqliteFile::open(&directory.path().join("exeat.db")).await.unwrap();
        file.install(&bed::origin(), &[bed::ledger_key()]).await.unwrap();
        let store = file.start(bed::signer(), &tasks).await.unwrap();
        Self { bed: Bed::furnished(Arc::new(store), tasks, None).await, directory }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("exeat.db")
    }

    async fn raw(&self) -> SqliteConnection {
        SqliteConnectOptions::new().filename(self.path()).connect().await.unwrap()
    }

    async fn run(&self, sql: &str) -> Result<u64, sqlx::Error> {
        let mut raw = self.raw().await;
        sqlx::query(AssertSqlSafe(sql)).execute(&mut raw).await.map(|done| done.rows_affected())
    }

    /// Ends the store as a clean shutdown does.
    async fn close(self) -> tempfile::TempDir {
        self.bed.tasks.stop();
        self.bed.tasks.ended().await;
        drop(self.bed);
        self.directory
    }
}

#[tokio::test]
async fn i01_the_database_refuses_a_token_without_approver_or_identity() {
    let opened = Opened::new().await;
    let spent = opened.bed.token(5).await.approval();
    let approval = opened.bed.approved(2, 5).await.statement.approval;
    let pending = opened.bed.requested(1, 1).await.statement.approval;
    let (agent, person) = (opened.bed.agent.id, opened.bed.reviewer.id);
    let now = opened.bed.now().as_micros();
    let (soon, late) = (now + 1, now + 3_600_000_001);
    let rows = [
        format!("NULL, '{agent}', 'service:ci-bot', '{person}', {now}, {soon}"),
        format!("'{approval}', '{agent}', NULL, '{person}', {now}, {soon}"),
        format!("'{approval}', '{agent}', 'service:ci-bot', NULL, {now}, {soon}"),
        format!("'{approval}', '{agent}', 'service:other', '{person}', {now}, {soon}"),
        format!(
            "'{approval}', '{agent}', 'service:ci-bot', 'per_00000000000000000000000000000000', {now}, {soon}"
        ),
        format!("'{spent}', '{agent}', 'service:ci-bot', '{person}', {now}, {soon}"),
        format!("'{pending}', '{agent}', 'service:ci-bot', '{person}', {now}, {soon}"),
        format!("'{approval}', '{agent}', 'service:ci-bot', '{person}', {soon}, {late}"),
    ];
    let columns = "id, approval_id, agent_id, identity, approver_id, issued_at, expires_at";
    for row in rows {
        let refused = opened.run(&format!("INSERT INTO tokens ({columns}) VALUES ('tok_x', {row})")).await;
        assert!(matches!(refused, Err(sqlx::Error::Database(_))), "{row}");
    }
    let good = format!("'tok_x', '{approval}', '{agent}', 'service:ci-bot', '{person}', {now}, {soon}");
    assert_eq!(opened.run(&format!("INSERT INTO tokens ({columns}) VALUES ({good})")).await.unwrap(), 1);
}

#[tokio::test]
async fn the_database_refuses_more_than_was_granted_and_any_rewriting() {
    let opened = Opened::new().await;
    opened.bed.token(5).await;
    for sql in [
        "UPDATE approvals SET tokens_issued = max_tokens + 1",
        "UPDATE approvals SET uses = max_uses + 1",
        "UPDATE approvals SET state = 'perhaps'",
        "UPDATE approvals SET state = 'pending'",
        "UPDATE approvals SET expires_at = created_at + 86400000001",
        "UPDATE entries SET body = '{}'",
        "DELETE FROM entries WHERE idx = 0",
        "UPDATE checkpoints SET note = ''",
        "DELETE FROM checkpoints",
    ] {
        let refused = opened.run(sql).await;
        assert!(matches!(refused, Err(sqlx::Error::Database(_))), "{sql}");
    }
}

#[tokio::test]
async fn rows_the_domain_could_not_have_written_are_corrupt() {
    let ignore =
        "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; DROP TRIGGER entries_stay;";
    for sql in [
        "UPDATE approvals SET statement = '{}'",
        "UPDATE approvals SET statement = json_set(statement, '$.limits.max_uses', 999)",
        "UPDATE approvals SET state = 'spent'",
        "UPDATE approvals SET record = json_set(record, '$.decisions', json('[]'))",
        "UPDATE approvals SET record = 'not json'",
        "UPDATE approvals SET uses = -1",
        "UPDATE approvals SET digest = x'00'",
        "UPDATE approvals SET identity = 'somebody'",
    ] {
        let opened = Opened::new().await;
        opened.bed.approved(3, 3).await;
        opened.run(&format!("{ignore} {sql}")).await.unwrap();
        let read = opened.bed.store.approvals(ApprovalQuery::default()).await;
        assert!(matches!(read, Err(StoreError::Corrupt { table: "approvals", .. })), "{sql}: {read:?}");
    }
    for (sql, table) in [
        ("UPDATE people SET roles = '[\"king\"]'", "people"),
        ("UPDATE agents SET record = '[]'", "agents"),
        ("UPDATE upstreams SET version = 7", "upstreams"),
        ("UPDATE credentials SET version = -7", "credentials"),
        ("UPDATE meta SET value = 'x' WHERE name = 'policy'", "meta"),
    ] {
        let opened = Opened::new().await;
        opened.run(&format!("{ignore} {sql}")).await.unwrap();
        let read = opened.bed.store.installed().await;
        assert!(
            matches!(read, Err(StoreError::Corrupt { table: found, .. }) if found == table),
            "{sql}: {read:?}"
        );
    }
    let opened = Opened::new().await;
    opened.run(&format!("{ignore} UPDATE entries SET body = '{{\"at\":1}}' WHERE idx = 2")).await.unwrap();
    let read = opened.bed.store.entries(EntryQuery::default()).await;
    assert!(matches!(&read, Err(StoreError::Corrupt { table: "entries", row }) if row == "2"), "{read:?}");
}

#[tokio::test]
async fn j13_the_files_are_their_owners_alone() {
    let opened = Opened::new().await;
    opened.bed.token(5).await;
    let mut seen = 0;
    for file in std::fs::read_dir(opened.directory.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", file.path().display());
        seen += 1;
    }
    assert_eq!(seen, 4, "database, write-ahead log, its index, lock");
}

#[tokio::test]
async fn a_second_process_is_refused() {
    let opened = Opened::new().await;
    let second = SqliteFile::open(&opened.path()).await;
    assert!(matches!(second, Err(OpenError::InUse(path)) if path == opened.path()));
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let opened = Opened::new().await;
    opened
        .run("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (99, 'later', 1, x'00', 0)")
        .await
        .unwrap();
    let path = opened.path();
    let _directory = opened.close().await;
    let refused = SqliteFile::open(&path).await;
    assert!(matches!(refused, Err(OpenError::Newer { schema: 99, .. })));
}

#[tokio::test]
async fn an_installation_is_made_once() {
    let file = SqliteFile::in_memory().await.unwrap();
    assert!(file.origin().await.unwrap().is_none());
    file.install(&bed::origin(), &[bed::ledger_key()]).await.unwrap();
    assert_eq!(file.origin().await.unwrap(), Some(bed::origin()));
    let again = file.install(&bed::origin(), &[]).await;
    assert!(matches!(again, Err(StoreError::Conflict)), "{again:?}");
}

#[tokio::test]
async fn j07_a_restart_forgets_nothing() {
    let opened = Opened::new().await;
    let (revoked, kept) = (opened.bed.approved(2, 5).await, opened.bed.token(5).await);
    let dead = opened.bed.issue(&revoked).await.unwrap().into_value();
    opened.bed.revoke(opened.bed.read(revoked.statement.approval).await).await.unwrap();
    let start = opened.bed.begin(&kept).await.unwrap().into_value();
    let (head, installed) =
        (opened.bed.store.head().await.unwrap(), opened.bed.store.installed().await.unwrap());
    let (dead_use, kept_use) = (opened.bed.use_of(&dead), opened.bed.use_of(&kept));
    let path = opened.path();
    let _directory = opened.close().await;

    let tasks = Tasks::new();
    let store = bed::reopened(&path, &tasks).await;
    assert_eq!(store.head().await.unwrap(), head);
    assert_eq!(store.installed().await.unwrap().agents, installed.agents);
    assert_eq!(store.open_uses(start.at.plus(super::SECOND)).await.unwrap(), [bed::open(&start)]);
    assert!(matches!(store.start_use(dead_use).await, Err(UseDenied::NotLive)));
    store.start_use(kept_use).await.unwrap();
    log::verify(&store).await;
}

#[tokio::test]
async fn i02_while_another_process_holds_the_database_nothing_is_used_and_then_it_goes_on() {
    let opened = Opened::new().await;
    let (token, approval) = (opened.bed.token(5).await, opened.bed.approved(1, 1).await);
    let mut other = opened.raw().await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let refused = opened.bed.begin(&token).await;
    assert!(matches!(refused, Err(UseDenied::Store(StoreError::Unavailable(_)))), "{refused:?}");
    let refused = opened.bed.issue(&approval).await;
    assert!(matches!(refused, Err(IssueRefused::Store(StoreError::Unavailable(_)))), "{refused:?}");
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    opened.bed.begin(&token).await.unwrap();
    log::verify(opened.bed.store.as_ref()).await;
}

#[tokio::test]
async fn i02_a_batch_that_cannot_be_written_leaves_nothing() {
    // ROLLBACK ends the transaction by itself, as a full disk does.
    for (table, how) in [("checkpoints", "ABORT"), ("entries", "ROLLBACK"), ("open_uses", "ROLLBACK")] {
        let opened = Opened::new().await;
        let token = opened.bed.token(5).await;
        let before = opened.bed.store.head().await.unwrap();
        let full =
            format!("CREATE TRIGGER full BEFORE INSERT ON {table} BEGIN SELECT RAISE({how}, 'full'); END");
        opened.run(&full).await.unwrap();
        for _ in 0..2 {
            let refused = opened.bed.begin(&token).await;
            assert!(matches!(refused, Err(UseDenied::Store(StoreError::Unavailable(_)))), "{refused:?}");
        }
        assert_eq!(opened.bed.store.head().await.unwrap(), before);
        assert_eq!(opened.bed.read(token.approval()).await.grant().unwrap().uses, 0);
        opened.run("DROP TRIGGER full").await.unwrap();
        opened.bed.begin(&token).await.unwrap();
        log::verify(opened.bed.store.as_ref()).await;
    }
}

#[tokio::test]
async fn a_step_whose_failure_ends_the_transaction_takes_its_batch_along() {
    let opened = Opened::new().await;
    let before = opened.bed.store.head().await.unwrap();
    opened
        .run("CREATE TRIGGER full BEFORE INSERT ON keys BEGIN SELECT RAISE(ROLLBACK, 'full'); END")
        .await
        .unwrap();
    let key = exeat::store::SealedKey { id: "another".into(), ..bed::ledger_key() };
    let (added, written) = tokio::join!(
        opened.bed.change(exeat::store::Change::AddKey { key }),
        opened.bed.store.append(vec![bed::nothing(opened.bed.now())]),
    );
    added.unwrap_err();
    let written = written.map_or(0, |_| 1);
    assert_eq!(opened.bed.store.head().await.unwrap().size, before.size + written);
    opened.bed.store.append(vec![bed::nothing(opened.bed.now())]).await.unwrap();
    log::verify(opened.bed.store.as_ref()).await;
}

#[tokio::test]
async fn i02_after_the_end_nothing_is_used() {
    let opened = Opened::new().await;
    let token = opened.bed.token(5).await;
    opened.bed.tasks.stop();
    opened.bed.tasks.ended().await;
    let refused = opened.bed.begin(&token).await;
    assert!(matches!(refused, Err(UseDenied::Store(StoreError::Unavailable(_)))), "{refused:?}");
}
