//! What reaches the upstream and what comes back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::gate::{AGENT_KEY, CREDENTIAL, TOKEN};
use super::stage::{Plan, Stage};

#[tokio::test]
async fn the_credential_takes_the_tokens_place_and_the_agent_never_sees_it() {
    for (slot, sent, placed) in [
        ("bearer", format!("Authorization: Bearer {TOKEN}"), format!("authorization: Bearer {CREDENTIAL}")),
        ("bearer", format!("Authorization: token {TOKEN}"), format!("authorization: Bearer {CREDENTIAL}")),
        ("header:x-api-key", format!("X-API-Key: {TOKEN}"), format!("x-api-key: {CREDENTIAL}")),
        (
            "basic:x-access-token",
            format!("Authorization: Basic {}", STANDARD.encode(format!("x-access-token:{TOKEN}"))),
            format!("authorization: Basic {}", STANDARD.encode(format!("x-access-token:{CREDENTIAL}"))),
        ),
    ] {
        let mut stage = Stage::with(Plan { slot, ..Plan::default() }).await;
        let mut wire = stage.tunnel().await;
        wire.send(&format!("GET /a HTTP/1.1\r\nHost: {}\r\n{sent}\r\n\r\n", stage.authority())).await;
        let mut upstream = stage.upstream.connection().await;
        let head = upstream.head().await;
        assert!(head.contains(&format!("{placed}\r\n")), "{head}");
        assert!(!head.contains(TOKEN), "{head}");
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        assert_eq!(wire.answer().await.text(), "ok");
        let outcome = stage.outcome().await;
        assert_eq!((outcome.status, outcome.bytes_up, outcome.bytes_down), (Some(200), 0, 2));
        assert_eq!(outcome.broken, None);
        assert!(!stage.has_outcome(), "an outcome is told once");
    }
}

#[tokio::test]
async fn a_request_without_a_token_is_taught() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    wire.send(&format!("GET /a HTTP/1.1\r\nHost: {}\r\n\r\n", stage.authority())).await;
    let answer = wire.answer().await;
    assert_eq!((answer.status, answer.problem("type").as_str()), (403, "urn:exeat:problem:not_permitted"));
    assert!(!stage.upstream.was_reached());
}

#[tokio::test]
async fn i04_git_is_asked_for_the_password_it_holds_back() {
    let mut stage = Stage::with(Plan { slot: "basic:x-access-token", ..Plan::default() }).await;
    let mut wire = stage.tunnel().await;
    let request = format!(
        "GET /acme/app.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: {}\r\n",
        stage.authority()
    );
    wire.send(&format!("{request}\r\n")).await;
    let answer = wire.answer().await;
    assert_eq!(answer.status, 401);
    assert!(answer.head.contains("www-authenticate: basic"), "{}", answer.head);
    assert_eq!(answer.problem("type"), "urn:exeat:problem:not_permitted");
    let pair = STANDARD.encode(format!("x-access-token:{TOKEN}"));
    wire.send(&format!("{request}Authorization: Basic {pair}\r\n\r\n")).await;
    let pair = STANDARD.encode(format!("x-access-token:{CREDENTIAL}"));
    assert!(stage.upstream.connection().await.head().await.contains(&pair));
}

#[tokio::test]
async fn i01_cargo_is_asked_for_the_token_it_holds_back() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    let request = format!("GET /index/config.json HTTP/1.1\r\nHost: {}\r\n", stage.authority());
    wire.send(&format!("{request}cargo-protocol: version=1\r\n\r\n")).await;
    let answer = wire.answer().await;
    assert_eq!((answer.status, answer.problem("type").as_str()), (401, "urn:exeat:problem:not_permitted"));
    assert!(!stage.upstream.was_reached());
}

#[tokio::test]
async fn a_field_that_overrides_the_target_is_refused() {
    let mut stage = Stage::new().await;
    for line in ["X-HTTP-Method-Override: DELETE", "X-Original-URL: /secret", "X-Rewrite-Url: /secret"] {
        let mut wire = stage.tunnel().await;
        wire.send(&format!("{}{line}\r\n\r\n", stage.request("POST", "/a"))).await;
        assert_eq!(wire.answer().await.problem("reason"), "header_overrides_target", "{line}");
    }
    assert!(!stage.upstream.was_reached());
}

#[tokio::test]
async fn a_foreign_credential_is_refused() {
    let mut stage = Stage::new().await;
    for lines in [
        "Authorization: Bearer ghp_somebody".to_owned(),
        "Authorization: Basic YTpi".to_owned(),
        format!("Authorization: Bearer {TOKEN}\r\nCookie: session=1"),
        format!("Authorization: Bearer {TOKEN}\r\nPrivate-Token: glpat"),
    ] {
        let mut wire = stage.tunnel().await;
        wire.send(&format!("GET /a HTTP/1.1\r\nHost: {}\r\n{lines}\r\n\r\n", stage.authority())).await;
        let answer = wire.answer().await;
        assert_eq!(
            (answer.status, answer.problem("type").as_str()),
            (403, "urn:exeat:problem:foreign_credential")
        );
    }
    assert!(!stage.upstream.was_reached());
}

#[tokio::test]
async fn e01_a_token_where_an_upstream_would_echo_it() {
    let mut stage = Stage::new().await;
    for line in ["User-Agent", "Origin", "X-Request-Id"] {
        let mut wire = stage.tunnel().await;
        wire.send(&format!("{}{line}: {TOKEN}\r\n\r\n", stage.request("GET", "/cdn-cgi/trace"))).await;
        assert_eq!(wire.answer().await.problem("reason"), "token_elsewhere", "{line}");
    }
    assert!(!stage.upstream.was_reached());
}

#[tokio::test]
async fn e06_a_redirect_is_an_answer_and_is_not_followed() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    wire.send(&(stage.request("GET", "/a") + "\r\n")).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    let location = format!("https://{}/elsewhere", stage.authority());
    upstream.send(&format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")).await;
    let answer = wire.answer().await;
    assert_eq!(answer.status, 302);
    assert!(answer.head.contains(&format!("location: {location}")));
    assert_eq!(stage.outcome().await.status, Some(302));
    assert!(!stage.upstream.was_reached());
    assert_eq!(stage.gate.admitted().len(), 1);
}

#[tokio::test]
async fn e08_what_is_ours_reaches_neither_side() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    let ours = format!(
        "Proxy-Authorization: Bearer {AGENT_KEY}\r\nProxy-Connection: keep-alive\r\nX-Exeat-Run: run\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n"
    );
    wire.send(&format!("{}{ours}Accept: */*\r\n\r\n", stage.request("GET", "/a"))).await;
    let mut upstream = stage.upstream.connection().await;
    let head = upstream.head().await;
    for gone in ["proxy-", "exeat", "x-hop", "connection", AGENT_KEY] {
        assert!(!head.contains(gone), "{gone} is in {head}");
    }
    assert!(head.contains("accept: */*"));
    upstream
        .send("HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nProxy-Authenticate: Basic\r\nX-Exeat-Use: forged\r\nAlt-Svc: h3=\":443\"\r\nETag: x\r\nContent-Length: 0\r\n\r\n")
        .await;
    let head = wire.answer().await.head;
    for gone in ["proxy-", "exeat", "x-hop", "alt-svc"] {
        assert!(!head.contains(gone), "{gone} is in {head}");
    }
    assert!(head.contains("etag: x"));
}

#[tokio::test]
async fn a_response_arrives_piece_by_piece() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    wire.send(&(stage.request("GET", "/events") + "\r\n")).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    upstream
        .send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    assert!(wire.head().await.starts_with("HTTP/1.1 200"));
    for event in ["data: one\n\n", "data: two\n\n", "data: three\n\n"] {
        upstream.send(&format!("{:x}\r\n{event}\r\n", event.len())).await;
        // The next one is sent only after this one arrived.
        assert_eq!(wire.chunk().await, event.as_bytes());
    }
    upstream.send("0\r\n\r\n").await;
    assert!(wire.chunk().await.is_empty());
    assert_eq!(stage.outcome().await.bytes_down, 35);
}

#[tokio::test]
async fn an_answer_in_an_older_version_is_passed_on_in_ours() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    wire.send(&(stage.request("GET", "/a") + "\r\n")).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    upstream.send("HTTP/1.0 200 OK\r\n\r\nuntil the end").await;
    assert!(wire.head().await.starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(wire.chunk().await, b"until the end");
    upstream.close().await;
    assert!(wire.chunk().await.is_empty());
    assert_eq!(stage.outcome().await.broken, None);
}

#[tokio::test]
async fn a_request_body_travels_piece_by_piece() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    wire.send(&(stage.request("POST", "/upload") + "Content-Length: 9\r\n\r\n")).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    for piece in ["one", "two", "six"] {
        wire.send(piece).await;
        assert_eq!(upstream.exactly(3).await, piece.as_bytes());
    }
    upstream.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(wire.answer().await.status, 201);
    assert_eq!(stage.outcome().await.bytes_up, 9);
}

#[tokio::test]
async fn a_chunked_get_keeps_its_body() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    wire.send(&(stage.request("GET", "/search") + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))
        .await;
    let mut upstream = stage.upstream.connection().await;
    assert!(upstream.head().await.contains("transfer-encoding: chunked"));
    assert_eq!(upstream.until(b"0\r\n\r\n").await, b"3\r\nabc\r\n0\r\n\r\n");
}

#[tokio::test]
async fn answers_without_a_body_end_their_use() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    wire.send(&(stage.request("HEAD", "/a") + "\r\n")).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await;
    assert!(wire.head().await.contains("content-length: 1000"));
    wire.send(&(stage.request("DELETE", "/a") + "\r\n")).await;
    upstream.head().await;
    upstream.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(wire.answer().await.status, 204);
    for status in [200, 204] {
        let outcome = stage.outcome().await;
        assert_eq!((outcome.status, outcome.broken), (Some(status), None));
    }
}

#[tokio::test]
async fn a_rotated_credential_gets_a_connection_of_its_own() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    for _ in 0..2 {
        wire.send(&(stage.request("GET", "/a") + "\r\n")).await;
        let mut upstream = stage.upstream.connection().await;
        upstream.head().await;
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(wire.answer().await.status, 200);
        stage.gate.rotate();
    }
}
