//! HTTP/2 between proxy and upstream: the credential stands in each request that is sent, and only requests of one agent with one credential
//! share a connection.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use h2::server::{Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::{HeaderMap, Request, Response};

use super::gate::{CREDENTIAL, OTHER_KEY, TOKEN};
use super::http2;
use super::stage::{Plan, Stage};
use super::wire::{Io, Wire};

type Asked = (Request<RecvStream>, SendResponse<Bytes>);

async fn stage(slot: &'static str) -> Stage {
    Stage::with(Plan { slot, alpn: &["h2", "http/1.1"], ..Plan::default() }).await
}

/// One connection to the upstream, seen as frames by an independent library.
struct Upstream(Connection<Box<dyn Io>, Bytes>);

impl Upstream {
    async fn of(stage: &mut Stage) -> Self {
        let io = stage.upstream.connection().await.into_inner();
        Self(h2::server::handshake(io).await.unwrap())
    }

    async fn request(&mut self) -> Asked {
        self.0.accept().await.unwrap().unwrap()
    }

    /// Answers, and lets what is to be written be written until `done`.
    async fn ok<T>(&mut self, (_, mut reply): Asked, done: impl Future<Output = T>) -> T {
        let mut body = reply.send_response(Response::new(()), false).unwrap();
        body.send_data("ok".into(), true).unwrap();
        self.while_serving(done).await
    }

    async fn while_serving<T>(&mut self, done: impl Future<Output = T>) -> T {
        tokio::select! {
            more = self.0.accept() => panic!("nothing more was expected: {more:?}"),
            done = done => done,
        }
    }
}

fn only<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next().unwrap().to_str().unwrap();
    assert!(values.next().is_none(), "{name} is there once");
    value
}

async fn ask(stage: &Stage, wire: &mut Wire) {
    wire.send(&(stage.request("GET", "/a?b=c%20") + "\r\n")).await;
}

#[tokio::test]
async fn the_credential_stands_in_its_slot_and_an_old_client_need_not_know() {
    for (slot, line, name, placed) in [
        ("bearer", format!("Authorization: Bearer {TOKEN}"), "authorization", format!("Bearer {CREDENTIAL}")),
        ("header:x-api-key", format!("X-API-Key: {TOKEN}"), "x-api-key", CREDENTIAL.to_owned()),
        (
            "basic:git",
            format!("Authorization: Basic {}", STANDARD.encode(format!("git:{TOKEN}"))),
            "authorization",
            format!("Basic {}", STANDARD.encode(format!("git:{CREDENTIAL}"))),
        ),
    ] {
        let mut stage = stage(slot).await;
        let mut wire = stage.tunnel().await;
        let authority = stage.authority();
        wire.send(&format!(
            "GET /a?b=c%20 HTTP/1.1\r\nHost: {authority}\r\nTE: trailers\r\n{line}\r\nX-Y: z\r\n\r\n"
        ))
        .await;
        let mut upstream = Upstream::of(&mut stage).await;
        let asked = upstream.request().await;
        let (uri, headers) = (asked.0.uri(), asked.0.headers());
        assert_eq!(uri.to_string(), format!("https://{authority}/a?b=c%20"));
        assert_eq!((only(headers, name), only(headers, "x-y"), headers.len()), (placed.as_str(), "z", 3));
        assert_eq!(only(headers, "accept-encoding"), "identity");
        assert_eq!(upstream.ok(asked, wire.answer()).await.text(), "ok");
        assert_eq!(stage.outcome().await.broken, None);
    }
}

#[tokio::test]
async fn requests_share_a_connection_and_each_has_its_credential() {
    let mut stage = stage("bearer").await;
    let mut first = stage.tunnel().await;
    ask(&stage, &mut first).await;
    let mut upstream = Upstream::of(&mut stage).await;
    let asked = upstream.request().await;
    assert_eq!(upstream.ok(asked, first.answer()).await.status, 200);
    let (mut a, mut b) = (stage.tunnel().await, stage.tunnel().await);
    ask(&stage, &mut a).await;
    let of_a = upstream.request().await;
    ask(&stage, &mut b).await;
    let of_b = upstream.request().await;
    for asked in [&of_a, &of_b] {
        assert_eq!(only(asked.0.headers(), "authorization"), format!("Bearer {CREDENTIAL}"));
    }
    assert_eq!(upstream.ok(of_b, b.answer()).await.text(), "ok");
    assert_eq!(upstream.ok(of_a, a.answer()).await.text(), "ok");
    assert!(!stage.upstream.was_reached());
}

#[tokio::test]
async fn another_agent_and_another_version_of_the_credential_get_their_own() {
    let mut stage = stage("bearer").await;
    let mut one = stage.tunnel().await;
    ask(&stage, &mut one).await;
    let mut first = Upstream::of(&mut stage).await;
    let of_one = first.request().await;
    let mut other = stage.tunnel_of(OTHER_KEY).await;
    ask(&stage, &mut other).await;
    let mut second = Upstream::of(&mut stage).await;
    let of_other = second.request().await;
    assert_eq!(second.ok(of_other, other.answer()).await.text(), "ok");
    assert_eq!(first.ok(of_one, one.answer()).await.text(), "ok");
    stage.gate.rotate();
    ask(&stage, &mut one).await;
    let mut third = Upstream::of(&mut stage).await;
    let asked = third.request().await;
    assert_eq!(third.ok(asked, one.answer()).await.text(), "ok");
}

#[tokio::test]
async fn a_credential_in_the_target_goes_over_http_1_alone() {
    let mut stage = stage("query:key").await;
    let mut wire = stage.tunnel().await;
    let authority = stage.authority();
    wire.send(&format!("GET /a?key={TOKEN} HTTP/1.1\r\nHost: {authority}\r\n\r\n")).await;
    let head = stage.upstream.connection().await.head().await;
    assert!(head.starts_with(&format!("GET /a?key={CREDENTIAL} HTTP/1.1\r\n")), "{head}");
}

#[tokio::test]
async fn a_call_with_trailers_goes_both_ways_at_once() {
    let mut stage = stage("bearer").await;
    let mut client = http2::client(&stage).await;
    let request = http2::request(&stage, "POST", "/echo.Echo/Talk")
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .body(())
        .unwrap();
    let (answer, mut up) = client.send_request(request, false).unwrap();
    let mut upstream = Upstream::of(&mut stage).await;
    let (request, mut reply) = upstream.request().await;
    assert_eq!(only(request.headers(), "te"), "trailers");
    assert_eq!(only(request.headers(), "content-type"), "application/grpc");
    let serving = stage.tasks.clone();
    serving.spawn(async move { while upstream.0.accept().await.is_some() {} });
    let mut down = reply.send_response(Response::new(()), false).unwrap();
    let mut heard = request.into_body();
    let mut answer = answer.await.unwrap().into_body();
    for word in ["one", "two", "three"] {
        up.send_data(word.into(), false).unwrap();
        assert_eq!(heard.data().await.unwrap().unwrap(), word);
        down.send_data(word.into(), false).unwrap();
        assert_eq!(answer.data().await.unwrap().unwrap(), word);
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("authorization", "Bearer attacker".parse().unwrap());
    trailers.insert("x-checksum", "1".parse().unwrap());
    up.send_trailers(trailers).unwrap();
    assert!(heard.data().await.is_none());
    let trailers = heard.trailers().await.unwrap().unwrap();
    assert_eq!(trailers.keys().collect::<Vec<_>>(), ["x-checksum"], "c12: no credential in trailers");
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    down.send_trailers(trailers).unwrap();
    assert!(answer.data().await.is_none());
    assert_eq!(only(&answer.trailers().await.unwrap().unwrap(), "grpc-status"), "0");
    let outcome = stage.outcome().await;
    assert_eq!((outcome.bytes_up, outcome.bytes_down, outcome.broken), (11, 11, None));
}

#[tokio::test]
async fn e02_an_echo_is_masked_across_frames_and_in_trailers() {
    let mut stage = stage("bearer").await;
    let mut client = http2::client(&stage).await;
    let answer = http2::get(&stage, &mut client, "/echo").await;
    let mut upstream = Upstream::of(&mut stage).await;
    let (_, mut reply) = upstream.request().await;
    let said = Response::builder().header("x-echo", CREDENTIAL).body(()).unwrap();
    let mut body = reply.send_response(said, false).unwrap();
    for piece in CREDENTIAL.as_bytes().chunks(5) {
        body.send_data(piece.to_vec().into(), false).unwrap();
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-message", format!("no {CREDENTIAL}").parse().unwrap());
    body.send_trailers(trailers).unwrap();
    let stars = "*".repeat(CREDENTIAL.len());
    let heard = async {
        let answer = answer.await.unwrap();
        let echoed = only(answer.headers(), "x-echo").to_owned();
        (echoed, http2::whole(answer).await)
    };
    let (echoed, (body, trailers)) = upstream.while_serving(heard).await;
    assert_eq!((echoed, &body[..]), (stars.clone(), stars.as_bytes()));
    assert_eq!(only(&trailers.unwrap(), "grpc-message"), format!("no {stars}"));
    assert_eq!(stage.outcome().await.masked.map(std::num::NonZeroU64::get), Some(3));
}

#[tokio::test]
async fn g04_a_cut_resets_its_stream_upstream_and_no_other() {
    let mut stage = stage("bearer").await;
    let mut client = http2::client(&stage).await;
    let lasting = http2::get(&stage, &mut client, "/lasting").await;
    let mut upstream = Upstream::of(&mut stage).await;
    let of_lasting = upstream.request().await;
    let cut = http2::get(&stage, &mut client, "/events").await;
    let (_of_cut, mut reply) = upstream.request().await;
    stage.gate.cut.cancel();
    assert_eq!(cut.await.unwrap_err().reason(), Some(Reason::CANCEL));
    let reset = std::future::poll_fn(|cx| reply.poll_reset(cx));
    assert_eq!(upstream.while_serving(reset).await.unwrap(), Reason::CANCEL);
    let answer = upstream.ok(of_lasting, async { http2::whole(lasting.await.unwrap()).await }).await;
    assert_eq!(answer.0, "ok");
}

#[tokio::test]
async fn an_upstream_that_said_goodbye_is_connected_to_again() {
    let mut stage = stage("bearer").await;
    let mut wire = stage.tunnel().await;
    for _ in 0..3 {
        ask(&stage, &mut wire).await;
        let mut upstream = Upstream::of(&mut stage).await;
        let asked = upstream.request().await;
        assert_eq!(upstream.ok(asked, wire.answer()).await.text(), "ok");
        upstream.0.graceful_shutdown();
        while let Some(Ok(_)) = upstream.0.accept().await {}
    }
}

#[tokio::test]
async fn more_requests_than_one_connection_takes_get_another() {
    let mut stage = stage("bearer").await;
    let mut client = http2::client(&stage).await;
    let first = http2::get(&stage, &mut client, "/a").await;
    let mut upstream = Upstream::of(&mut stage).await;
    let asked = upstream.request().await;
    upstream.ok(asked, async { http2::whole(first.await.unwrap()).await }).await;
    let mut waiting = Vec::new();
    let mut open = Vec::new();
    for _ in 0..32 {
        waiting.push(http2::get(&stage, &mut client, "/a").await);
        open.push(upstream.request().await);
    }
    let one_more = http2::get(&stage, &mut client, "/a").await;
    let mut second = Upstream::of(&mut stage).await;
    let asked = second.request().await;
    let answer = second.ok(asked, async { http2::whole(one_more.await.unwrap()).await }).await;
    assert_eq!(answer.0, "ok");
}

#[tokio::test]
async fn a_response_without_a_length_reaches_an_old_client_in_chunks() {
    let mut stage = stage("bearer").await;
    let mut wire = stage.tunnel().await;
    wire.send(
        &(stage.request("POST", "/a") + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n"),
    )
    .await;
    let mut upstream = Upstream::of(&mut stage).await;
    let (mut request, mut reply) = upstream.request().await;
    assert!(!request.headers().contains_key("transfer-encoding"));
    let body = request.body_mut();
    assert_eq!(upstream.while_serving(body.data()).await.unwrap().unwrap(), "abc");
    let mut down = reply.send_response(Response::new(()), false).unwrap();
    down.send_data("event".into(), false).unwrap();
    let head = upstream.while_serving(wire.head()).await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("transfer-encoding: chunked"), "{head}");
    assert_eq!(upstream.while_serving(wire.chunk()).await, b"event");
    down.send_data(Bytes::new(), true).unwrap();
    assert!(upstream.while_serving(wire.chunk()).await.is_empty());
    assert_eq!(stage.outcome().await.broken, None);
}
