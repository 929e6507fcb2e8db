//! Name confusion: a credential goes to the place it is for, whatever the other names say.

use super::stage::{HOST, Stage, key_line};

/// The reason the last refusal was recorded with.
fn last_reason(stage: &Stage) -> Option<&'static str> {
    stage.gate.refused().last().map(|(_, reason)| *reason)
}

#[tokio::test]
async fn a01_host_of_an_attacker_behind_an_allowed_name() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    wire.send(&stage.request("GET", "/a").replace(&stage.authority(), "attacker.example")).await;
    wire.send("\r\n").await;
    let answer = wire.answer().await;
    assert_eq!((answer.status, answer.problem("reason").as_str()), (421, "host_is_not_tunnel"));
    assert!(!stage.upstream.was_reached());
}

#[tokio::test]
async fn a02_b08_an_address_in_connect_is_not_the_host_it_claims() {
    let mut stage = Stage::new().await;
    let port = stage.upstream.address.port();
    for address in ["203.0.113.5:443".to_owned(), format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
        let (_, answer) = stage.connect(&address).await;
        assert_eq!((answer.status, answer.problem("reason").as_str()), (403, "not_governed"), "{address}");
    }
    assert!(!stage.upstream.was_reached());
}

#[tokio::test]
async fn a03_the_proxy_dials_its_own_resolution_made_once() {
    let mut stage = Stage::new().await;
    let mut wire = stage.tunnel().await;
    for _ in 0..2 {
        wire.send(&(stage.request("GET", "/a") + "\r\n")).await;
        let mut upstream = stage.upstream.connection().await;
        upstream.head().await;
        upstream.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(wire.answer().await.status, 200);
    }
    assert_eq!(stage.names.times_asked(), 1);
}

#[tokio::test]
async fn a04_another_name_in_tls_than_in_connect() {
    let mut stage = Stage::new().await;
    stage.also_govern("other", "other.example.test", stage.upstream.address.port());
    assert!(stage.tls(&stage.authority(), "other.example.test").await.is_err());
    assert_eq!(last_reason(&stage), Some("server_name"));
    assert!(!stage.upstream.was_reached());
}

#[tokio::test]
async fn a06_absolute_form_inside_a_tunnel() {
    let mut stage = Stage::new().await;
    for url in ["https://b.example/", &format!("https://{}/a", stage.authority())] {
        let mut wire = stage.tunnel().await;
        let host = url.split('/').nth(2).unwrap();
        let request = stage
            .request("GET", url)
            .replace(&format!("Host: {}", stage.authority()), &format!("Host: {host}"));
        wire.send(&(request + "\r\n")).await;
        let answer = wire.answer().await;
        assert_eq!(
            (answer.status, answer.problem("type").as_str()),
            (400, "urn:exeat:problem:request_ambiguous")
        );
    }
    assert!(!stage.upstream.was_reached());
}

#[tokio::test]
async fn a07_a_host_is_canonical_or_refused() {
    let mut stage = Stage::new().await;
    let authority = stage.authority();
    for host in [format!("{HOST}."), format!("a@{authority}"), format!("{authority}\r\nHost: {authority}")] {
        let mut wire = stage.tunnel().await;
        wire.send(&format!("GET /a HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(wire.answer().await.status, 400, "{host}");
    }
    let mut wire = stage.tunnel().await;
    wire.send(&stage.request("GET", "/a").replace(HOST, "API.Example.TEST")).await;
    wire.send("\r\n").await;
    let head = stage.upstream.connection().await.head().await;
    assert!(head.contains(&format!("host: {authority}\r\n")), "{head}");
}

#[tokio::test]
async fn a08_a_host_beyond_ascii() {
    let stage = Stage::new().await;
    let mut wire = stage.client().await;
    wire.send(&format!(
        "CONNECT аpi.example.test:443 HTTP/1.1\r\nHost: api.example.test:443\r\n{}\r\n",
        key_line()
    ))
    .await;
    let answer = wire.answer().await;
    assert_eq!((answer.status, answer.problem("reason").as_str()), (400, "byte_beyond_ascii"));
    let (_, answer) = stage.connect("xn--pi-8cd.example.test:443").await;
    assert_eq!(answer.problem("reason"), "not_governed");
}

#[tokio::test]
async fn a09_names_around_a_governed_one_are_not_governed() {
    let stage = Stage::new().await;
    let port = stage.upstream.address.port();
    for host in ["a.api.example.test", "api.example.test.evil.com", "evilapi.example.test", "example.test"] {
        let (_, answer) = stage.connect(&format!("{host}:{port}")).await;
        assert_eq!(answer.problem("reason"), "not_governed", "{host}");
    }
}

#[tokio::test]
async fn a13_a_token_of_another_upstream() {
    let mut stage = Stage::new().await;
    let port = stage.upstream.address.port();
    stage.also_govern("other", "other.example.test", port);
    let mut wire = stage.tls(&format!("other.example.test:{port}"), "other.example.test").await.unwrap();
    wire.send(&stage.request("GET", "/a").replace(HOST, "other.example.test")).await;
    wire.send("\r\n").await;
    let answer = wire.answer().await;
    assert_eq!(
        (answer.status, answer.problem("type").as_str()),
        (403, "urn:exeat:problem:foreign_credential")
    );
    assert!(!stage.upstream.was_reached());
}

#[tokio::test]
async fn a12_a16_another_port_or_scheme_is_another_place() {
    let stage = Stage::new().await;
    let (_, answer) = stage.connect(&format!("{HOST}:8443")).await;
    assert_eq!(answer.problem("reason"), "not_governed");
    let mut wire = stage.client().await;
    let authority = stage.authority();
    wire.send(&format!("GET http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\n{}\r\n", key_line())).await;
    assert_eq!(wire.answer().await.problem("reason"), "not_governed");
    let mut wire = stage.tunnel().await;
    wire.send(&stage.request("GET", "/a").replace(&stage.authority(), HOST)).await;
    wire.send("\r\n").await;
    assert_eq!(wire.answer().await.status, 421, "a Host without port means port 443");
}

#[tokio::test]
async fn a17_no_name_in_tls_or_an_address() {
    let mut stage = Stage::new().await;
    for name in ["", "127.0.0.1"] {
        assert!(stage.tls(&stage.authority(), name).await.is_err(), "{name:?}");
        assert_eq!(last_reason(&stage), Some("server_name"), "{name:?}");
    }
    assert!(!stage.upstream.was_reached());
}
