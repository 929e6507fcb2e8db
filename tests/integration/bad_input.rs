//! Design §14, row by row: bad input gets a clear error and nothing is lost.

use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{Agent, House, Upstream, answer, binary};

fn item() -> Value {
    json!({"type": "http", "upstream": "files", "methods": ["GET"], "paths": ["/files/a"]})
}

async fn post(house: &House, agent: &Agent, body: &str) -> crate::house::Answer {
    let request = house.http.post(format!("{}/v1/approvals", house.agent)).bearer_auth(&agent.key);
    answer(request.header("content-type", "application/json").body(body.to_owned()).send().await.unwrap())
        .await
}

#[tokio::test]
async fn malformed_requests_name_the_field_and_store_nothing() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let good = json!({"identity": "service:ci-bot", "items": [item()], "reason": "to test"});
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body.to_string()
    };
    let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
    let cases = [
        ("{", "request_invalid", ""),
        ("", "request_invalid", ""),
        (&with("surprise", json!(1)), "request_invalid", "surprise"),
        (&with("items", json!("all")), "request_invalid", "items"),
        (&with("items", json!([])), "request_invalid", "items"),
        (&with("items", json!([{"type": "shell"}])), "scope_invalid", "/items/0/type"),
        (&with("reason", json!("\u{202e}evil")), "request_invalid", "reason"),
        (&with("reason", json!("x".repeat(5000))), "request_invalid", "reason"),
        (&with("limits", json!({"expires_in": 0})), "request_invalid", "limits"),
        (&with("limits", json!({"expires_in": 90000})), "request_invalid", "limits"),
        (&with("limits", json!({"expires_in": "soon"})), "request_invalid", "limits"),
        (&with("run", json!("run_1")), "request_invalid", "run"),
        (&with("items", serde_json::from_str(&deep).unwrap_or(json!(deep))), "request_invalid", "items"),
    ];
    for (body, problem, field) in cases {
        let refused = post(&house, &agent, body).await;
        assert_eq!((refused.status, refused.problem()), (400, problem), "{body}: {}", refused.body);
        assert!(refused.body["detail"].as_str().unwrap().contains(field), "{}", refused.body);
    }
    let long = with("reason", json!("x".repeat(100_000)));
    assert_eq!(post(&house, &agent, &long).await.problem(), "body_too_long");
    let approvals = house.review(Method::GET, "/v1/approvals", None).await.expect(200);
    assert_eq!(approvals["approvals"], json!([]));
}

#[tokio::test]
async fn i04_asking_without_an_identity_lists_the_ones_to_choose_from() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let body = json!({"items": [item()], "reason": "to test"});
    let refused = house.ask(&agent, Method::POST, "/v1/approvals", Some(body)).await;
    assert_eq!((refused.status, refused.problem()), (400, "identity_required"));
    assert_eq!(refused.body["identities"], json!(["service:ci-bot"]));
    let body = json!({"identity": "user:alice", "items": [item()], "reason": "to test"});
    let refused = house.ask(&agent, Method::POST, "/v1/approvals", Some(body)).await;
    assert_eq!((refused.status, refused.problem()), (400, "unknown_identity"));
}

#[tokio::test]
async fn f10_a_token_may_only_be_narrower() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let approval = house.request(&agent, "/files/*", json!({"max_tokens": 3})).await;
    house.approve(&approval).await.expect(200);
    let exchange = async |items: Value| {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange".to_owned()),
            ("subject_token", approval["id"].as_str().unwrap().to_owned()),
            ("subject_token_type", "urn:exeat:params:oauth:token-type:approval-id".to_owned()),
            ("authorization_details", items.to_string()),
        ];
        let url = format!("{}/oauth/token", house.agent);
        answer(house.http.post(url).bearer_auth(&agent.key).form(&form).send().await.unwrap()).await
    };
    let narrower = exchange(json!([item()])).await.expect(200);
    assert_eq!(narrower["authorization_details"][0]["paths"], json!(["/files/a"]));
    let wider = json!([{"type": "http", "upstream": "files", "methods": ["GET"], "paths": ["/**"]}]);
    let refused = exchange(wider).await;
    assert_eq!(refused.status, 400);
    assert_ne!(refused.body["error"], Value::Null);
}

#[tokio::test]
async fn unknown_foreign_spent_and_revoked_approvals_look_alike() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let other = house.enrol("agent-2").await;
    let (spent, _) = house.token(&agent, "/files/a", json!({})).await;
    let foreign = house.request(&other, "/files/b", json!({})).await;
    house.approve(&foreign).await.expect(200);
    let revoked = house.request(&agent, "/files/c", json!({})).await;
    house.approve(&revoked).await.expect(200);
    let revoked = revoked["id"].as_str().unwrap();
    house.review(Method::POST, &format!("/v1/approvals/{revoked}/revoke"), None).await.expect(200);
    let pending = house.request(&agent, "/files/d", json!({})).await;
    let unknown = format!("apr_{}", "0".repeat(32));
    let foreign = foreign["id"].as_str().unwrap();
    let ids = [spent.as_str(), foreign, revoked, pending["id"].as_str().unwrap(), &unknown, "junk"];
    let mut answers = Vec::new();
    for id in ids {
        answers.push(house.exchange(&agent, id).await.expect(400));
    }
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
    let log = house.log().await;
    let reasons = log.iter().filter(|line| line["entry"]["event"]["type"] == "exchange_refused").count();
    assert_eq!(reasons, ids.len(), "the log has the reason of each");
}

#[tokio::test]
async fn f07_a_hundred_exchanges_at_once_give_exactly_one_token() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let approval = house.request(&agent, "/files/a", json!({})).await;
    house.approve(&approval).await.expect(200);
    let id = approval["id"].as_str().unwrap();
    let tries = (0..100).map(|_| house.exchange(&agent, id));
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(
        answers
            .iter()
            .filter(|answer| answer.status != 200)
            .all(|answer| answer.body["error"] == "invalid_grant")
    );
    let log = house.log().await;
    assert_eq!(log.iter().filter(|line| line["entry"]["event"]["type"] == "token_issued").count(), 1);
}

#[tokio::test]
async fn e14_what_an_agent_may_not_ask_for_looks_like_what_is_not_there() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let vault = json!({"name": "vaulted", "origins": ["https://vaulted.example"], "slot": "bearer"});
    house.review(Method::POST, "/v1/upstreams", Some(vault)).await.expect(201);
    let ask = async |name: &str| {
        let item = json!({"type": "http", "upstream": name, "methods": ["GET"], "paths": ["/a"]});
        let body = json!({"identity": "service:ci-bot", "items": [item], "reason": "to test"});
        house.ask(&agent, Method::POST, "/v1/approvals", Some(body)).await.expect(400)
    };
    assert_eq!(ask("vaulted").await, ask("nowhere").await, "there, but not for this agent: nothing tells");
    // Two agents before the same host: one that may ask, one that may not. Nothing says whether there is a credential.
    let body = json!({"name": "agent-2", "identities": ["service:ci-bot"], "upstreams": []});
    let made = house.review(Method::POST, "/v1/agents", Some(body)).await.expect(201);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let stranger = Agent { id: text("id"), key: text("key") };
    let mut refusals = Vec::new();
    for asker in [&agent, &stranger] {
        let request = house.through_proxy(asker).get(upstream.url("/files/a")).bearer_auth("anything");
        let mut refused = answer(request.send().await.unwrap()).await;
        let id = refused.body["use"].as_str().unwrap().to_owned();
        let text = refused.body.to_string().replace(&id, "use");
        refused.body = serde_json::from_str(&text).unwrap();
        refusals.push((refused.status, refused.body));
    }
    assert_eq!(refusals[0], refusals[1]);
}

#[tokio::test]
async fn e15_a_secret_too_short_to_be_told_from_other_text_is_refused() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    house.install(&upstream, "bearer").await;
    for secret in ["", "k", "7 chars", "with\u{0}nul-in-it", "line\r\nbreak: in it"] {
        let body = json!({"upstream": "files", "identity": "service:ci-bot", "secret": secret});
        let refused = house.review(Method::POST, "/v1/credentials", Some(body)).await;
        assert_eq!((refused.status, refused.problem()), (400, "request_invalid"), "{secret:?}");
        assert!(secret.len() < 3 || !refused.body.to_string().contains(secret), "and never said again");
    }
}

#[tokio::test]
async fn e15_a_secret_that_answers_hold_anyway_is_refused() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    house.install(&upstream, "bearer").await;
    let common = ["Password123!", "application/json", "changeme-1", "x-access-token"];
    for secret in ["aaaabbbbaaaabbbb", "1234567890", "undefined"].iter().chain(&common) {
        let body = json!({"upstream": "files", "identity": "service:ci-bot", "secret": secret});
        let refused = house.review(Method::POST, "/v1/credentials", Some(body)).await;
        assert_eq!((refused.status, refused.problem()), (400, "request_invalid"), "{secret:?}");
        assert!(!refused.body.to_string().contains(secret), "and never said again");
    }
    for secret in ["abcdefghijklmnop", "sk-1a2b3c", "1234567890123456", "pass-word-9x"] {
        let body = json!({"upstream": "files", "identity": "service:ci-bot", "secret": secret});
        house.review(Method::POST, "/v1/credentials", Some(body)).await.expect(201);
    }
}

#[test]
fn f13_a_policy_under_which_nobody_needs_to_approve_is_refused_at_start() {
    let dir = tempfile::TempDir::new().unwrap();
    let data = dir.path().join("data");
    let made = binary().args(["init", "--person", "Olga", "--data-dir"]).arg(&data).output().unwrap();
    assert!(made.status.success());
    std::fs::write(data.join("config.toml"), "[policy]\nrequired_approvers = 0\n").unwrap();
    let output = binary().args(["serve", "--data-dir"]).arg(&data).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("required_approvers") && said.contains("at least 1"), "{said}");
}

#[test]
fn j14_a_setting_nobody_knows_is_refused_at_start_by_name() {
    let dir = tempfile::TempDir::new().unwrap();
    let data = dir.path().join("data");
    let made = binary().args(["init", "--person", "Alice", "--data-dir"]).arg(&data).output().unwrap();
    assert!(made.status.success());
    for (text, named) in [
        ("[policy]\nauto_approve = true\n", "auto_approve"),
        ("[policy]\nrequired_approvers = 0\n", "required_approvers"),
        ("surprise = 1\n", "surprise"),
        ("[listen]\nagent = \"0.0.0.0:0\"\n", "loopback"),
        ("[policy\n", "config.toml"),
    ] {
        std::fs::write(data.join("config.toml"), text).unwrap();
        let refused = binary().args(["serve", "--data-dir"]).arg(&data).output().unwrap();
        assert_eq!(refused.status.code(), Some(1), "{text}");
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains(named), "{said}");
    }
}

#[test]
fn open_modes_are_refused_at_start() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::TempDir::new().unwrap();
    let data = dir.path().join("data");
    let made = binary().args(["init", "--person", "Alice", "--data-dir"]).arg(&data).output().unwrap();
    assert!(made.status.success());
    let serve = || {
        let output = binary().args(["serve", "--data-dir"]).arg(&data).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    std::fs::set_permissions(data.join("vault.key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(serve().contains("vault.key"));
    std::fs::set_permissions(data.join("vault.key"), std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(serve().contains("chmod"));
}

#[tokio::test]
async fn j12_a_head_without_end_is_refused_on_every_listener() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let house = House::start();
    for listener in [&house.agent, &house.review, &house.proxy] {
        let address = listener.trim_start_matches("http://");
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!("GET / HTTP/1.1\r\nhost: {address}\r\nx: {}", "x".repeat(70_000));
        // The listener may close before it has taken all of it.
        drop(stream.write_all(head.as_bytes()).await);
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer).await);
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 431") || answer.starts_with("HTTP/1.1 407"),
            "{answer}"
        );
    }
    let alive = house.review(Method::GET, "/readyz", None).await;
    assert_eq!(alive.status, 200);
}

#[tokio::test]
async fn j12_what_nobody_known_sends_to_the_proxy_is_on_record_in_few_entries() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut house = House::start();
    let address = house.proxy.trim_start_matches("http://").to_owned();
    for garbage in
        ["\x16\x03\x01\r\n\r\n", "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n"].repeat(50)
    {
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        stream.write_all(garbage.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer).await);
        assert!(answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
    }
    // Who stops tells the rest.
    house.stop();
    house.start_again(&[]);
    let log = house.log().await;
    let events = log.iter().map(|line| &line["entry"]["event"]);
    let told: Vec<_> = events.filter(|event| event["type"] == "strangers_refused").collect();
    let counts = told.iter().flat_map(|event| event["reasons"].as_object().unwrap().values());
    assert_eq!(counts.map(|count| count.as_u64().unwrap()).sum::<u64>(), 100);
    assert!(told.len() < 10, "{told:?}");
    assert!(told.iter().any(|event| event["reasons"]["agent_key"].is_u64()), "{told:?}");
}
