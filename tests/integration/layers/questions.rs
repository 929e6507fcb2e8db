//! `GET /v1/authorize`: the use on record before the answer, and what an attacker may try.

use base64::Engine as _;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Stand, bearer};

#[tokio::test]
async fn i02_a_yes_has_its_use_on_record_and_carries_the_credential() {
    let stand = Stand::new().await;
    let layer = stand.layer("nginx").await;
    let auth = bearer(&stand.token("/files/a").await);
    let answer = stand.ask(&layer, ("GET", "/files/a?x=y"), &[("authorization", &auth)]).await;
    assert_eq!(answer.status(), 200);
    let headers = answer.headers();
    assert_eq!(headers["authorization"], bearer(stand.upstream.secret()).as_str());
    assert_eq!(headers["cache-control"], "no-store");
    let started = stand.entries("use_started").await;
    assert_eq!(headers["exeat-use"], started[0]["use"].as_str().unwrap());
    assert_eq!(started[0]["via"], json!({"layer": layer.id, "injected": true}));
    assert_eq!((&started[0]["address"], &started[0]["run"]), (&Value::Null, &Value::Null));
    assert!(started[0]["target"].as_str().unwrap().ends_with("/files/a?x=***"));
    let log = json!(stand.house.log().await).to_string();
    assert!(!log.contains(stand.upstream.secret()) && !log.contains(&layer.key), "no secret is on record");
    let metrics = stand.house.http.get(format!("{}/metrics", stand.house.review)).send().await.unwrap();
    assert!(
        metrics.text().await.unwrap().contains("uses_under_way 0\n"),
        "j12: it is kept in the store alone"
    );
}

#[tokio::test]
async fn a_refusal_teaches_and_is_on_record() {
    let stand = Stand::new().await;
    let layer = stand.layer("nginx").await;
    let auth = bearer(&stand.token("/files/a").await);
    let answer = stand.ask(&layer, ("POST", "/files/b"), &[("authorization", &auth)]).await;
    assert_eq!(answer.status(), 403);
    let told = answer.headers().clone();
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["type"], "urn:exeat:problem:not_permitted");
    assert_eq!(problem["status"], 403);
    assert_eq!(problem["ask"]["body"]["items"][0]["paths"], json!(["/files/b"]));
    assert_eq!(told["exeat-use"], problem["use"].as_str().unwrap());
    assert_eq!(serde_json::from_slice::<Value>(told["exeat-problem"].as_bytes()).unwrap(), problem);
    let refused = stand.entries("use_refused").await;
    assert_eq!((&refused[0]["use"], &refused[0]["via"]["layer"]), (&problem["use"], &json!(layer.id)));
    // What is asked for names the refusal that led to it, and is granted like anything else.
    let asked =
        stand.house.ask(&stand.agent, Method::POST, "/v1/approvals", Some(problem["ask"]["body"].clone()));
    assert_eq!(asked.await.expect(201)["state"], "pending");
}

/// Nobody is known without a token of Exeat's: such refusals are counted and not written one by one.
#[tokio::test]
async fn j12_what_is_asked_for_nobody_is_counted() {
    let stand = Stand::new().await;
    let layer = stand.layer("nginx").await;
    for _ in 0..50 {
        let answer = stand.ask(&layer, ("GET", "/files/a"), &[]).await;
        assert_eq!(answer.status(), 403);
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["missing"][0]["paths"], json!(["/files/a"]));
    }
    let foreign =
        stand.ask(&layer, ("GET", "/files/a"), &[("authorization", "Bearer ghp_0123456789abcdef")]).await;
    let problem: Value = foreign.json().await.unwrap();
    assert_eq!(problem["type"], "urn:exeat:problem:foreign_credential");
    assert!(stand.entries("use_refused").await.is_empty());
    let counted = stand.entries("strangers_refused").await;
    assert_eq!((counted.len(), &counted[0]["listener"]), (1, &json!("layer")));
}

#[tokio::test]
async fn a13_g07_another_agents_token_and_another_upstreams_host_are_refused() {
    let stand = Stand::new().await;
    let layer = stand.layer("nginx").await;
    let (_, theirs) = stand.house.token(&stand.other, "/files/a", json!({})).await;
    let answer = stand.ask(&layer, ("GET", "/files/a"), &[("authorization", &bearer(&theirs))]).await;
    assert_eq!(answer.status(), 403);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["type"], "urn:exeat:problem:token_invalid", "what is wrong with it is not said");
    assert_eq!(stand.entries("use_refused").await[0]["agent"], json!(stand.other.id));
    let ours = bearer(&stand.token("/files/a").await);
    for url in ["https://api.evil.example/files/a", "http://localhost/files/a", "https://localhost:1/files/a"]
    {
        let said = [("x-original-method", "GET"), ("x-original-url", url), ("authorization", &*ours)];
        let problem: Value = stand.ask_with(&layer, &said).await.json().await.unwrap();
        assert_eq!(problem["type"], "urn:exeat:problem:destination_refused", "{url}");
    }
    assert!(stand.entries("use_started").await.is_empty());
}

/// An agent that reaches the listener itself has no key of a layer; what it forges counts for nothing.
#[tokio::test]
async fn an_agent_cannot_ask_as_a_layer() {
    let stand = Stand::new().await;
    let layer = stand.layer("nginx").await;
    let auth = bearer(&stand.token("/files/a").await);
    let url = stand.upstream.url("/files/a");
    for (name, value) in [
        ("exeat-layer-key", stand.agent.key.as_str()),
        ("exeat-layer-key", stand.house.review_key.as_str()),
        ("authorization", &format!("Bearer {}", layer.key)),
        ("x-nothing", "x"),
    ] {
        let mut request = stand.house.http.get(format!("{}/v1/authorize", stand.house.agent));
        if name != "authorization" {
            request = request.header("authorization", &auth);
        }
        let request =
            request.header(name, value).header("x-original-method", "GET").header("x-original-url", &url);
        let answer = request.send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.headers().get("exeat-use")),
            (401, None),
            "{name}: {value}"
        );
    }
    assert!(stand.entries("use_started").await.is_empty());
}

#[tokio::test]
async fn c15_a_question_with_two_readings_is_refused() {
    let stand = Stand::new().await;
    let layer = stand.layer("nginx").await;
    let auth = bearer(&stand.token("/files/**").await);
    let url = stand.upstream.url("/files/a");
    let good = [("x-original-method", "GET"), ("x-original-url", &*url), ("authorization", &*auth)];
    assert_eq!(stand.ask_with(&layer, &good).await.status(), 200);
    for more in [
        ("x-original-url", url.as_str()),
        ("x-original-method", "GET"),
        ("x-forwarded-uri", "/files/a"),
        ("x-forwarded-method", "GET"),
        ("x-forwarded-host", "localhost"),
        ("x-http-method-override", "DELETE"),
        ("x-rewrite-url", "/files/b"),
        ("authorization", &*auth),
        ("x-api-key", "second"),
        ("cookie", "session=1"),
        ("user-agent", &*auth),
    ] {
        let answer = stand.ask_with(&layer, &[&good[..], &[more]].concat()).await;
        assert_eq!(answer.status(), 403, "{}", more.0);
    }
    let port = stand.upstream.address.port();
    for url in [
        format!("https://user@localhost:{port}/files/a"),
        format!("https://localhost.:{port}/files/a"),
        format!("https://localhost:{port}/files/../files/a"),
        format!("https://localhost:{port}/files%2Fa"),
        format!("https://localhost:{port}//files/a"),
        format!("https://localhost:{port}/files/a#b"),
        format!("https://localhost:{port}"),
        "/files/a".to_owned(),
    ] {
        let said = [("x-original-method", "GET"), ("x-original-url", &*url), ("authorization", &*auth)];
        let problem: Value = stand.ask_with(&layer, &said).await.json().await.unwrap();
        assert_eq!(problem["type"], "urn:exeat:problem:request_ambiguous", "{url}");
    }
    assert_eq!(stand.entries("use_started").await.len(), 1);
}

/// A run is the holder of its tokens, and a layer is not the run's socket.
#[tokio::test]
async fn h10_a_runs_token_is_worth_nothing_through_a_layer() {
    let stand = Stand::new().await;
    let layer = stand.layer("nginx").await;
    let body = json!({"profile": "credentialed", "rung": "credentialed"});
    let run = stand.house.ask(&stand.agent, Method::POST, "/v1/runs", Some(body)).await.expect(201);
    let body = json!({"identity": "service:ci-bot", "reason": "to test", "run": run["id"],
        "items": [{"type": "http", "upstream": "files", "methods": ["GET"], "paths": ["/files/a"]}]});
    let asked = stand.house.ask(&stand.agent, Method::POST, "/v1/approvals", Some(body)).await.expect(201);
    stand.house.approve(&asked).await.expect(200);
    let token = stand.house.exchange(&stand.agent, asked["id"].as_str().unwrap()).await.expect(200);
    let auth = bearer(token["access_token"].as_str().unwrap());
    let answer = stand.ask(&layer, ("GET", "/files/a"), &[("authorization", &auth)]).await;
    assert_eq!(answer.status(), 403);
    assert_eq!(stand.entries("use_refused").await[0]["reason"], "other_run");
}

#[tokio::test]
async fn a_slot_in_the_query_cannot_be_filled_by_a_layer() {
    let stand = Stand::with_slot("query:key").await;
    let layer = stand.layer("nginx").await;
    let token = stand.token("/files/a").await;
    let answer = stand.ask(&layer, ("GET", &format!("/files/a?key={token}")), &[]).await;
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["type"], "urn:exeat:problem:destination_refused");
    assert_eq!(stand.entries("use_refused").await[0]["reason"], "slot_not_by_layer");
    assert!(!json!(stand.house.log().await).to_string().contains(&token));
}

/// Clients like git keep their password back until they are asked for it.
#[tokio::test]
async fn a_basic_slot_without_a_token_is_challenged_and_with_one_is_filled() {
    let stand = Stand::with_slot("basic:x-access-token").await;
    let layer = stand.layer("nginx").await;
    let answer = stand.ask(&layer, ("GET", "/files/a"), &[]).await;
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["www-authenticate"], "Basic realm=\"exeat token\"");
    let basic = |password: &str| {
        let pair = format!("x-access-token:{password}");
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
    };
    let auth = basic(&stand.token("/files/a").await);
    let answer = stand.ask(&layer, ("GET", "/files/a"), &[("authorization", &auth)]).await;
    assert_eq!(answer.headers()["authorization"], basic(stand.upstream.secret()).as_str());
}

#[tokio::test]
async fn i09_what_was_revoked_or_used_up_is_refused_at_once() {
    let stand = Stand::new().await;
    let layer = stand.layer("nginx").await;
    let (approval, token) = stand.house.token(&stand.agent, "/files/a", json!({"max_uses": 2})).await;
    let auth = bearer(&token);
    let status =
        async || stand.ask(&layer, ("GET", "/files/a"), &[("authorization", &auth)]).await.status().as_u16();
    assert_eq!((status().await, status().await, status().await), (200, 200, 403));
    assert_eq!(stand.entries("use_refused").await[0]["reason"], "used_up");
    let (other, token) = stand.house.token(&stand.agent, "/files/a", json!({})).await;
    let path = format!("/v1/approvals/{other}/revoke");
    stand.house.review(Method::POST, &path, Some(json!({}))).await.expect(200);
    let answer = stand.ask(&layer, ("GET", "/files/a"), &[("authorization", &bearer(&token))]).await;
    assert_eq!((answer.status().as_u16(), approval == other), (403, false));
}

#[tokio::test]
async fn d08_what_rests_on_the_body_is_not_granted_to_a_layer() {
    let stand = Stand::new().await;
    let layer = stand.layer("nginx").await;
    let body = json!({"identity": "service:ci-bot", "reason": "to test", "items": [{"type": "http", "upstream": "files",
        "methods": ["POST"], "paths": ["/files/a"], "body": {"json": {"/ref": ["a"]}}}]});
    let asked = stand.house.ask(&stand.agent, Method::POST, "/v1/approvals", Some(body)).await.expect(201);
    stand.house.approve(&asked).await.expect(200);
    let token = stand.house.exchange(&stand.agent, asked["id"].as_str().unwrap()).await.expect(200);
    let auth = bearer(token["access_token"].as_str().unwrap());
    let answer = stand.ask(&layer, ("POST", "/files/a"), &[("authorization", &auth)]).await;
    assert_eq!(answer.status(), 403);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(
        (&problem["type"], &problem["reason"]),
        (&json!("urn:exeat:problem:not_permitted"), &json!("body_not_by_layer"))
    );
    assert!(stand.entries("use_started").await.is_empty());
    let why = stand.why(true, &["POST", &stand.upstream.url("/files/a")], None);
    assert_eq!((why.code, &why.said["reason"]), (3, &json!("body_decides")), "{}", why.said);
}
