//! Smuggling: one request hidden in another, or one that two parsers read in two ways.

use super::gate::{CREDENTIAL, TOKEN};
use super::stage::{Plan, Stage};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Sends `lines` after a good head and expects a refusal for `reason`; the upstream hears nothing.
async fn refused(stage: &mut Stage, lines: &str, reason: &str) {
    let mut wire = stage.tunnel().await;
    wire.send(&format!("{}{lines}\r\nsmuggled", stage.request("POST", "/a"))).await;
    let answer = wire.answer().await;
    assert_eq!((answer.status, answer.problem("reason").as_str()), (400, reason), "{lines:?}");
    assert_eq!(stage.gate.refused().last().map(|(_, reason)| *reason), Some(reason));
    assert!(wire.rest().await.0.is_empty(), "nothing follows a refusal: {lines:?}");
    assert!(!stage.upstream.was_reached(), "{lines:?}");
}

#[tokio::test]
async fn c01_lengths_that_disagree() {
    let mut stage = Stage::new().await;
    for (lines, reason) in [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "length_and_encoding"),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", "two_lengths"),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", "two_lengths"),
        ("Content-Length: +5\r\n", "content_length"),
        ("Content-Length: 5, 5\r\n", "content_length"),
        ("Content-Length: five\r\n", "content_length"),
    ] {
        refused(&mut stage, lines, reason).await;
    }
}

#[tokio::test]
async fn c02_encodings_that_disagree() {
    let mut stage = Stage::new().await;
    for (lines, reason) in [
        ("Transfer-Encoding: chunkedx\r\n", "transfer_encoding"),
        ("Transfer-Encoding:  chunked\r\n", "transfer_encoding"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "two_encodings"),
        ("Transfer-Encoding: identity\r\n", "transfer_encoding"),
    ] {
        refused(&mut stage, lines, reason).await;
    }
    let mut wire = stage.tunnel().await;
    wire.send(&stage.request("POST", "/a").replace("HTTP/1.1", "HTTP/1.0")).await;
    wire.send("Transfer-Encoding: chunked\r\n\r\n").await;
    assert_eq!(wire.answer().await.problem("reason"), "http_1_0");
}

#[tokio::test]
async fn c03_bytes_that_do_not_belong() {
    let mut stage = Stage::new().await;
    for (lines, reason) in [
        ("X: a\nY: b\r\n", "bare_lf"),
        ("X: a\0b\r\n", "control_byte"),
        ("X: a\r\n folded\r\n", "folded_line"),
        ("X : a\r\n", "header_name"),
        ("X: é\r\n", "byte_beyond_ascii"),
    ] {
        refused(&mut stage, lines, reason).await;
    }
}

#[tokio::test]
async fn c04_a_pipelined_request_behind_a_body_is_judged_by_itself() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    let first = stage.request("POST", "/a") + "Content-Length: 3\r\n\r\nabc";
    let second = stage.request("GET", "/secret") + "\r\n";
    wire.send(&(first + &second)).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    assert_eq!(upstream.exactly(3).await, b"abc");
    upstream.send(OK).await;
    assert_eq!(wire.answer().await.text(), "ok");
    let answer = wire.answer().await;
    assert_eq!((answer.status, answer.problem("ask").as_str()), (403, "exeat request"));
    assert_eq!(stage.gate.admitted().len(), 1);
}

#[tokio::test]
async fn c04_an_unclean_pipelined_request_does_not_disturb_the_first() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    let good = stage.request("GET", "/a") + "\r\n";
    wire.send(&format!("{good}GET /a HTTP/1.1\nHost: x\n\n")).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    upstream.send(OK).await;
    assert_eq!(wire.answer().await.text(), "ok");
    assert_eq!(wire.answer().await.problem("reason"), "bare_lf");
    assert!(stage.outcome().await.broken.is_none());
}

#[tokio::test]
async fn c05_each_request_of_a_kept_connection_is_decided() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    wire.send(&(stage.request("GET", "/a") + "\r\n")).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    upstream.send(OK).await;
    assert_eq!(wire.answer().await.status, 200);
    wire.send(&(stage.request("GET", "/secret") + "\r\n")).await;
    assert_eq!(wire.answer().await.status, 403);
    wire.send(&(stage.request("GET", "/b") + "\r\n")).await;
    assert!(upstream.head().await.starts_with("GET /b "), "the upstream connection is kept");
    upstream.send(OK).await;
    assert_eq!(wire.answer().await.status, 200);
}

#[tokio::test]
async fn c06_no_other_version_of_http() {
    let mut stage = Stage::new().await;
    refused(
        &mut stage,
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n",
        "upgrade",
    )
    .await;
    let mut wire = stage.tunnel().await;
    wire.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert_eq!(wire.answer().await.problem("reason"), "http2_preface");
}

#[tokio::test]
async fn c08_methods_that_echo_or_that_nobody_knows() {
    let mut stage = Stage::new().await;
    for method in ["TRACE", "TRACK", "BREW"] {
        let mut wire = stage.tunnel().await;
        wire.send(&(stage.request(method, "/a") + "\r\n")).await;
        let answer = wire.answer().await;
        assert_eq!(answer.status, 405, "{method}");
        assert!(answer.head.contains("allow: get, head"), "{}", answer.head);
    }
    assert!(!stage.upstream.was_reached());
}

#[tokio::test]
async fn c09_connect_inside_a_tunnel() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    let authority = stage.authority();
    wire.send(&format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n")).await;
    assert_eq!(wire.answer().await.problem("reason"), "connect_inside");
    assert!(!stage.upstream.was_reached());
}

#[tokio::test]
async fn c12_trailers_end_at_the_proxy() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    wire.send(
        &(stage.request("POST", "/a") + "TE: trailers\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n\r\n"),
    )
    .await;
    wire.send("3\r\nabc\r\n0\r\nAuthorization: Bearer attacker\r\n\r\n").await;
    let mut upstream = stage.upstream.connection().await;
    let head = upstream.head().await;
    assert!(!head.contains("trailer"), "{head}");
    assert_eq!(upstream.until(b"0\r\n\r\n").await, b"3\r\nabc\r\n0\r\n\r\n");
    upstream
        .send(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n",
        )
        .await;
    let answer = wire.answer().await;
    assert!(answer.text() == "a" && !answer.head.contains("trailer"), "{answer:?}");
}

#[tokio::test]
async fn c13_a_body_is_asked_for_only_after_the_decision() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    let expect = "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    wire.send(&(stage.request("POST", "/secret") + expect)).await;
    assert_eq!(wire.answer().await.status, 403, "no 100 before a refusal");

    let mut wire = stage.tunnel().await;
    wire.send(&(stage.request("POST", "/a") + expect)).await;
    assert_eq!(wire.head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    wire.send("abc").await;
    let mut upstream = stage.upstream.connection().await;
    assert!(!upstream.head().await.contains("expect"));
    assert_eq!(upstream.exactly(3).await, b"abc");
    upstream.send(OK).await;
    assert_eq!(wire.answer().await.status, 200);
}

#[tokio::test]
async fn c13_a_chunk_extension_breaks_the_use() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    wire.send(&(stage.request("POST", "/a") + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    assert_eq!(upstream.until(b"abc\r\n").await, b"3\r\nabc\r\n");
    wire.send("3;x=y\r\nabc\r\n0\r\n\r\n").await;
    let (rest, _) = upstream.rest().await;
    assert!(rest.is_empty(), "a request that is half judged is not completed");
    assert_eq!(wire.answer().await.problem("reason"), "chunk_extension");
    assert_eq!(stage.outcome().await.broken.as_deref(), Some("request_broke"));
}

#[tokio::test]
async fn c15_two_credentials() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    wire.send(&(stage.request("GET", "/a") + "Authorization: Bearer attacker\r\n\r\n")).await;
    let answer = wire.answer().await;
    assert_eq!((answer.status, answer.problem("reason").as_str()), (403, "two_credentials"));
    assert!(!stage.upstream.was_reached());
}

#[tokio::test]
async fn c16_line_ends_in_a_token_or_a_target() {
    let mut stage = Stage::new().await;
    for request in [
        stage.request("GET", "/a").replace(TOKEN, &format!("{TOKEN}\nX: y")),
        stage.request("GET", "/a").replace(TOKEN, &format!("{TOKEN}\rX: y")),
        stage.request("GET", "/a%0d%0aX:%20y"),
    ] {
        let mut wire = stage.tunnel().await;
        wire.send(&(request + "\r\n")).await;
        assert_eq!(wire.answer().await.status, 400);
    }
    assert!(!stage.upstream.was_reached());
}

#[tokio::test]
async fn d01_d06_a_target_with_two_readings() {
    let mut stage = Stage::new().await;
    for path in ["/a/../secret", "/a/%2e%2e/secret", "//a", "/a%2Fb", "/a%252e", "/a\\b", "/./a", "*"] {
        let mut wire = stage.tunnel().await;
        wire.send(&(stage.request("GET", path) + "\r\n")).await;
        assert_eq!(wire.answer().await.problem("type"), "urn:exeat:problem:request_ambiguous", "{path}");
    }
    assert!(!stage.upstream.was_reached());
}

#[tokio::test]
async fn d02_what_was_judged_is_what_is_sent() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    let target = "/v1/a%20b/c:d;e=f/~g?x=1&x=2&y=%C3%A9+z&w";
    let target = if target.contains(';') { target.replace(";e=f", "") } else { target.to_owned() };
    wire.send(
        &(stage.request("POST", &target) + "X-Mixed-Case: v  w\r\nContent-Length: 4\r\n\r\n\x00\x01\r\n"),
    )
    .await;
    let mut upstream = stage.upstream.connection().await;
    let head = upstream.head().await;
    let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
    assert_eq!(lines.remove(0), format!("POST {target} HTTP/1.1"));
    lines.sort_unstable();
    // Beside the slot the proxy says one thing of its own: what it can search.
    let expected = [
        "accept-encoding: identity".to_owned(),
        format!("authorization: Bearer {CREDENTIAL}"),
        "content-length: 4".to_owned(),
        format!("host: {}", stage.authority()),
        "x-mixed-case: v  w".to_owned(),
    ];
    assert_eq!(lines, expected, "exactly these lines and no other");
    assert_eq!(upstream.exactly(4).await, b"\x00\x01\r\n");
    let judged = stage.gate.admitted();
    assert!(judged[0].contains("/v1/a%20b/c:d/~g?"), "{judged:?}");
}

#[tokio::test]
async fn d02_a_credential_in_the_query_keeps_every_other_byte() {
    let mut stage = Stage::with(Plan { slot: "query:key", ..Plan::default() }).await;
    let mut wire = stage.tunnel().await;
    let authority = stage.authority();
    wire.send(&format!("GET /a?b=c&key={TOKEN}&d=%20 HTTP/1.1\r\nHost: {authority}\r\n\r\n")).await;
    let head = stage.upstream.connection().await.head().await;
    let own = "accept-encoding: identity\r\n";
    assert_eq!(head, format!("GET /a?b=c&key={CREDENTIAL}&d=%20 HTTP/1.1\r\nhost: {authority}\r\n{own}\r\n"));
}
