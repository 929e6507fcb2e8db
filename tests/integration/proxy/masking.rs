//! An upstream that repeats the credential in its answer: the agent does not get to read it.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use exeat::domain::upstream::Cookies;

use super::gate::CREDENTIAL;
use super::stage::{Plan, Stage};
use super::wire::Wire;

/// A stage with a request on its way, and the upstream's end of it, with its head read.
async fn asked(lines: &str) -> (Stage, Wire, Wire, String) {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    wire.send(&format!("{}{lines}\r\n", stage.request("GET", "/echo"))).await;
    let mut upstream = stage.upstream.connection().await;
    let head = upstream.head().await;
    (stage, wire, upstream, head)
}

fn times(masked: u64) -> Option<std::num::NonZeroU64> {
    std::num::NonZeroU64::new(masked)
}

/// The credential as upstreams repeat it.
fn echoes() -> Vec<String> {
    let each =
        |before: &str| CREDENTIAL.bytes().fold(String::new(), |out, byte| format!("{out}{before}{byte:02x}"));
    let mut all = vec![
        CREDENTIAL.to_owned(),
        format!("Bearer {CREDENTIAL}"),
        each("%"),
        each("\\u00"),
        CREDENTIAL.replace('-', "&#45;"),
        hex::encode(CREDENTIAL),
        hex::encode_upper(CREDENTIAL),
        URL_SAFE_NO_PAD.encode(format!("user:{CREDENTIAL}")),
    ];
    all.extend(["", "a", "ab"].map(|before| STANDARD.encode(format!("{before}{CREDENTIAL}"))));
    all
}

#[tokio::test]
async fn e02_e03_an_echo_is_masked_in_every_encoding_wherever_the_chunks_are_cut() {
    for echo in echoes() {
        let (mut stage, mut wire, mut upstream, _) = asked("").await;
        upstream
            .send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await;
        let body = format!("{{\"headers\":{{\"authorization\":\"{echo}\"}}}}");
        let cut = body.len() / 2;
        for piece in [&body[..cut], &body[cut..]] {
            upstream.send(&format!("{:x}\r\n{piece}\r\n", piece.len())).await;
        }
        upstream.send("0\r\n\r\n").await;
        let answer = wire.answer().await;
        assert_eq!(answer.body.len(), body.len());
        assert!(answer.text().starts_with("{\"headers\":{\"authorization\":\""), "{}", answer.text());
        assert!(answer.text().ends_with("\"}}") && !answer.text().contains(&echo), "{}", answer.text());
        assert_eq!(stage.outcome().await.masked, times(1), "{echo}");
    }
}

#[tokio::test]
async fn e02_the_length_that_was_told_stays_right() {
    let (mut stage, mut wire, mut upstream, _) = asked("").await;
    let body = format!("{CREDENTIAL} and {CREDENTIAL}");
    upstream.send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    let stars = "*".repeat(CREDENTIAL.len());
    assert_eq!(wire.answer().await.text(), format!("{stars} and {stars}"));
    let outcome = stage.outcome().await;
    assert_eq!((outcome.masked, outcome.broken), (times(2), None));
    assert_eq!(outcome.bytes_down, body.len() as u64);
}

#[tokio::test]
async fn e02_what_is_packed_all_the_same_is_unpacked_and_masked() {
    let (mut stage, mut wire, mut upstream, head) =
        asked("Accept-Encoding: gzip, br\r\nRange: bytes=0-9\r\nA-IM: gzip\r\nAccept-Charset: utf-7\r\n")
            .await;
    assert!(head.contains("accept-encoding: identity\r\n") && !head.contains("gzip"), "{head}");
    for gone in ["range:", "a-im:", "accept-charset:"] {
        assert!(!head.contains(gone), "{gone} is in {head}");
    }
    let body = format!("{{\"authorization\":\"Bearer {CREDENTIAL}\"}}");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(body.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    upstream
        .send(&format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nETag: \"a\"\r\nContent-MD5: x\r\nContent-Length: {}\r\n\r\n",
            packed.len()
        ))
        .await;
    for piece in packed.chunks(9) {
        upstream.send_bytes(piece).await;
    }
    let answer = wire.answer().await;
    assert_eq!(answer.text(), body.replace(CREDENTIAL, &"*".repeat(CREDENTIAL.len())));
    for gone in ["content-encoding", "content-md5", "content-length"] {
        assert!(!answer.head.contains(gone), "{}", answer.head);
    }
    assert!(answer.head.contains("etag: w/\"a\""), "{}", answer.head);
    let outcome = stage.outcome().await;
    assert_eq!((outcome.masked, outcome.bytes_down), (times(1), packed.len() as u64));
}

#[tokio::test]
async fn e02_what_cannot_be_unpacked_is_refused_and_on_record() {
    for field in [
        "Content-Encoding: zstd",
        "Content-Encoding: gzip, gzip",
        "Transfer-Encoding: gzip, chunked",
        "IM: gzip",
    ] {
        let (mut stage, mut wire, mut upstream, _) = asked("").await;
        let framing = if field.starts_with("Transfer") { "" } else { "Content-Length: 4\r\n" };
        upstream.send(&format!("HTTP/1.1 200 OK\r\n{field}\r\n{framing}\r\n4\r\nabcd\r\n0\r\n\r\n")).await;
        let answer = wire.answer().await;
        assert_eq!(answer.status, 502, "{field}");
        assert_eq!(answer.problem("type"), "urn:exeat:problem:answer_unreadable");
        let outcome = stage.outcome().await;
        assert_eq!((outcome.status, outcome.broken.as_deref()), (Some(200), Some("answer_unreadable")));
    }
}

#[tokio::test]
async fn e02_a_packed_body_that_breaks_is_never_a_whole_answer() {
    let (mut stage, mut wire, mut upstream, _) = asked("").await;
    upstream.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip").await;
    assert!(!wire.rest().await.0.ends_with(b"0\r\n\r\n"), "the end is not told");
    assert_eq!(stage.outcome().await.broken.as_deref(), Some("answer_unreadable"));
}

#[tokio::test]
async fn e02_a_packed_file_is_content() {
    let (mut stage, mut wire, mut upstream, _) = asked("").await;
    let file = b"\x1f\x8b\x08\0not really a file";
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/gzip\r\nContent-Length: 21\r\n\r\n";
    upstream.send(head).await;
    upstream.send_bytes(file).await;
    assert_eq!(wire.answer().await.body, file);
    assert_eq!(stage.outcome().await.masked, None);
}

#[tokio::test]
async fn e04_error_pages_headers_and_reasons_are_masked_too() {
    let (mut stage, mut wire, mut upstream, _) = asked("").await;
    let body = format!("<p>Bad token {CREDENTIAL}</p>");
    let pair = STANDARD.encode(format!("x:{CREDENTIAL}"));
    upstream
        .send(&format!(
            "HTTP/1.1 401 Bad {CREDENTIAL}\r\nWWW-Authenticate: Bearer error=\"{CREDENTIAL}\"\r\nX-Pair: {pair}\r\nX-{CREDENTIAL}: 1\r\nX-Plain: plain\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
    let answer = wire.answer().await;
    let stars = "*".repeat(CREDENTIAL.len());
    assert_eq!((answer.status, answer.text()), (401, body.replace(CREDENTIAL, &stars)));
    assert!(
        !answer.head.contains(CREDENTIAL) && !answer.head.contains(&pair.to_lowercase()),
        "{}",
        answer.head
    );
    assert!(answer.head.contains(&format!("www-authenticate: bearer error=\"{stars}\"")), "{}", answer.head);
    assert!(answer.head.contains("x-plain: plain"));
    assert_eq!(stage.outcome().await.masked, times(5));
}

#[tokio::test]
async fn e03_an_event_stream_is_masked_across_events_and_does_not_stall() {
    let (mut stage, mut wire, mut upstream, _) = asked("").await;
    upstream
        .send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    wire.head().await;
    // Each arrives before the next is sent, although it ends as the credential begins.
    for event in ["data: that\n\n", ": still here\n\n", "data: t\n\n", "data: {\"a\":\"th\"}\n\n"] {
        upstream.send(&format!("{:x}\r\n{event}\r\n", event.len())).await;
        assert_eq!(wire.chunk().await, event.as_bytes());
    }
    let (one, two) = CREDENTIAL.split_at(9);
    let stream = [format!("data: {one}\n\n"), format!("data: {two}\n\n")];
    for event in &stream {
        upstream.send(&format!("{:x}\r\n{event}\r\n", event.len())).await;
    }
    upstream.send("0\r\n\r\n").await;
    let mut out = Vec::new();
    loop {
        let chunk = wire.chunk().await;
        if chunk.is_empty() {
            break;
        }
        out.extend(chunk);
    }
    let stars = |text: &str| "*".repeat(text.len());
    assert_eq!(String::from_utf8(out).unwrap(), format!("data: {}\n\ndata: {}\n\n", stars(one), stars(two)));
    assert_eq!(stage.outcome().await.masked, times(1));
}

#[tokio::test]
async fn e02_a_cookie_is_passed_on_only_where_the_upstream_is_defined_so() {
    for (cookies, passes) in [(Cookies::Drop, false), (Cookies::Pass, true)] {
        let mut stage = Stage::with(Plan { cookies, ..Plan::default() }).await;
        let mut wire = stage.tunnel().await;
        wire.send(&(stage.request("GET", "/a") + "\r\n")).await;
        let mut upstream = stage.upstream.connection().await;
        upstream.head().await;
        upstream.send("HTTP/1.1 200 OK\r\nSet-Cookie: session=1\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(wire.answer().await.head.contains("set-cookie: session=1"), passes, "{cookies}");
    }
}
