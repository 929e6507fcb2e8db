//! The planted secret is nowhere in the running process: not after it was sealed, not after a use, not after a revocation (I11, E09).

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

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
