//! How uses end: by their upstream, by their client, by their token, by an accident. Each is told once.

use std::time::Duration;

use exeat::planes::network::proxy::Limits;

use super::stage::{HOST, Plan, Stage};

const STREAM: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";

#[tokio::test]
async fn a_client_that_leaves_in_a_response_is_recorded() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    wire.send(&(stage.request("GET", "/events") + "\r\n")).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    upstream.send(STREAM).await;
    wire.head().await;
    assert_eq!(wire.chunk().await, b"abc");
    drop(wire);
    let outcome = stage.outcome().await;
    assert_eq!((outcome.status, outcome.bytes_down), (Some(200), 3));
    assert_eq!(outcome.broken.as_deref(), Some("client_gone"));
    upstream.rest().await;
    assert!(!stage.has_outcome());
}

#[tokio::test]
async fn a_client_that_leaves_before_the_response_is_recorded() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    wire.send(&(stage.request("GET", "/slow") + "\r\n")).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    drop(wire);
    let outcome = stage.outcome().await;
    assert_eq!((outcome.status, outcome.broken.as_deref()), (None, Some("client_gone")));
    assert!(upstream.rest().await.0.is_empty(), "the upstream connection is given up");
}

#[tokio::test]
async fn a_client_that_leaves_in_its_request_is_recorded() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    wire.send(&(stage.request("POST", "/upload") + "Content-Length: 9\r\n\r\nabc")).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    assert_eq!(upstream.exactly(3).await, b"abc");
    drop(wire);
    let outcome = stage.outcome().await;
    assert_eq!((outcome.bytes_up, outcome.broken.as_deref()), (3, Some("client_gone")));
    assert!(upstream.rest().await.0.is_empty());
}

#[tokio::test]
async fn an_upstream_that_breaks_off_is_recorded() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    wire.send(&(stage.request("GET", "/events") + "\r\n")).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    upstream.send(STREAM).await;
    drop(upstream);
    wire.head().await;
    let (rest, _) = wire.rest().await;
    assert!(!rest.ends_with(b"0\r\n\r\n"), "a broken response does not look complete");
    assert_eq!(stage.outcome().await.broken.as_deref(), Some("upstream_broke"));
}

#[tokio::test]
async fn an_upstream_that_answers_with_something_else_is_a_502() {
    let mut stage = Stage::new().await;
    for answer in
        ["SSH-2.0-x\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"]
    {
        let mut wire = stage.tunnel().await;
        wire.send(&(stage.request("GET", "/a") + "\r\n")).await;
        let mut upstream = stage.upstream.connection().await;
        upstream.head().await;
        upstream.send(answer).await;
        let answer = wire.answer().await;
        assert_eq!(
            (answer.status, answer.problem("type").as_str()),
            (502, "urn:exeat:problem:upstream_unreachable")
        );
        assert_eq!(stage.outcome().await.broken.as_deref(), Some("upstream_broke"));
    }
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_a_502_on_record() {
    let mut stage = Stage::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    stage.also_govern("api", "gone.example.test", port);
    let mut wire = stage.tls(&format!("gone.example.test:{port}"), "gone.example.test").await.unwrap();
    let request =
        stage.request("GET", "/a").replace(&stage.authority(), &format!("gone.example.test:{port}"));
    wire.send(&(request + "\r\n")).await;
    assert_eq!(wire.answer().await.status, 502);
    assert_eq!(stage.outcome().await.broken.as_deref(), Some("upstream_unreachable"));
}

#[tokio::test]
async fn an_upstream_that_cannot_prove_its_name_gets_no_credential() {
    let mut stage = Stage::new().await;
    let port = stage.upstream.address.port();
    stage.also_govern("api", "imposter.example.test", port);
    let mut wire =
        stage.tls(&format!("imposter.example.test:{port}"), "imposter.example.test").await.unwrap();
    wire.send(&(stage.request("GET", "/a").replace(HOST, "imposter.example.test") + "\r\n")).await;
    assert_eq!(wire.answer().await.status, 502);
    assert_eq!(stage.outcome().await.broken.as_deref(), Some("upstream_unreachable"));
}

#[tokio::test]
async fn g04_a_revocation_cuts_an_open_stream() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    wire.send(&(stage.request("GET", "/events") + "\r\n")).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    upstream.send(STREAM).await;
    wire.head().await;
    assert_eq!(wire.chunk().await, b"abc");
    stage.gate.cut.cancel();
    let (rest, _) = wire.rest().await;
    assert!(rest.is_empty(), "a cut stream does not look complete");
    assert_eq!(stage.outcome().await.broken.as_deref(), Some("cut"));
    upstream.rest().await;
}

#[tokio::test]
async fn g04_a_revocation_cuts_a_long_upload() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    wire.send(&(stage.request("POST", "/upload") + "Content-Length: 9\r\n\r\nabc")).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    assert_eq!(upstream.exactly(3).await, b"abc");
    stage.gate.cut.cancel();
    assert!(upstream.rest().await.0.is_empty());
    let outcome = stage.outcome().await;
    assert_eq!((outcome.bytes_up, outcome.broken.as_deref()), (3, Some("cut")));
}

#[tokio::test]
async fn g06_a_token_that_expires_in_a_response_cuts_it() {
    let mut stage = Stage::with(Plan { life: Duration::from_millis(200), ..Plan::default() }).await;
    let mut wire = stage.tunnel().await;
    wire.send(&(stage.request("GET", "/events") + "\r\n")).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    upstream.send(STREAM).await;
    let (seen, _) = wire.rest().await;
    assert!(!seen.ends_with(b"0\r\n\r\n"));
    assert_eq!(stage.outcome().await.broken.as_deref(), Some("cut"));
}

#[tokio::test]
async fn a_kept_connection_that_the_upstream_closed_is_opened_again() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    for _ in 0..3 {
        wire.send(&(stage.request("GET", "/a") + "\r\n")).await;
        let mut upstream = stage.upstream.connection().await;
        upstream.head().await;
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        drop(upstream);
        assert_eq!(wire.answer().await.text(), "ok");
        assert_eq!(stage.outcome().await.broken, None);
    }
}

#[tokio::test]
async fn a_panic_ends_one_connection_and_no_other() {
    let mut stage = Stage::new().await;
    let mut other = stage.tunnel().await;
    let mut wire = stage.tunnel().await;
    wire.send(&(stage.request("GET", "/panic") + "\r\n")).await;
    assert!(wire.rest().await.0.is_empty());
    other.send(&(stage.request("GET", "/a") + "\r\n")).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert_eq!(other.answer().await.text(), "ok");
}

#[tokio::test]
async fn j12_a_client_that_says_nothing_is_let_go() {
    let limit = Duration::from_millis(50);
    let limits = Limits { head: limit, idle: limit, body: limit, floor: 1, linger: limit };
    let stage = Stage::with(Plan { limits, ..Plan::default() }).await;
    let mut silent = stage.client().await;
    assert!(silent.rest().await.0.is_empty());
    let mut slow = stage.client().await;
    slow.send("CONNECT api").await;
    assert_eq!(slow.answer().await.problem("reason"), "too_slow");
    let (mut no_tls, answer) = stage.connect(&stage.authority()).await;
    assert_eq!(answer.status, 200);
    assert!(no_tls.rest().await.0.is_empty());
}

#[tokio::test]
async fn what_happens_is_counted() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    wire.send(&(stage.request("POST", "/a") + "Content-Length: 3\r\n\r\nabc")).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    wire.answer().await;
    wire.send(&(stage.request("GET", "/secret") + "\r\n")).await;
    wire.answer().await;
    stage.outcome().await;
    let counters = &stage.counters;
    let numbers =
        [&counters.tunnels, &counters.requests, &counters.uses, &counters.refused, &counters.broken];
    assert_eq!(numbers.map(exeat::planes::network::proxy::counters::Count::value), [1, 3, 1, 1, 0]);
    assert_eq!((counters.bytes_up.value(), counters.bytes_down.value(), counters.open.value()), (3, 2, 1));
}

#[tokio::test]
async fn shutdown_lets_an_open_response_finish() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    wire.send(&(stage.request("GET", "/events") + "\r\n")).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    upstream.send(STREAM).await;
    wire.head().await;
    wire.chunk().await;
    stage.tasks.stop();
    upstream.send("0\r\n\r\n").await;
    assert!(wire.chunk().await.is_empty());
    assert_eq!(stage.outcome().await.broken, None);
    stage.tasks.ended().await;
}
