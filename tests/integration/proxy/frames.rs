//! Broken HTTP/2, frame by frame and by hand: what no library would send.

use std::time::Duration;

use exeat::planes::network::proxy::Limits;

use super::gate::TOKEN;
use super::stage::{Plan, Stage};
use super::wire::Wire;

const STARTS: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
/// END_STREAM and END_HEADERS.
const WHOLE: u8 = 0x5;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Fields as literals that are not indexed.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| {
        assert!(text.len() < 127);
        [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
    };
    fields.iter().flat_map(|(name, value)| [&[0][..], &text(name), &text(value)].concat()).collect()
}

/// The fields of a good request, with those of `change` in place of them or behind them.
fn fields<'a>(authority: &'a str, bearer: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", authority),
        (":path", "/a"),
        ("authorization", bearer),
    ]
}

/// A connection after its first words, for hand-made frames.
async fn opened(stage: &Stage) -> Wire {
    let mut wire = stage.tunnel_of_frames().await;
    wire.send_bytes(STARTS).await;
    wire.send_bytes(&frame(SETTINGS, 0, 0, &[])).await;
    wire
}

/// What ended stream 1: the kind of the frame that did.
async fn verdict(wire: &mut Wire) -> u8 {
    loop {
        let head = wire.exactly(9).await;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        wire.exactly(usize::try_from(length).unwrap()).await;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        if head[3] == GOAWAY || (stream == 1 && [HEADERS, RST_STREAM].contains(&head[3])) {
            return head[3];
        }
    }
}

async fn refused(stage: &mut Stage, what: &str, frames: &[Vec<u8>]) {
    let mut wire = opened(stage).await;
    wire.send_bytes(&frames.concat()).await;
    let verdict = verdict(&mut wire).await;
    assert!(verdict != HEADERS, "{what}");
    assert!(stage.gate.admitted().is_empty(), "{what}");
    assert!(!stage.upstream.was_reached(), "{what}");
}

#[tokio::test]
async fn c03_a_head_that_is_no_request() {
    let mut stage = Stage::new().await;
    let (authority, bearer) = (stage.authority(), format!("Bearer {TOKEN}"));
    let good = || fields(&authority, &bearer);
    let with = |field: (&'static str, &'static str)| [good(), vec![field]].concat();
    let without = |name: &str| good().into_iter().filter(|(found, _)| *found != name).collect::<Vec<_>>();
    for (what, fields) in [
        ("upper case", with(("X-Y", "z"))),
        ("a blank in a name", with(("x y", "z"))),
        ("a colon in a name", with(("x:y", "z"))),
        ("a control byte in a value", with(("x", "a\0b"))),
        ("c16: a line end in a value", with(("x", "a\r\ny: z"))),
        ("a field of the connection", with(("connection", "close"))),
        ("another", with(("keep-alive", "timeout=5"))),
        ("c02: a coding", with(("transfer-encoding", "chunked"))),
        ("c06: an upgrade", with(("upgrade", "websocket"))),
        ("a pseudo-field behind a field", with((":path", "/b"))),
        ("a pseudo-field nobody knows", [vec![(":unknown", "x")], good()].concat()),
        ("a pseudo-field of responses", [vec![(":status", "200")], good()].concat()),
        ("two paths", [vec![(":path", "/b")], good()].concat()),
        ("two authorities", [vec![(":authority", "b.example")], good()].concat()),
        ("two methods", [vec![(":method", "POST")], good()].concat()),
        ("no path", without(":path")),
        ("no method", without(":method")),
        ("no scheme", without(":scheme")),
        ("an empty path", [vec![(":path", "")], without(":path")].concat()),
        (
            "extended CONNECT",
            [vec![(":protocol", "websocket"), (":method", "CONNECT")], without(":method")].concat(),
        ),
        ("c01: a length without a body", with(("content-length", "5"))),
    ] {
        refused(&mut stage, what, &[frame(HEADERS, WHOLE, 1, &block(&fields))]).await;
    }
}

#[tokio::test]
async fn c09_connect_inside_a_tunnel_over_http2() {
    let stage = Stage::new().await;
    let mut wire = opened(&stage).await;
    let authority = stage.authority();
    let fields = [(":method", "CONNECT"), (":authority", authority.as_str())];
    wire.send_bytes(&frame(HEADERS, 0x4, 1, &block(&fields))).await;
    assert_eq!(verdict(&mut wire).await, HEADERS, "a refusal with its reason");
    assert_eq!(stage.gate.refused().last().map(|(_, reason)| *reason), Some("connect_inside"));
}

#[tokio::test]
async fn frames_that_do_not_belong_end_the_connection_on_record() {
    let mut stage = Stage::new().await;
    let (authority, bearer) = (stage.authority(), format!("Bearer {TOKEN}"));
    let good = block(&fields(&authority, &bearer));
    for (what, frames) in [
        ("data of no stream", vec![frame(0, 0, 1, b"abc")]),
        ("a stream of ours", vec![frame(HEADERS, WHOLE, 2, &good)]),
        ("a block that is interrupted", vec![frame(HEADERS, 0x1, 1, &good), frame(SETTINGS, 0, 0, &[])]),
        ("a block of another stream", vec![frame(HEADERS, 0x1, 1, &good), frame(9, 0x4, 3, b"")]),
        ("an index nobody set", vec![frame(HEADERS, WHOLE, 1, &[0xff, 0xff, 0x7f])]),
        ("a push", vec![frame(5, 0x4, 1, &[0, 0, 0, 2])]),
        ("settings of odd length", vec![frame(SETTINGS, 0, 0, &[0; 5])]),
        ("a frame longer than was allowed", vec![frame(0, 0, 1, &vec![0; 20_000])]),
        ("more padding than payload", vec![frame(HEADERS, WHOLE | 0x8, 1, &[9, 0])]),
        ("a window beyond all bounds", vec![frame(8, 0, 0, &0x7fff_ffffu32.to_be_bytes())]),
    ] {
        refused(&mut stage, what, &frames).await;
    }
    stage.tasks.stop();
    stage.tasks.ended().await;
    let refused = stage.gate.refused();
    assert_eq!(refused.len(), 10, "{refused:?}");
    assert!(refused.iter().all(|(_, reason)| *reason == "http2"), "{refused:?}");
}

#[tokio::test]
async fn j12_floods_end_the_connection_on_record() {
    for (what, flood) in [
        ("settings", frame(SETTINGS, 0, 0, &[])),
        ("pings", frame(6, 0, 0, &[0; 8])),
        ("priorities", frame(2, 0, 1, &[0, 0, 0, 0, 1])),
        ("frames nobody knows", frame(0x42, 0, 0, &[])),
    ] {
        let stage = Stage::new().await;
        let mut wire = opened(&stage).await;
        // In one piece: once the proxy has had enough, nothing more can be written.
        wire.send_bytes(&flood.repeat(4000)).await;
        wire.rest().await;
        stage.tasks.stop();
        stage.tasks.ended().await;
        assert_eq!(stage.gate.refused().first().map(|(_, reason)| *reason), Some("http2_flood"), "{what}");
    }
}

#[tokio::test]
async fn j12_streams_that_are_opened_and_reset_end_the_connection() {
    let stage = Stage::new().await;
    let (authority, bearer) = (stage.authority(), format!("Bearer {TOKEN}"));
    let good = block(&fields(&authority, &bearer));
    let mut wire = opened(&stage).await;
    let mut frames = Vec::new();
    for stream in (1..2000).step_by(2) {
        frames.extend(frame(HEADERS, WHOLE, stream, &good));
        frames.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
    }
    wire.send_bytes(&frames).await;
    wire.rest().await;
    stage.tasks.stop();
    stage.tasks.ended().await;
    assert_eq!(stage.gate.refused().first().map(|(_, reason)| *reason), Some("http2_flood"));
}

#[tokio::test]
async fn j12_a_block_without_an_end() {
    let stage = Stage::new().await;
    let mut wire = opened(&stage).await;
    let mut frames = frame(HEADERS, 0x1, 1, &block(&[(":method", "GET")]));
    for _ in 0..2000 {
        frames.extend(frame(9, 0, 1, &block(&[("x", &"y".repeat(100))])));
    }
    wire.send_bytes(&frames).await;
    assert_eq!(verdict(&mut wire).await, GOAWAY);
}

#[tokio::test]
async fn j12_a_client_of_frames_that_says_nothing_is_let_go() {
    let limit = Duration::from_millis(50);
    let limits = Limits { head: limit, idle: limit, body: limit, floor: 1, linger: limit };
    let stage = Stage::with(Plan { limits, ..Plan::default() }).await;
    for said in [&b"PRI * HT"[..], STARTS, &[STARTS, &frame(SETTINGS, 0, 0, &[])[..5]].concat()] {
        let mut wire = stage.tunnel_of_frames().await;
        wire.send_bytes(said).await;
        wire.rest().await;
    }
    let mut wire = opened(&stage).await;
    wire.send_bytes(&frame(HEADERS, 0, 1, &block(&[(":method", "GET")]))).await;
    wire.rest().await;
    stage.tasks.stop();
    stage.tasks.ended().await;
    let refused = stage.gate.refused();
    assert_eq!(refused.iter().filter(|(_, reason)| *reason == "too_slow").count(), 3, "{refused:?}");
}
