//! WebSocket: one use from its upgrade to its end, followed frame by frame, cut like any other.

use super::gate::{CREDENTIAL, TOKEN};
use super::stage::{Plan, Stage};
use super::wire::Wire;

const ASKED: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\
    Sec-WebSocket-Protocol: chat\r\n\r\n";
const GRANTED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n";

/// A short frame; of a client it is masked with nothing.
fn frame(kind: u8, client: bool, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    let head = if client { vec![0x80 | kind, 0x80 | length, 0, 0, 0, 0] } else { vec![0x80 | kind, length] };
    [&head, payload].concat()
}

/// A WebSocket through the proxy, and its other end.
async fn opened(stage: &mut Stage) -> (Wire, Wire) {
    let mut client = stage.tunnel().await;
    client.send(&(stage.request("GET", "/chat") + ASKED)).await;
    let mut upstream = stage.upstream.connection().await;
    let head = upstream.head().await;
    for line in [
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
        "sec-websocket-protocol: chat",
        &format!("authorization: Bearer {CREDENTIAL}"),
    ] {
        assert!(head.contains(&format!("{line}\r\n")), "{line} is not in {head}");
    }
    assert!(!head.contains("extensions"), "{head}");
    upstream.send(&format!("{GRANTED}\r\n")).await;
    let head = client.head().await.to_lowercase();
    assert!(head.starts_with("http/1.1 101 ") && head.contains("upgrade: websocket"), "{head}");
    assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
    (client, upstream)
}

#[tokio::test]
async fn g11_a_websocket_is_one_use_and_both_sides_are_heard() {
    let mut stage = Stage::new().await;
    let (mut client, mut upstream) = opened(&mut stage).await;
    for word in [b"one", b"two"] {
        client.send_bytes(&frame(1, true, word)).await;
        assert_eq!(upstream.exactly(9).await, frame(1, true, word));
        upstream.send_bytes(&frame(1, false, word)).await;
        assert_eq!(client.exactly(5).await, frame(1, false, word));
    }
    client.send_bytes(&frame(8, true, &[3, 232])).await;
    assert_eq!(upstream.exactly(8).await, frame(8, true, &[3, 232]));
    upstream.send_bytes(&frame(8, false, &[3, 232])).await;
    assert_eq!(client.exactly(4).await, frame(8, false, &[3, 232]));
    assert_eq!(client.rest().await, (Vec::new(), true), "it is closed properly");
    let outcome = stage.outcome().await;
    assert_eq!((outcome.status, outcome.bytes_up, outcome.bytes_down), (Some(101), 26, 14));
    assert_eq!(outcome.broken, None);
    assert!(!stage.has_outcome());
    assert_eq!(stage.gate.admitted().len(), 1);
}

#[tokio::test]
async fn e02_a_message_that_repeats_the_credential_is_masked_across_its_frames() {
    let mut stage = Stage::new().await;
    let (mut client, mut upstream) = opened(&mut stage).await;
    let (first, second) = CREDENTIAL.split_at(5);
    let opening = |payload: &[u8]| {
        let mut begun = frame(1, false, payload);
        begun[0] &= 0x7f;
        begun
    };
    for piece in [opening(first.as_bytes()), frame(9, false, b"ping"), frame(0, false, second.as_bytes())] {
        upstream.send_bytes(&piece).await;
    }
    let stars = "*".repeat(CREDENTIAL.len());
    let masked =
        [opening(&stars.as_bytes()[..5]), frame(9, false, b"ping"), frame(0, false, &stars.as_bytes()[5..])];
    let masked = masked.concat();
    assert_eq!(client.exactly(masked.len()).await, masked);
    upstream.send_bytes(&frame(1, false, b"and on")).await;
    assert_eq!(client.exactly(8).await, frame(1, false, b"and on"), "nothing is held back after it");
    drop((client, upstream));
    assert_eq!(stage.outcome().await.masked.map(std::num::NonZeroU64::get), Some(1));
}

#[tokio::test]
async fn a_long_message_goes_through_in_pieces() {
    let mut stage = Stage::new().await;
    let (mut client, mut upstream) = opened(&mut stage).await;
    let long = vec![b'x'; 1 << 20];
    let head = [&[0x82, 127][..], &(1u64 << 20).to_be_bytes()].concat();
    let whole = [head, long].concat();
    let (sent, ()) = (whole.clone(), ());
    stage.tasks.spawn(async move {
        upstream.send_bytes(&sent).await;
        upstream.rest().await;
    });
    assert_eq!(client.exactly(whole.len()).await, whole);
}

#[tokio::test]
async fn g04_a_revocation_cuts_an_open_websocket() {
    let mut stage = Stage::new().await;
    let (mut client, mut upstream) = opened(&mut stage).await;
    client.send_bytes(&frame(1, true, b"one")).await;
    upstream.exactly(9).await;
    stage.gate.cut.cancel();
    let (rest, _) = client.rest().await;
    assert_eq!(rest, frame(8, false, &[0x03, 0xf0]), "the client is told, and nothing else");
    assert!(upstream.rest().await.0.is_empty());
    assert_eq!(stage.outcome().await.broken.as_deref(), Some("cut"));
}

#[tokio::test]
async fn g06_a_token_that_expires_cuts_an_open_websocket() {
    let life = std::time::Duration::from_millis(300);
    let mut stage = Stage::with(Plan { life, ..Plan::default() }).await;
    let (mut client, _upstream) = opened(&mut stage).await;
    client.rest().await;
    assert_eq!(stage.outcome().await.broken.as_deref(), Some("cut"));
}

#[tokio::test]
async fn who_left_is_recorded() {
    let mut stage = Stage::new().await;
    let (client, mut upstream) = opened(&mut stage).await;
    drop(client);
    upstream.rest().await;
    assert_eq!(stage.outcome().await.broken.as_deref(), Some("client_gone"));
    let (mut client, upstream) = opened(&mut stage).await;
    drop(upstream);
    client.rest().await;
    assert_eq!(stage.outcome().await.broken.as_deref(), Some("upstream_broke"));
}

#[tokio::test]
async fn what_is_no_frame_goes_no_further() {
    let mut stage = Stage::new().await;
    let (mut client, mut upstream) = opened(&mut stage).await;
    client.send_bytes(&frame(1, false, b"not masked")).await;
    assert!(upstream.rest().await.0.is_empty());
    client.rest().await;
    assert_eq!(stage.outcome().await.broken.as_deref(), Some("request_broke"));
    let (mut client, mut upstream) = opened(&mut stage).await;
    upstream.send_bytes(b"\xc1\x01x").await;
    let (rest, _) = client.rest().await;
    assert!(!rest.contains(&b'x'), "what is compressed was never asked for");
    assert_eq!(stage.outcome().await.broken.as_deref(), Some("upstream_broke"));
}

#[tokio::test]
async fn a_refused_upgrade_is_an_answer_and_the_connection_goes_on() {
    let mut stage = Stage::new().await;
    let mut client = stage.tunnel().await;
    client.send(&(stage.request("GET", "/chat") + ASKED)).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    upstream.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno").await;
    assert_eq!(client.answer().await.text(), "no");
    client.send(&(stage.request("GET", "/secret") + ASKED)).await;
    assert_eq!(client.answer().await.status, 403, "an upgrade is judged like any other GET");
    client.send(&(stage.request("GET", "/a") + "\r\n")).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert_eq!(client.answer().await.text(), "ok");
}

#[tokio::test]
async fn an_upstream_that_switches_to_something_else_is_a_502() {
    let mut stage = Stage::new().await;
    for granted in [
        GRANTED.replace("Upgrade: websocket", "Upgrade: h2c"),
        format!("{GRANTED}Sec-WebSocket-Extensions: permessage-deflate\r\n"),
    ] {
        let mut client = stage.tunnel().await;
        client.send(&(stage.request("GET", "/chat") + ASKED)).await;
        let mut upstream = stage.upstream.connection().await;
        upstream.head().await;
        upstream.send(&format!("{granted}\r\n")).await;
        assert_eq!(client.answer().await.status, 502);
        assert_eq!(stage.outcome().await.broken.as_deref(), Some("upstream_broke"));
    }
}

#[tokio::test]
async fn c06_an_upgrade_that_is_not_by_the_letter() {
    let mut stage = Stage::new().await;
    for (from, to) in [
        ("Upgrade: websocket", "Upgrade: h2c"),
        ("Upgrade: websocket", "Upgrade: websocket, h2c"),
        ("keep-alive, Upgrade", "keep-alive"),
        ("keep-alive, Upgrade", "Upgrade, X-Hop"),
        ("Version: 13", "Version: 8"),
        ("dGhlIHNhbXBsZSBub25jZQ==", "dG9vIHNob3J0"),
        ("\r\n\r\n", "\r\nContent-Length: 1\r\n\r\n"),
        ("\r\n\r\n", "\r\nUpgrade: websocket\r\n\r\n"),
    ] {
        let mut client = stage.tunnel().await;
        client.send(&(stage.request("GET", "/chat") + &ASKED.replace(from, to))).await;
        assert_eq!(client.answer().await.problem("reason"), "upgrade", "{to}");
    }
    let mut client = stage.tunnel().await;
    client.send(&(stage.request("POST", "/chat") + ASKED)).await;
    assert_eq!(client.answer().await.problem("reason"), "upgrade");
    assert!(!stage.upstream.was_reached());
    assert!(stage.gate.admitted().is_empty(), "{TOKEN} was not used");
}
