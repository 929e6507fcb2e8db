//! The planted secret is nowhere in the running process: not after it was sealed, not after a use, not after a revocation, not after
//! a panic that the broker survived (I11, E09).

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::Method;
use serde_json::json;

use crate::house::{House, Upstream, answer};

/// How many readable places of process `pid` hold `pattern`.
fn places(pid: u32, pattern: &[u8]) -> usize {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut found = 0;
    for line in maps.lines() {
        let (range, rest) = line.split_once(' ').unwrap();
        // What is mapped read-only is the program itself: it cannot hold what was made at run time.
        let (from, to) = range.split_once('-').unwrap();
        let (from, to) = (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap());
        if !rest.starts_with("rw") || memory.seek(SeekFrom::Start(from)).is_err() {
            continue;
        }
        let mut bytes = Vec::new();
        // A mapping that went away meanwhile holds nothing any more.
        if memory.by_ref().take(to - from).read_to_end(&mut bytes).is_ok() {
            found += bytes.windows(pattern.len()).filter(|window| window == &pattern).count();
        }
    }
    found
}

/// Pieces long enough to be no accident, so that a secret that was cut in two is found too.
fn pieces(secret: &str) -> [&[u8]; 3] {
    let bytes = secret.as_bytes();
    [&bytes[..16], &bytes[12..28], &bytes[bytes.len() - 16..]]
}

#[tokio::test]
async fn e09_the_secret_is_nowhere_in_the_process_after_sealing_using_and_revoking() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let nowhere = |when: &str| {
        for piece in pieces(upstream.secret()) {
            assert_eq!(places(house.pid(), piece), 0, "{when}");
        }
    };
    // The search does find what is there: the upstream's origin is in the catalog.
    assert!(places(house.pid(), b"ci-bot") > 0);
    // The connection that brought it is closed behind its answer, and takes its buffers along.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let left = || pieces(upstream.secret()).iter().map(|piece| places(house.pid(), piece)).sum::<usize>();
    while left() > 0 {
        assert!(std::time::Instant::now() < deadline, "after it was sealed");
    }

    let (approval, token) = house.token(&agent, "/files/a", json!({"max_uses": 10})).await;
    let http = house.through_proxy(&agent);
    for _ in 0..3 {
        let used = http.get(upstream.url("/files/a")).bearer_auth(&token).send().await.unwrap();
        answer(used).await.expect(200);
        nowhere("after a use, with the connection still open");
    }
    house.review(Method::POST, &format!("/v1/approvals/{approval}/revoke"), None).await.expect(200);
    let refused = answer(http.get(upstream.url("/files/a")).bearer_auth(&token).send().await.unwrap()).await;
    assert_eq!((refused.status, refused.problem()), (403, "token_invalid"));
    nowhere("after a revocation");
}

/// What HTTP/2 writes goes through buffers of its own, and its compression remembers what it wrote.
#[tokio::test]
async fn e09_the_secret_is_nowhere_in_the_process_after_a_use_over_http2() {
    let (house, upstream) = (House::start(), Upstream::speaking(&["h2"]).await);
    let agent = house.install(&upstream, "bearer").await;
    let (_, token) = house.token(&agent, "/files/a", json!({"max_uses": 20})).await;
    let http = house.through_proxy(&agent);
    for _ in 0..10 {
        let used = http.get(upstream.url("/files/a")).bearer_auth(&token).send().await.unwrap();
        answer(used).await.expect(200);
    }
    for piece in pieces(upstream.secret()) {
        assert_eq!(places(house.pid(), piece), 0, "with the connection still open");
    }
    assert_eq!(upstream.heads().len(), 10);
}

/// A library that makes the clock fail once, when the upstream's certificate is to be judged.
fn failing_clock(dir: &Path) -> PathBuf {
    let (source, library) = ("tests/integration/memory/clock_fails.c", dir.join("clock_fails.so"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
    assert!(compiled.unwrap().success(), "the C compiler that built the database is needed here too");
    library
}

/// The broker's own code does not panic, so the ground under it has to give way: the machine's clock fails. At that moment the
/// credential is open, and waits for the connection it is to be written to.
#[tokio::test]
async fn e09_the_secret_is_nowhere_in_the_process_after_a_panic_that_was_survived() {
    let (mut house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let (_, token) = house.token(&agent, "/files/a", json!({"max_uses": 10})).await;
    let (library, said) = (failing_clock(house.dir.path()), house.dir.path().join("said"));
    let port = upstream.address.port().to_string();
    house.stop();
    let environment = [("LD_PRELOAD", library.to_str().unwrap()), ("CLOCK_FAILS_AT", &port)];
    house.start_again_saying(&environment, File::create(&said).unwrap().into());

    let http = house.through_proxy(&agent);
    let send = || http.get(upstream.url("/files/a")).bearer_auth(&token).send();
    let broken = send().await;
    assert!(broken.is_err(), "the connection ended with the panic: {broken:?}");
    let said = std::fs::read_to_string(&said).unwrap();
    assert_eq!(said.matches("panicked at").count(), 1, "{said}");
    for piece in pieces(upstream.secret()) {
        assert_eq!(places(house.pid(), piece), 0);
    }

    answer(send().await.unwrap()).await.expect(200);
    assert_eq!(upstream.heads().len(), 1, "before the panic nothing was sent");

    // Whoever stops waits until every end is told.
    house.stop();
    house.start_again(&[]);
    let log = house.log().await;
    let events = || log.iter().map(|line| &line["entry"]["event"]);
    let started = events().find(|event| event["type"] == "use_started").expect("the use was admitted");
    let ended = events().find(|event| event["type"] != "use_started" && event["use"] == started["use"]);
    assert_eq!(
        ended.unwrap()["outcome"]["broken"],
        "client_gone",
        "its end was told while the panic unwound"
    );
}
