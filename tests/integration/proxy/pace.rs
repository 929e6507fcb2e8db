//! J12: whoever is slow holds the other side back and not memory, and whoever is too slow is let go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use exeat::planes::network::proxy::Limits;
use h2::Reason;
use tokio::io::AsyncWriteExt as _;

use super::http2;
use super::stage::{Plan, Stage};
use super::wire::Wire;

const WHOLE: usize = 32 * 1024 * 1024;
const PIECE: usize = 64 * 1024;
/// What the proxy may hold is a hundred times less; the rest is room in the sockets of this machine.
const ON_THE_WAY: usize = 16 * 1024 * 1024;

/// Sends much; says how much of it has gone.
fn sends(stage: &Stage, mut by: Wire) -> Arc<AtomicUsize> {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    stage.tasks.spawn(async move {
        for _ in 0..WHOLE / PIECE {
            by.send_bytes(&vec![b'x'; PIECE]).await;
            count.fetch_add(PIECE, Ordering::SeqCst);
        }
        std::future::pending::<()>().await;
    });
    sent
}

async fn takes_slowly(reader: &mut Wire, sent: &AtomicUsize) {
    for read in (PIECE..=WHOLE).step_by(PIECE) {
        reader.exactly(PIECE).await;
        tokio::task::yield_now().await;
        assert!(sent.load(Ordering::SeqCst) <= read + ON_THE_WAY, "the proxy holds what nobody takes");
    }
}

/// A client that has asked, and an upstream that has begun a long answer.
async fn answering(stage: &mut Stage) -> (Wire, Wire) {
    let mut wire = stage.tunnel().await;
    wire.send(&(stage.request("GET", "/a") + "\r\n")).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    upstream.send(&long()).await;
    wire.head().await;
    (wire, upstream)
}

fn long() -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {WHOLE}\r\n\r\n")
}

#[tokio::test]
async fn j12_a_slow_client_holds_the_upstream_back() {
    let mut stage = Stage::new().await;
    let (mut wire, upstream) = answering(&mut stage).await;
    let sent = sends(&stage, upstream);
    takes_slowly(&mut wire, &sent).await;
    assert_eq!(stage.outcome().await.bytes_down, WHOLE as u64);
}

#[tokio::test]
async fn j12_a_slow_reader_of_a_stream_holds_the_upstream_back() {
    let mut stage = Stage::new().await;
    let mut client = http2::client(&stage).await;
    let answer = http2::get(&stage, &mut client, "/lasting").await;
    let (mut upstream, _) = http2::reached(&mut stage).await;
    upstream.send(&long()).await;
    let sent = sends(&stage, upstream);
    let (mut body, mut read) = (answer.await.unwrap().into_body(), 0);
    while let Some(piece) = body.data().await {
        let piece = piece.unwrap();
        read += piece.len();
        tokio::task::yield_now().await;
        assert!(sent.load(Ordering::SeqCst) <= read + ON_THE_WAY);
        body.flow_control().release_capacity(piece.len()).unwrap();
    }
    assert_eq!(read, WHOLE);
    assert_eq!(stage.outcome().await.bytes_down, WHOLE as u64);
}

#[tokio::test]
async fn j12_a_slow_upstream_holds_the_client_back() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    wire.send(&(stage.request("POST", "/a") + &format!("Content-Length: {WHOLE}\r\n\r\n"))).await;
    let mut upstream = stage.upstream.connection().await;
    upstream.head().await;
    let sent = sends(&stage, wire);
    takes_slowly(&mut upstream, &sent).await;
    upstream.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(stage.outcome().await.bytes_up, WHOLE as u64);
}

#[tokio::test]
async fn j12_a_client_that_takes_nothing_ends_its_use() {
    let limits = Limits { body: Duration::from_millis(100), ..Limits::default() };
    let mut stage = Stage::with(Plan { limits, ..Plan::default() }).await;
    let (_wire, upstream) = answering(&mut stage).await;
    stage.tasks.spawn(async move {
        // Ends with an error when the proxy closes.
        drop(upstream.into_inner().write_all(&vec![b'x'; WHOLE]).await);
    });
    assert!(stage.outcome().await.broken.is_some());
}

#[tokio::test]
async fn j12_an_upload_that_only_drips_ends_its_stream_alone() {
    let limits = Limits { body: Duration::from_millis(100), ..Limits::default() };
    let mut stage = Stage::with(Plan { limits, ..Plan::default() }).await;
    let client = http2::client(&stage).await;
    let mut client = client.ready().await.unwrap();
    let asked = http2::request(&stage, "POST", "/a").body(()).unwrap();
    let (answer, mut body) = client.send_request(asked, false).unwrap();
    // Each drop alone would be in time.
    while body.send_data("a".into(), false).is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(answer.await.unwrap_err().reason(), Some(Reason::CANCEL));
    assert_eq!(stage.outcome().await.broken.as_deref(), Some("request_broke"));
}
