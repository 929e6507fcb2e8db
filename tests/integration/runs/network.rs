//! Hosts that no upstream governs: closed until something granted to the run opens them, each connection on record, never a credential.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::Method;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixStream};

use super::shim::preface;
use super::{Run, end, events, plain, start};
use crate::house::{Agent, House, Upstream, answer};

const LOCAL: &str = "[proxy]\nallow_addresses = [\"127.0.0.0/8\", \"::1/128\"]\n";

fn item(hosts: &[String]) -> Value {
    json!([{"type": "network", "hosts": hosts}])
}

async fn open(house: &House, agent: &Agent, run: &Run, host: &str, limits: Value) -> String {
    let body = json!({"identity": "service:ci-bot", "reason": "to test", "run": run.id, "limits": limits,
        "items": item(&[host.to_owned()])});
    let approval = house.ask(agent, Method::POST, "/v1/approvals", Some(body)).await.expect(201);
    house.approve(&approval).await.expect(200);
    approval["id"].as_str().unwrap().to_owned()
}

/// Answers every request in the clear with what it was sent.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 65536];
            let read = stream.read(&mut head).await.unwrap_or(0);
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {read}\r\n\r\n");
            drop(stream.write_all(answer.as_bytes()).await);
            drop(stream.write_all(&head[..read]).await);
        }
    });
    address
}

/// The socket after `CONNECT host`, and the head of the answer.
async fn connected(run: &Run, host: &str) -> (UnixStream, String) {
    let mut door = UnixStream::connect(&run.socket).await.unwrap();
    let request = format!("{}CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n", preface());
    door.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(door.read_u8().await.unwrap());
    }
    (door, String::from_utf8(head).unwrap())
}

fn hello(name: &str) -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

#[tokio::test]
async fn a_granted_host_is_open_at_once_and_closed_when_it_is_revoked() {
    let (house, upstream) = (House::start_with(LOCAL), Upstream::start().await);
    let other = Upstream::start().await;
    let agent = house.install(&upstream, "bearer").await;
    let run = start(&house, &agent, plain("read-only")).await;
    let http = run.shim.client(&house, &[&other.certificate]);
    let host = format!("localhost:{}", other.address.port());
    assert!(http.get(other.url("/x")).send().await.is_err(), "not granted");
    let (_, told) = connected(&run, &host).await;
    assert!(told.starts_with("HTTP/1.1 403"), "{told}");
    let refused = answer(http.get(format!("http://{host}/x")).send().await.unwrap()).await;
    assert_eq!(
        (refused.problem(), &refused.body["missing"]),
        ("not_permitted", &item(std::slice::from_ref(&host)))
    );
    let mut ask = refused.body["ask"]["body"].clone();
    assert_eq!(ask["run"], run.id.as_str());
    ask["identity"] = json!("service:ci-bot");
    let approval = house.ask(&agent, Method::POST, "/v1/approvals", Some(ask)).await.expect(201);
    assert!(http.get(other.url("/x")).send().await.is_err(), "asked, not granted");
    house.approve(&approval).await.expect(200);

    let reached = http.get(other.url("/x")).send().await.unwrap();
    assert!(reached.status().as_u16() >= 200 && !other.heads().is_empty());
    let opened = events(&house, "connection_opened").await;
    assert_eq!(
        (opened.len(), &opened[0]["host"], &opened[0]["approval"]),
        (1, &json!(host), &approval["id"])
    );
    assert_eq!((&opened[0]["run"], &opened[0]["step"]["observed"]["pid"]), (&json!(run.id), &json!(77)));
    let climbed = events(&house, "run_climbed").await;
    assert_eq!(
        (&climbed[0]["to"], &climbed[0]["cause"]["refusal"]),
        (&json!("networked"), &refused.body["use"])
    );

    let (mut tunnel, told) = connected(&run, &host).await;
    assert!(told.starts_with("HTTP/1.1 200"), "{told}");
    tunnel.write_all(&hello("localhost")).await.unwrap();
    assert_ne!(tunnel.read(&mut [0; 16]).await.unwrap(), 0, "the host itself answers");
    let id = approval["id"].as_str().unwrap();
    house.review(Method::POST, &format!("/v1/approvals/{id}/revoke"), None).await.expect(200);
    drop(tunnel.read_to_end(&mut Vec::new()).await);
    let (_, told) = connected(&run, &host).await;
    assert!(told.starts_with("HTTP/1.1 403"), "{told}");
    end(&house, &agent, &run, json!({"cause": "exited"})).await.expect(204);
    let closed = events(&house, "connection_closed").await;
    assert_eq!(closed.len(), 2);
    let cut = closed.iter().find(|event| event["broken"] == "cut").unwrap();
    assert!(cut["bytes_up"].as_u64().unwrap() > 0 && cut["bytes_down"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn i08_an_open_host_closes_when_the_approval_ends() {
    let (house, upstream) = (House::start_with(LOCAL), Upstream::start().await);
    let other = Upstream::start().await;
    let agent = house.install(&upstream, "bearer").await;
    let run = start(&house, &agent, plain("read-only")).await;
    let host = format!("localhost:{}", other.address.port());
    open(&house, &agent, &run, &host, json!({"expires_in": 3})).await;
    let (mut tunnel, told) = connected(&run, &host).await;
    assert!(told.starts_with("HTTP/1.1 200"), "{told}");
    tunnel.write_all(&hello("localhost")).await.unwrap();
    drop(tunnel.read_to_end(&mut Vec::new()).await);
    let (_, told) = connected(&run, &host).await;
    assert!(told.starts_with("HTTP/1.1 403"), "{told}");
}

#[tokio::test]
async fn a_profile_opens_hosts_for_its_own_run_and_from_its_rung_on() {
    let (house, upstream) = (House::start_with(LOCAL), Upstream::start().await);
    let other = Upstream::start().await;
    let agent = house.install(&upstream, "bearer").await;
    let host = format!("localhost:{}", other.address.port());
    let mut body = plain("networked");
    body["network"] = item(std::slice::from_ref(&host));
    let (run, second) = (start(&house, &agent, body).await, start(&house, &agent, plain("networked")).await);
    run.shim.client(&house, &[&other.certificate]).get(other.url("/x")).send().await.unwrap();
    assert!(second.shim.client(&house, &[&other.certificate]).get(other.url("/x")).send().await.is_err());
    let reached = house.through_proxy(&agent).get(format!("http://{host}/x")).send().await.unwrap();
    assert_eq!(answer(reached).await.problem(), "destination_refused", "outside a run nothing is open");
    let opened = events(&house, "connection_opened").await;
    assert_eq!((opened.len(), &opened[0]["approval"], &opened[0]["run"]), (1, &Value::Null, &json!(run.id)));
}

#[tokio::test]
async fn a02_a_tunnel_speaks_tls_with_the_granted_name_or_not_at_all() {
    let (house, upstream) = (House::start_with(LOCAL), Upstream::start().await);
    let other = Upstream::start().await;
    let agent = house.install(&upstream, "bearer").await;
    let host = format!("localhost:{}", other.address.port());
    let mut body = plain("networked");
    body["network"] = item(std::slice::from_ref(&host));
    let run = start(&house, &agent, body).await;
    let words: [(&[u8], &str); 4] = [
        (&hello("evil.example.com"), "server_name"),
        (&hello("127.0.0.1"), "server_name"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "not_tls"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "not_tls"),
    ];
    for (said, _) in words {
        let (mut tunnel, told) = connected(&run, &host).await;
        assert!(told.starts_with("HTTP/1.1 200"), "{told}");
        tunnel.write_all(said).await.unwrap();
        let mut back = Vec::new();
        drop(tunnel.read_to_end(&mut back).await);
        assert!(back.is_empty(), "{back:?}");
    }
    end(&house, &agent, &run, json!({"cause": "exited"})).await.expect(204);
    let reasons: Vec<Value> =
        events(&house, "use_refused").await.iter().map(|one| one["reason"].clone()).collect();
    assert_eq!(reasons, words.map(|(_, reason)| json!(reason)));
    assert!(
        events(&house, "connection_closed").await.iter().all(|one| one["bytes_up"] == 0),
        "nothing was passed on"
    );
}

#[tokio::test]
async fn b08_an_address_is_not_the_name_that_was_granted() {
    let (house, upstream) = (House::start_with(LOCAL), Upstream::start().await);
    let other = Upstream::start().await;
    let agent = house.install(&upstream, "bearer").await;
    let port = other.address.port();
    let mut body = plain("networked");
    body["network"] = item(&[format!("localhost:{port}")]);
    let run = start(&house, &agent, body).await;
    for host in [format!("127.0.0.1:{port}"), format!("[::1]:{port}"), "localhost:1".to_owned()] {
        let (_, told) = connected(&run, &host).await;
        assert!(told.starts_with("HTTP/1.1 403"), "{host}: {told}");
    }
    assert!(events(&house, "connection_opened").await.is_empty());
}

#[tokio::test]
async fn b03_a_granted_host_at_a_private_address_is_refused_unless_an_operator_opens_the_range() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let mut body = plain("networked");
    let hosts = ["localhost:443", "10.0.0.1:443", "169.254.169.254:80", "metadata.google.internal:80"];
    body["network"] = item(&hosts.map(str::to_owned));
    let run = start(&house, &agent, body).await;
    for host in hosts {
        let (_, told) = connected(&run, host).await;
        assert!(told.starts_with("HTTP/1.1 403"), "{host}: {told}");
    }
    let reasons: Vec<Value> =
        events(&house, "use_refused").await.iter().map(|one| one["reason"].clone()).collect();
    let kinds = ["loopback_address", "private_address", "metadata_address", "metadata_address"];
    assert_eq!(reasons, kinds.map(|kind| json!(kind)));
}

#[tokio::test]
async fn e08_a_request_in_the_clear_goes_to_a_granted_host_and_carries_nothing_of_ours() {
    let (house, upstream) = (House::start_with(LOCAL), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let host = format!("localhost:{}", echo().await.port());
    let mut body = plain("networked");
    body["network"] = item(std::slice::from_ref(&host));
    body["credentials"] = json!([{"upstream": "files", "identity": "service:ci-bot"}]);
    let run = start(&house, &agent, body).await;
    let http = run.shim.client(&house, &[]);
    let url = format!("http://{host}/a?b=c");
    let sent = http.post(&url).header("x-mine", "1").body("text").send().await.unwrap();
    assert_eq!(sent.status(), 200);
    let echoed = sent.text().await.unwrap();
    assert!(echoed.starts_with("POST /a?b=c HTTP/1.1") && echoed.contains("x-mine: 1"), "{echoed}");
    let (_, token) = house.token(&agent, "/files/a", json!({})).await;
    let placeholder = run.placeholders["files"].as_str().unwrap();
    for ours in [&token, placeholder, &agent.key] {
        for request in [
            http.get(&url).bearer_auth(ours),
            http.get(&url).basic_auth("x", Some(ours)),
            http.get(format!("{url}&key={ours}")),
        ] {
            assert_eq!(answer(request.send().await.unwrap()).await.problem(), "foreign_credential");
        }
    }
    end(&house, &agent, &run, json!({"cause": "exited"})).await.expect(204);
    assert_eq!(events(&house, "connection_opened").await.len(), 1);
    let closed = &events(&house, "connection_closed").await[0];
    assert!(closed["broken"].is_null() && closed["bytes_up"].as_u64().unwrap() > 0, "{closed}");
}

#[tokio::test]
async fn a_connection_that_a_broker_left_open_is_shown_as_unfinished() {
    let (mut house, upstream) = (House::start_with(LOCAL), Upstream::start().await);
    let other = Upstream::start().await;
    let agent = house.install(&upstream, "bearer").await;
    let host = format!("localhost:{}", other.address.port());
    let mut body = plain("networked");
    body["network"] = item(std::slice::from_ref(&host));
    let run = start(&house, &agent, body).await;
    let (_tunnel, told) = connected(&run, &host).await;
    assert!(told.starts_with("HTTP/1.1 200"), "{told}");
    house.kill_and_restart();
    let unfinished = events(&house, "connection_unfinished").await;
    assert_eq!((unfinished.len(), &unfinished[0]["host"]), (1, &json!(host)));
}
