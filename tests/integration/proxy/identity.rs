//! Who may speak to the proxy at all, and where to.

use super::gate::TOKEN;
use super::stage::{HOST, Plan, Stage, key_line};

#[tokio::test]
async fn without_a_good_key_every_caller_gets_the_same_answer() {
    let mut stage = Stage::new().await;
    let authority = stage.authority();
    let mut answers = Vec::new();
    for key in ["", "Proxy-Authorization: Bearer wrong\r\n", "Proxy-Authorization: Basic !\r\n"] {
        let mut wire = stage.client().await;
        wire.send(&format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{key}\r\n")).await;
        let answer = wire.answer().await;
        assert_eq!(
            (answer.status, answer.problem("type").as_str()),
            (407, "urn:exeat:problem:proxy_unauthenticated")
        );
        assert!(answer.head.contains("proxy-authenticate: basic"));
        assert!(wire.rest().await.1, "the connection is closed cleanly");
        answers.push(answer.body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    assert!(!stage.upstream.was_reached());
}

#[tokio::test]
async fn a_plain_request_needs_the_key_each_time() {
    let mut stage = Stage::with(Plan { tls: false, ..Plan::default() }).await;
    let url = format!("http://{}/a", stage.authority());
    let request = |key: &str| {
        format!(
            "GET {url} HTTP/1.1\r\nHost: {}\r\n{key}Authorization: Bearer {TOKEN}\r\n\r\n",
            stage.authority()
        )
    };
    let (with, without) = (request(&key_line()), request(""));
    let mut wire = stage.client().await;
    wire.send(&with).await;
    let mut upstream = stage.upstream.connection().await;
    let head = upstream.head().await;
    assert!(head.starts_with("GET /a HTTP/1.1\r\n"), "{head}");
    assert!(!head.to_lowercase().contains("proxy-"), "{head}");
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert_eq!(wire.answer().await.text(), "ok");
    wire.send(&without).await;
    assert_eq!(wire.answer().await.status, 407);
}

#[tokio::test]
async fn ungoverned_hosts_are_refused_and_recorded() {
    let stage = Stage::new().await;
    let (_, answer) = stage.connect("other.example:443").await;
    assert_eq!((answer.status, answer.problem("reason").as_str()), (403, "not_governed"));
    assert_eq!(answer.problem("use"), "use_recorded");
    let mut wire = stage.client().await;
    wire.send(&format!("GET http://other.example/ HTTP/1.1\r\nHost: other.example\r\n{}\r\n", key_line()))
        .await;
    assert_eq!(wire.answer().await.problem("reason"), "not_governed");
    let origins: Vec<String> = stage.gate.refused().into_iter().map(|(origin, _)| origin).collect();
    assert_eq!(origins, ["https://other.example", "http://other.example"]);
}

#[tokio::test]
async fn https_in_the_clear_is_told_about_connect() {
    let stage = Stage::new().await;
    let mut wire = stage.client().await;
    let authority = stage.authority();
    wire.send(&format!("GET https://{authority}/ HTTP/1.1\r\nHost: {authority}\r\n{}\r\n", key_line())).await;
    let answer = wire.answer().await;
    assert_eq!((answer.status, answer.problem("reason").as_str()), (403, "use_connect"));
}

#[tokio::test]
async fn the_proxy_is_not_a_web_server() {
    let stage = Stage::new().await;
    let mut wire = stage.client().await;
    wire.send(&format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{}\r\n", key_line())).await;
    assert_eq!(wire.answer().await.problem("reason"), "origin_form");
}

#[tokio::test]
async fn unknown_bytes_are_refused_and_never_tunnelled() {
    let mut stage = Stage::new().await;
    let mut wire = stage.client().await;
    wire.send_bytes(b"\x16\x03\x01\x00\x05hello").await;
    assert_eq!(wire.answer().await.status, 400);

    let (mut wire, answer) = stage.connect(&stage.authority()).await;
    assert_eq!(answer.status, 200);
    wire.send("SSH-2.0-OpenSSH_9.9\r\n").await;
    wire.rest().await;
    assert_eq!(stage.gate.refused().last().map(|(_, reason)| *reason), Some("not_tls"));

    let (mut wire, answer) = stage.connect(&stage.authority()).await;
    assert_eq!(answer.status, 200);
    wire.send(&format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
    wire.rest().await;
    assert!(!stage.upstream.was_reached());
}

#[tokio::test]
async fn early_bytes_behind_connect_are_refused() {
    let stage = Stage::new().await;
    let mut wire = stage.client().await;
    let authority = stage.authority();
    wire.send(&format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{}\r\nGET /", key_line())).await;
    let answer = wire.answer().await;
    assert_eq!((answer.status, answer.problem("reason").as_str()), (400, "bytes_after_connect"));
}

#[tokio::test]
async fn what_is_refused_is_told_to_the_broker_whether_the_caller_is_known_or_not() {
    let stage = Stage::new().await;
    let key = key_line();
    for (head, known, reason) in [
        ("GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n".to_owned(), false, "agent_key"),
        ("\x16\x03\x01 garbage\r\n\r\n".to_owned(), false, ""),
        (format!("GET / HTTP/1.1\r\nHost: a.test\r\n{key}\r\n"), true, "origin_form"),
        (format!("GET https://a.test/ HTTP/1.1\r\nHost: a.test\r\n{key}\r\n"), true, "use_connect"),
    ] {
        let (strangers, refused) = (stage.gate.strangers().len(), stage.gate.refused().len());
        let mut wire = stage.client().await;
        wire.send(&head).await;
        wire.answer().await;
        assert_eq!(stage.gate.strangers().len() - strangers, usize::from(!known), "{head}");
        assert_eq!(stage.gate.refused().len() - refused, usize::from(known), "{head}");
        let told = if known {
            stage.gate.refused().last().unwrap().1
        } else {
            stage.gate.strangers().pop().unwrap()
        };
        assert!(reason.is_empty() || told == reason, "{head}: {told}");
    }
}
