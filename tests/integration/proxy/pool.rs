//! Upstream connections that are used again: for the same agent, credential and upstream, after a whole exchange, and for nothing else.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use exeat::planes::network::proxy::Keeping;

use super::gate::{CREDENTIAL, OTHER_KEY, TOKEN};
use super::stage::{Plan, Stage};
use super::wire::Wire;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Answers the next request on `upstream`, and has it arrive at `client`.
async fn exchanged(client: &mut Wire, upstream: &mut Wire) -> String {
    let head = upstream.head().await;
    upstream.send(OK).await;
    assert_eq!(client.answer().await.text(), "ok");
    head
}

async fn get(stage: &Stage, client: &mut Wire) {
    client.send(&(stage.request("GET", "/a") + "\r\n")).await;
}

#[tokio::test]
async fn a_new_client_needs_no_new_upstream_connection() {
    let mut stage = Stage::new().await;
    let mut first = stage.tunnel().await;
    get(&stage, &mut first).await;
    let mut upstream = stage.upstream.connection().await;
    exchanged(&mut first, &mut upstream).await;
    drop(first);
    for _ in 0..3 {
        let mut next = stage.tunnel().await;
        get(&stage, &mut next).await;
        let head = exchanged(&mut next, &mut upstream).await;
        assert!(head.contains(CREDENTIAL), "each request has its credential: {head}");
    }
    assert!(!stage.upstream.was_reached());
}

#[tokio::test]
async fn two_requests_at_once_go_over_two_connections() {
    let mut stage = Stage::new().await;
    let (mut a, mut b) = (stage.tunnel().await, stage.tunnel().await);
    get(&stage, &mut a).await;
    let mut of_a = stage.upstream.connection().await;
    of_a.head().await;
    get(&stage, &mut b).await;
    let mut of_b = stage.upstream.connection().await;
    of_b.head().await;
    of_b.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb").await;
    of_a.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na").await;
    assert_eq!((a.answer().await.text(), b.answer().await.text()), ("a".into(), "b".into()));
}

#[tokio::test]
async fn another_agent_gets_a_connection_of_its_own() {
    let mut stage = Stage::new().await;
    let mut one = stage.tunnel().await;
    get(&stage, &mut one).await;
    let mut upstream = stage.upstream.connection().await;
    exchanged(&mut one, &mut upstream).await;
    let mut other = stage.tunnel_of(OTHER_KEY).await;
    get(&stage, &mut other).await;
    let mut upstream = stage.upstream.connection().await;
    exchanged(&mut other, &mut upstream).await;
}

#[tokio::test]
async fn another_user_gets_a_connection_of_its_own() {
    let mut stage = Stage::with(Plan { slot: "basic:", ..Plan::default() }).await;
    for user in ["ada", "bob"] {
        let mut client = stage.tunnel().await;
        let pair = STANDARD.encode(format!("{user}:{TOKEN}"));
        let authority = stage.authority();
        let request = format!("GET /a HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Basic {pair}\r\n\r\n");
        client.send(&request).await;
        let mut upstream = stage.upstream.connection().await;
        let head = exchanged(&mut client, &mut upstream).await;
        assert!(head.contains(&STANDARD.encode(format!("{user}:{CREDENTIAL}"))), "{head}");
    }
}

#[tokio::test]
async fn a_credential_that_was_rotated_leaves_its_connections_behind() {
    let mut stage = Stage::new().await;
    for _ in 0..2 {
        let mut client = stage.tunnel().await;
        get(&stage, &mut client).await;
        let mut upstream = stage.upstream.connection().await;
        exchanged(&mut client, &mut upstream).await;
        stage.gate.rotate();
    }
}

#[tokio::test]
async fn an_upstream_that_was_defined_anew_gets_new_connections() {
    let mut stage = Stage::new().await;
    let port = stage.upstream.address.port();
    for _ in 0..2 {
        let mut client = stage.tunnel().await;
        get(&stage, &mut client).await;
        let mut upstream = stage.upstream.connection().await;
        exchanged(&mut client, &mut upstream).await;
        stage.also_govern("api", super::stage::HOST, port);
    }
}

#[tokio::test]
async fn b05_a_kept_connection_leads_only_where_the_name_still_leads() {
    let mut stage = Stage::new().await;
    let mut client = stage.tunnel().await;
    get(&stage, &mut client).await;
    let mut upstream = stage.upstream.connection().await;
    exchanged(&mut client, &mut upstream).await;
    stage.names.set(&[&["127.0.0.2"]]);
    let mut client = stage.tunnel().await;
    get(&stage, &mut client).await;
    assert_eq!(client.answer().await.status, 502, "nobody listens at the new address");
    assert_eq!(stage.outcome().await.broken, None);
    assert_eq!(stage.outcome().await.broken.as_deref(), Some("upstream_unreachable"));
}

#[tokio::test]
async fn g04_a_connection_whose_use_was_cut_is_not_used_again() {
    let mut stage = Stage::new().await;
    let mut client = stage.tunnel().await;
    get(&stage, &mut client).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").await;
    client.head().await;
    assert_eq!(client.exactly(3).await, b"abc");
    stage.gate.cut.cancel();
    assert!(upstream.rest().await.0.is_empty(), "it is closed");
    assert_eq!(stage.outcome().await.broken.as_deref(), Some("cut"));
}

#[tokio::test]
async fn a_connection_whose_request_was_not_whole_is_not_used_again() {
    let mut stage = Stage::new().await;
    let mut client = stage.tunnel().await;
    client.send(&(stage.request("POST", "/a") + "Content-Length: 9\r\n\r\nabc")).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    assert_eq!(upstream.exactly(3).await, b"abc");
    upstream.send(OK).await;
    assert_eq!(client.answer().await.text(), "ok");
    let mut next = stage.tunnel().await;
    get(&stage, &mut next).await;
    let mut second = stage.upstream.connection().await;
    exchanged(&mut next, &mut second).await;
}

#[tokio::test]
async fn a_connection_that_nobody_needs_is_closed() {
    let keeping = Keeping { idle: Duration::from_millis(100), ..Keeping::default() };
    let mut stage = Stage::with(Plan { keeping, ..Plan::default() }).await;
    let mut client = stage.tunnel().await;
    get(&stage, &mut client).await;
    let mut upstream = stage.upstream.connection().await;
    exchanged(&mut client, &mut upstream).await;
    assert!(upstream.rest().await.0.is_empty());
}

#[tokio::test]
async fn j12_the_number_of_kept_connections_is_bounded() {
    for keeping in [Keeping { per_key: 1, ..Keeping::default() }, Keeping { total: 1, ..Keeping::default() }]
    {
        let mut stage = Stage::with(Plan { keeping, ..Plan::default() }).await;
        let (mut a, mut b) = (stage.tunnel().await, stage.tunnel().await);
        get(&stage, &mut a).await;
        let mut of_a = stage.upstream.connection().await;
        of_a.head().await;
        get(&stage, &mut b).await;
        let mut of_b = stage.upstream.connection().await;
        exchanged(&mut b, &mut of_b).await;
        of_a.send(OK).await;
        assert_eq!(a.answer().await.text(), "ok");
        assert!(of_b.rest().await.0.is_empty(), "the one that has waited longer is closed");
        get(&stage, &mut b).await;
        exchanged(&mut b, &mut of_a).await;
    }
}

#[tokio::test]
async fn a_new_connection_resumes_the_tls_session_of_the_one_before() {
    let mut stage = Stage::new().await;
    for resumed in 0..3 {
        let mut client = stage.tunnel().await;
        get(&stage, &mut client).await;
        let mut upstream = stage.upstream.connection().await;
        upstream.head().await;
        assert_eq!(stage.upstream.resumed(), resumed);
        upstream.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").await;
        assert_eq!(client.answer().await.text(), "ok");
    }
}

#[tokio::test]
async fn many_upstreams_that_closed_are_passed_over() {
    let mut stage = Stage::new().await;
    let mut clients = Vec::new();
    let mut upstreams = Vec::new();
    for _ in 0..4 {
        let mut client = stage.tunnel().await;
        get(&stage, &mut client).await;
        let mut upstream = stage.upstream.connection().await;
        upstream.head().await;
        clients.push(client);
        upstreams.push(upstream);
    }
    for (client, upstream) in clients.iter_mut().zip(&mut upstreams) {
        upstream.send(OK).await;
        assert_eq!(client.answer().await.text(), "ok");
    }
    drop(upstreams);
    get(&stage, &mut clients[0]).await;
    let mut upstream = stage.upstream.connection().await;
    exchanged(&mut clients[0], &mut upstream).await;
}
