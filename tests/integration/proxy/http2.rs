//! HTTP/2 between client and proxy: each stream is a request of its own, whatever its neighbours do.

use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use exeat::planes::network::proxy::Limits;
use h2::client::SendRequest;
use h2::{Reason, RecvStream};
use http::{HeaderMap, Request, Response};

use super::gate::{CREDENTIAL, TOKEN};
use super::stage::{Plan, Stage, key_line};
use super::wire::Wire;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A client that speaks HTTP/2 to the governed upstream.
pub(super) async fn client(stage: &Stage) -> SendRequest<Bytes> {
    let io = stage.tunnel_of_frames().await.into_inner();
    let (sender, connection) = h2::client::handshake(io).await.unwrap();
    stage.tasks.spawn(async move { drop(connection.await) });
    sender.ready().await.unwrap()
}

/// A request with the good token.
pub(super) fn request(stage: &Stage, method: &str, path: &str) -> http::request::Builder {
    let uri = format!("https://{}{path}", stage.authority());
    Request::builder().method(method).uri(uri).header("authorization", format!("Bearer {TOKEN}"))
}

/// Sends a request without a body.
pub(super) async fn get(
    stage: &Stage,
    client: &mut SendRequest<Bytes>,
    path: &str,
) -> h2::client::ResponseFuture {
    let mut client = client.clone().ready().await.unwrap();
    client.send_request(request(stage, "GET", path).body(()).unwrap(), true).unwrap().0
}

/// The whole body, given back piece by piece, and its trailers.
pub(super) async fn whole(response: Response<RecvStream>) -> (Bytes, Option<HeaderMap>) {
    let (mut body, mut bytes) = (response.into_body(), Vec::new());
    while let Some(piece) = body.data().await {
        let piece = piece.unwrap();
        body.flow_control().release_capacity(piece.len()).unwrap();
        bytes.extend_from_slice(&piece);
    }
    (bytes.into(), body.trailers().await.unwrap())
}

async fn problem(response: Response<RecvStream>, member: &str) -> String {
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let document: serde_json::Value = serde_json::from_slice(&whole(response).await.0).unwrap();
    document[member].as_str().unwrap_or_default().to_owned()
}

/// The next upstream connection, with the head of its first request.
pub(super) async fn reached(stage: &mut Stage) -> (Wire, String) {
    let mut upstream = stage.upstream.connection().await;
    let head = upstream.head().await;
    (upstream, head)
}

#[tokio::test]
async fn d02_a_stream_is_sent_on_as_what_was_judged() {
    let mut stage = Stage::new().await;
    let mut client = client(&stage).await;
    let answer = get(&stage, &mut client, "/v1/a%20b?x=1&x=2").await;
    let (mut upstream, head) = reached(&mut stage).await;
    let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
    assert_eq!(lines.remove(0), "GET /v1/a%20b?x=1&x=2 HTTP/1.1");
    lines.sort_unstable();
    let host = format!("host: {}", stage.authority());
    let credential = format!("authorization: Bearer {CREDENTIAL}");
    assert_eq!(lines, ["accept-encoding: identity", &credential, &host], "exactly these lines");
    upstream.send("HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nContent-Length: 2\r\n\r\nok").await;
    let answer = answer.await.unwrap();
    assert!(answer.status() == 200 && !answer.headers().contains_key("x-hop"), "{answer:?}");
    assert_eq!(whole(answer).await.0, "ok");
    let outcome = stage.outcome().await;
    assert_eq!((outcome.status, outcome.bytes_down, outcome.broken), (Some(200), 2, None));
    assert!(stage.gate.admitted()[0].contains("/v1/a%20b?"));
}

#[tokio::test]
async fn c05_each_stream_is_decided_by_itself() {
    let mut stage = Stage::new().await;
    let mut client = client(&stage).await;
    let first = get(&stage, &mut client, "/a").await;
    let (mut upstream, _) = reached(&mut stage).await;
    let refused = get(&stage, &mut client, "/secret").await.await.unwrap();
    assert_eq!(refused.status(), 403);
    assert_eq!(problem(refused, "ask").await, "exeat request");
    upstream.send(OK).await;
    assert_eq!(whole(first.await.unwrap()).await.0, "ok");
    assert_eq!(stage.gate.admitted().len(), 1);
}

#[tokio::test]
async fn what_has_two_readings_is_refused_with_its_reason() {
    let mut stage = Stage::new().await;
    let mut client = client(&stage).await;
    let authority = stage.authority();
    let uri = |authority: &str, path: &str| format!("https://{authority}{path}");
    for (uri, method, field, reason) in [
        (uri("attacker.example", "/a"), "GET", ("x", "y"), "host_is_not_tunnel"),
        (uri(&authority, "/a"), "GET", ("host", "attacker.example"), "host_is_not_target"),
        (uri(&authority, "/a/../secret"), "GET", ("x", "y"), "dot_segment"),
        (uri(&authority, "/a"), "TRACE", ("x", "y"), "method_unknown"),
        (uri(&authority, "/a"), "POST", ("expect", "200-maybe"), "expectation"),
        (uri(&authority, "/a"), "GET", ("x", "é"), "header_value"),
        (uri(&authority, "/a"), "GET", ("authorization", "Bearer attacker"), "two_credentials"),
        (uri(&authority, "/a"), "GET", ("cookie", "a=b"), "credential_outside_slot"),
        (uri(&authority, "/a"), "GET", ("x-http-method-override", "DELETE"), "header_overrides_target"),
        (uri(&authority, "/a"), "GET", ("x-request-id", TOKEN), "token_elsewhere"),
    ] {
        let value = http::HeaderValue::from_bytes(field.1.as_bytes()).unwrap();
        let request = Request::builder()
            .method(method)
            .uri(&uri)
            .header("authorization", format!("Bearer {TOKEN}"))
            .header(field.0, value);
        client = client.ready().await.unwrap();
        let (answer, _) = client.send_request(request.body(()).unwrap(), true).unwrap();
        let answer = answer.await.unwrap();
        assert!(answer.status().is_client_error(), "{uri} {field:?}");
        let found = problem(answer, "reason").await;
        assert!(found == reason || reason == "dot_segment", "{uri} {field:?}: {found}");
    }
    assert!(!stage.upstream.was_reached());
    assert_eq!(stage.gate.refused().len(), 10, "each is on record");
}

#[tokio::test]
async fn g04_a_cut_resets_its_stream_and_no_other() {
    let mut stage = Stage::new().await;
    let mut client = client(&stage).await;
    let cut = get(&stage, &mut client, "/events").await;
    let (mut of_cut, _) = reached(&mut stage).await;
    let lasting = get(&stage, &mut client, "/lasting").await;
    let (mut of_lasting, _) = reached(&mut stage).await;
    let start = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    of_cut.send(start).await;
    of_lasting.send(start).await;
    let (mut cut, mut lasting) = (cut.await.unwrap().into_body(), lasting.await.unwrap().into_body());
    assert_eq!(
        (cut.data().await.unwrap().unwrap(), lasting.data().await.unwrap().unwrap()),
        ("abc".into(), "abc".into())
    );
    stage.gate.cut.cancel();
    let error = cut.data().await.unwrap().unwrap_err();
    assert_eq!(error.reason(), Some(Reason::CANCEL), "it does not look complete");
    assert!(of_cut.rest().await.0.is_empty(), "its upstream connection is given up");
    assert_eq!(stage.outcome().await.broken.as_deref(), Some("cut"));
    of_lasting.send("3\r\ndef\r\n0\r\n\r\n").await;
    assert_eq!(lasting.data().await.unwrap().unwrap(), "def");
    assert!(lasting.data().await.is_none_or(|last| last.unwrap().is_empty()));
    assert_eq!(stage.outcome().await.broken, None);
}

#[tokio::test]
async fn g04_a_cut_ends_a_stream_that_nobody_reads_and_one_without_an_answer() {
    let mut stage = Stage::new().await;
    let mut client = client(&stage).await;
    let unread = get(&stage, &mut client, "/events").await;
    let (mut of_unread, _) = reached(&mut stage).await;
    // More than the client's window, so that the proxy waits for the client.
    of_unread
        .send(&format!("HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n{}", "x".repeat(200_000)))
        .await;
    let unread = unread.await.unwrap();
    let unanswered = get(&stage, &mut client, "/slow").await;
    let (mut of_unanswered, _) = reached(&mut stage).await;
    stage.gate.cut.cancel();
    assert_eq!(unanswered.await.unwrap_err().reason(), Some(Reason::CANCEL));
    of_unanswered.rest().await;
    of_unread.rest().await;
    for _ in 0..2 {
        assert_eq!(stage.outcome().await.broken.as_deref(), Some("cut"));
    }
    drop(unread);
}

#[tokio::test]
async fn a_client_that_gives_up_a_stream_is_recorded_and_keeps_the_others() {
    let mut stage = Stage::new().await;
    let mut client = client(&stage).await;
    let answer = get(&stage, &mut client, "/slow").await;
    let (mut upstream, _) = reached(&mut stage).await;
    drop(answer);
    assert_eq!(stage.outcome().await.broken.as_deref(), Some("client_gone"));
    assert!(upstream.rest().await.0.is_empty());
    let answer = get(&stage, &mut client, "/a").await;
    let (mut upstream, _) = reached(&mut stage).await;
    upstream.send(OK).await;
    assert_eq!(whole(answer.await.unwrap()).await.0, "ok");
}

#[tokio::test]
async fn a_panic_ends_one_stream_and_no_other() {
    let mut stage = Stage::new().await;
    let mut client = client(&stage).await;
    assert!(get(&stage, &mut client, "/panic").await.await.is_err());
    let answer = get(&stage, &mut client, "/a").await;
    let (mut upstream, _) = reached(&mut stage).await;
    upstream.send(OK).await;
    assert_eq!(whole(answer.await.unwrap()).await.0, "ok");
}

#[tokio::test]
async fn a_body_travels_piece_by_piece_and_is_chunked_where_its_length_is_not_said() {
    let mut stage = Stage::new().await;
    let client = client(&stage).await;
    let mut client = client.ready().await.unwrap();
    let (answer, mut body) =
        client.send_request(request(&stage, "POST", "/upload").body(()).unwrap(), false).unwrap();
    let (mut upstream, head) = reached(&mut stage).await;
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    for piece in ["one", "two", "six"] {
        body.send_data(piece.into(), false).unwrap();
        assert_eq!(upstream.chunk().await, piece.as_bytes());
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("authorization", "Bearer attacker".parse().unwrap());
    body.send_trailers(trailers).unwrap();
    assert_eq!(upstream.until(b"0\r\n\r\n").await, b"0\r\n\r\n", "c12: trailers end here");
    upstream.send(OK).await;
    assert_eq!(whole(answer.await.unwrap()).await.0, "ok");
    assert_eq!(stage.outcome().await.bytes_up, 9);
}

#[tokio::test]
async fn c01_a_body_that_is_not_as_long_as_was_said() {
    for (sent, end) in [("abcdef", false), ("ab", true)] {
        let mut stage = Stage::new().await;
        let mut client = client(&stage).await.ready().await.unwrap();
        let asked = request(&stage, "POST", "/a").header("content-length", "3").body(()).unwrap();
        let (answer, mut body) = client.send_request(asked, false).unwrap();
        let mut upstream = stage.upstream.connection().await;
        upstream.head().await;
        body.send_data(sent.into(), end).unwrap();
        assert!(answer.await.is_err(), "the stream is reset");
        let (rest, _) = upstream.rest().await;
        assert!(rest.len() < 3, "what is not as it was said is not completed: {rest:?}");
        assert!(stage.outcome().await.broken.is_some());
    }
}

#[tokio::test]
async fn trailers_of_a_response_arrive() {
    let mut stage = Stage::new().await;
    let mut client = client(&stage).await;
    let answer = get(&stage, &mut client, "/a").await;
    let (mut upstream, _) = reached(&mut stage).await;
    upstream
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: grpc-status\r\n\r\n2\r\nok\r\n0\r\ngrpc-status: 0\r\nx-exeat-use: forged\r\n\r\n")
        .await;
    let (body, trailers) = whole(answer.await.unwrap()).await;
    let trailers = trailers.unwrap();
    assert_eq!((&body[..], &trailers["grpc-status"]), (&b"ok"[..], &"0".parse().unwrap()));
    assert!(!trailers.contains_key("x-exeat-use"), "e08: what is ours ends here");
    assert_eq!(stage.outcome().await.broken, None);
}

#[tokio::test]
async fn j12_an_upload_that_stops_ends_its_stream_alone() {
    let limits = Limits { body: Duration::from_millis(100), ..Limits::default() };
    let mut stage = Stage::with(Plan { limits, ..Plan::default() }).await;
    let mut client = client(&stage).await.ready().await.unwrap();
    let asked = request(&stage, "POST", "/a").body(()).unwrap();
    let (answer, mut body) = client.send_request(asked, false).unwrap();
    body.send_data("abc".into(), false).unwrap();
    let (mut upstream, _) = reached(&mut stage).await;
    assert_eq!(answer.await.unwrap_err().reason(), Some(Reason::CANCEL));
    upstream.rest().await;
    assert_eq!(stage.outcome().await.broken.as_deref(), Some("request_broke"));
    let answer = get(&stage, &mut client, "/lasting").await;
    let (mut upstream, _) = reached(&mut stage).await;
    upstream.send(OK).await;
    assert_eq!(whole(answer.await.unwrap()).await.0, "ok");
}

#[tokio::test]
async fn shutdown_lets_open_streams_finish() {
    let mut stage = Stage::new().await;
    let mut client = client(&stage).await;
    let answer = get(&stage, &mut client, "/a").await;
    let (mut upstream, _) = reached(&mut stage).await;
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no").await;
    let answer = answer.await.unwrap();
    stage.tasks.stop();
    upstream.send("k").await;
    assert_eq!(whole(answer).await.0, "ok");
    assert_eq!(stage.outcome().await.broken, None);
    drop(client);
    stage.tasks.ended().await;
}

#[tokio::test]
async fn i01_curl_speaks_http2() {
    let mut stage = Stage::new().await;
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root.pem");
    std::fs::write(&root, stage.root()).unwrap();
    let url = format!("https://{}/a", stage.authority());
    let curl = tokio::process::Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--http2",
            "--noproxy",
            "",
            "--write-out",
            " over %{http_version}",
        ])
        .args(["--proxy", &format!("http://{}", stage.proxy)])
        .args(["--proxy-header", key_line().trim_end()])
        .args(["--header", &format!("Authorization: Bearer {TOKEN}"), "--data", "abc"])
        .arg("--cacert")
        .arg(&root)
        .arg(&url)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut upstream, head) = reached(&mut stage).await;
    assert!(head.starts_with("POST /a HTTP/1.1\r\n") && head.contains("content-length: 3"), "{head}");
    assert_eq!(upstream.exactly(3).await, b"abc");
    upstream.send(OK).await;
    let output = curl.wait_with_output().await.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ok over 2", "{output:?}");
}
