//! When the ground gives way: the store cannot be written, the process is killed, the clock is stepped.

use std::time::Duration;

use exeat::base::clock::SystemClock;
use exeat::base::id::UseId;
use exeat::base::random::SystemRandomness;
use exeat::base::tasks::Tasks;
use exeat::broker::open_key;
use exeat::domain::ledger::KeyPurpose;
use exeat::domain::usage::UseStart;
use exeat::planes::secrets::vault::Vault;
use exeat::store::Store as _;
use exeat::store::sqlite::{Signer, SqliteFile, SqliteStore};
use reqwest::Method;
use serde_json::json;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::house::{House, Upstream, answer, binary};

#[tokio::test]
async fn i02_h06_what_cannot_be_recorded_is_not_done() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let (_, token) = house.token(&agent, "/files/a", json!({})).await;
    let http = house.through_proxy(&agent);
    let get =
        async || answer(http.get(upstream.url("/files/a")).bearer_auth(&token).send().await.unwrap()).await;

    let options = SqliteConnectOptions::new().filename(house.data().join("exeat.db"));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let refused = get().await;
    assert_eq!((refused.status, refused.problem()), (503, "ledger_unavailable"));
    let body = json!({"identity": "service:new"});
    let refused = house.review(Method::POST, "/v1/identities", Some(body)).await;
    assert_eq!((refused.status, refused.problem()), (503, "ledger_unavailable"));
    assert!(upstream.heads().is_empty(), "no byte reached the upstream");

    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    get().await.expect(200);
    assert_eq!(upstream.heads().len(), 1);
}

#[tokio::test]
async fn h05_killed_again_and_again_nothing_acknowledged_is_lost_and_the_log_verifies() {
    let (mut house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let mut answered = 0;
    for _ in 0..3 {
        let (_, token) = house.token(&agent, "/files/a", json!({"max_uses": 1000})).await;
        let http = house.through_proxy(&agent);
        let send = || async { http.get(upstream.url("/files/a")).bearer_auth(&token).send().await };
        let many = futures_util::future::join_all((0..20).map(|_| send()));
        let killed = async {
            // Somewhere in the middle, wherever that is: the promise holds at every instant.
            tokio::time::sleep(Duration::from_millis(30)).await;
            let pid = rustix::process::Pid::from_raw(i32::try_from(house.pid()).unwrap()).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        };
        let (answers, ()) = tokio::join!(many, killed);
        answered += answers.into_iter().flatten().filter(|answer| answer.status().is_success()).count();
        house.kill_and_restart();
    }
    let log = house.log().await;
    let started = log.iter().filter(|line| line["entry"]["event"]["type"] == "use_started").count();
    assert!(started >= upstream.heads().len(), "the upstream saw nothing that is not on record");
    assert!(upstream.heads().len() >= answered);
    let ends = ["use_finished", "use_unfinished"];
    let ended =
        log.iter().filter(|line| ends.contains(&line["entry"]["event"]["type"].as_str().unwrap())).count();
    assert_eq!(started, ended, "what was under way is shown as unfinished");
    verifies(&house);
}

pub(crate) fn verifies(house: &House) {
    let person = |arguments: &[&str]| {
        let output = binary()
            .args(arguments)
            .env("EXEAT_REVIEW_URL", &house.review)
            .env("EXEAT_REVIEW_KEY", &house.review_key)
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let export = house.dir.path().join("export.jsonl");
    let export = export.to_str().unwrap();
    let key = person(&["log", "key"]);
    person(&["log", "export", export]);
    let key = key.lines().map(str::trim).find(|line| line.contains('+')).unwrap();
    person(&["log", "verify", export, "--key", key]);
    // One changed byte is found, and named.
    let text = std::fs::read_to_string(export).unwrap();
    std::fs::write(export, text.replacen("service:ci-bot", "service:ci-bos", 1)).unwrap();
    let bad = binary().args(["log", "verify", export, "--key", key]).output().unwrap();
    assert_eq!(bad.status.code(), Some(1));
}

#[tokio::test]
async fn h05_more_abandoned_uses_than_a_page_holds_are_all_closed_at_start() {
    let (mut house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let (_, token) = house.token(&agent, "/files/a", json!({"max_uses": 10_000})).await;
    let http = house.through_proxy(&agent);
    answer(http.get(upstream.url("/files/a")).bearer_auth(&token).send().await.unwrap()).await.expect(200);
    let mut log = house.log().await;
    let started = log.iter_mut().map(|line| line["entry"]["event"].take());
    let mut started = started.into_iter().find(|event| event["type"] == "use_started").unwrap();
    started.as_object_mut().unwrap().remove("type");
    let first: UseStart = serde_json::from_value(started).unwrap();

    // A broker that begins uses and ends none, on the same store.
    let abandoned = 2_100;
    house.stop();
    let tasks = Tasks::new();
    let store = store_of(&house, &tasks).await;
    let (clock, random) = (SystemClock::starting_at(first.at), SystemRandomness::default());
    let start = || store.start_use(UseStart { id: UseId::new(&clock, &random).unwrap(), ..first.clone() });
    let begun = futures_util::future::join_all((0..abandoned).map(|_| start())).await;
    assert!(begun.iter().all(Result::is_ok));
    tasks.stop();
    drop(store);
    tasks.ended().await;

    house.start_again(&[]);
    assert_eq!(count(&house, "use_started").await, abandoned + 1);
    assert_eq!(count(&house, "use_unfinished").await, abandoned);
}

/// The store of a house that stands still, opened as a broker opens it.
async fn store_of(house: &House, tasks: &Tasks) -> SqliteStore {
    let vault = Vault::load(&house.data().join("vault.key"), None, &SystemRandomness::default()).unwrap();
    let file = SqliteFile::open(&house.data().join("exeat.db")).await.unwrap();
    let keys = file.keys(KeyPurpose::Ledger).await.unwrap();
    let key = open_key(KeyPurpose::Ledger, &keys, &vault).unwrap();
    let origin = file.origin().await.unwrap().unwrap();
    file.start(Signer { origin, key }, tasks).await.unwrap()
}

/// How many entries of one type the whole log has.
async fn count(house: &House, event: &str) -> usize {
    let (mut count, mut after) = (0, String::new());
    loop {
        let path = format!("/v1/ledger/entries?limit=1000&type={event}{after}");
        let page = house.review(Method::GET, &path, None).await.expect(200);
        let Some(last) = page["entries"].as_array().unwrap().last() else { return count };
        count += page["entries"].as_array().unwrap().len();
        after = format!("&after={}", last["index"]);
    }
}

#[tokio::test]
async fn j13_the_secret_is_in_no_file_and_every_file_is_its_owners() {
    use std::os::unix::fs::PermissionsExt as _;
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let (_, token) = house.token(&agent, "/files/a", json!({})).await;
    answer(
        house.through_proxy(&agent).get(upstream.url("/files/a")).bearer_auth(&token).send().await.unwrap(),
    )
    .await
    .expect(200);
    let mut files = 0;
    for file in std::fs::read_dir(house.data()).unwrap() {
        let path = file.unwrap().path();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        if path.is_dir() {
            assert_eq!(
                (mode & 0o777, std::fs::read_dir(&path).unwrap().count()),
                (0o700, 0),
                "{}",
                path.display()
            );
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for secret in [upstream.secret(), &token, &agent.key, &house.review_key] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{}", path.display());
        }
        assert!(mode.trailing_zeros() >= 6 || path.ends_with("config.toml"), "{}: {mode:o}", path.display());
        files += 1;
    }
    assert!(files >= 4);
}

#[tokio::test]
async fn keys_rotate_while_everything_goes_on() {
    let (mut house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let (_, token) = house.token(&agent, "/files/a", json!({})).await;
    let rotated = house.review(Method::POST, "/v1/keys/vault/rotate", None).await.expect(200);
    assert_eq!(rotated, json!({"version": 2, "resealed": 1}));
    house.review(Method::POST, "/v1/keys/token/rotate", None).await.expect(200);
    let send = async |house: &House| {
        let http = house.through_proxy(&agent);
        answer(http.get(upstream.url("/files/a")).bearer_auth(&token).send().await.unwrap()).await
    };
    send(&house).await.expect(200);
    let (_, newer) = house.token(&agent, "/files/b", json!({})).await;
    assert_ne!(newer.split('.').next(), token.split('.').next(), "another key signs");
    house.kill_and_restart();
    let http = house.through_proxy(&agent);
    let used = http.get(upstream.url("/files/b")).bearer_auth(&newer).send().await.unwrap();
    answer(used).await.expect(200);
}

#[test]
fn two_processes_on_one_data_directory_are_refused() {
    let house = House::start();
    let output = binary()
        .args(["serve", "--agent-listen", "127.0.0.1:0", "--review-listen", "127.0.0.1:0"])
        .args(["--proxy-listen", "127.0.0.1:0", "--data-dir"])
        .arg(house.data())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("in use"));
}

/// Debian's `faketime`, which shifts the wall clock of one process and leaves its monotonic clock alone.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/// The environment in which the wall clock is shifted by so much.
pub(crate) fn shifted(by: &'static str) -> [(&'static str, &'static str); 3] {
    assert!(std::path::Path::new(FAKETIME).exists(), "install faketime: `make test` does");
    [("LD_PRELOAD", FAKETIME), ("FAKETIME", by), ("DONT_FAKE_MONOTONIC", "1")]
}

/// The environment in which six seconds are a minute, for waits too.
pub(crate) fn hurried() -> [(&'static str, &'static str); 2] {
    assert!(std::path::Path::new(FAKETIME).exists(), "install faketime: `make test` does");
    [("LD_PRELOAD", FAKETIME), ("FAKETIME", "+0s x10")]
}

#[tokio::test]
async fn g10_j07_a_clock_that_is_stepped_back_brings_no_token_back() {
    let (mut house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let (_, token) = house.token(&agent, "/files/a", json!({})).await;
    let send = async |house: &House| {
        let http = house.through_proxy(&agent);
        answer(http.get(upstream.url("/files/a")).bearer_auth(&token).send().await.unwrap()).await
    };
    house.stop();
    house.start_again(&[]);
    send(&house).await.expect(200);
    house.stop();
    house.start_again(&shifted("+1h"));
    assert_eq!(send(&house).await.problem(), "token_invalid", "an hour later it has ended");
    house.stop();
    house.start_again(&shifted("-1h"));
    assert_eq!(send(&house).await.problem(), "token_invalid", "and it stays ended when the clock goes back");
    assert_eq!(upstream.heads().len(), 1, "only while it lived");
}
