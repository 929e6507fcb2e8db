//! The tighter grant, from outside: used, reported, asked for, approved, and used again.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::house::{Agent, House, Upstream, answer, binary};

const USED: [&str; 4] = ["/issues/7", "/issues/8", "/issues/8/notes?page=2", "/user/keys"];

/// Asks with this body, has it approved as a whole, and exchanges it.
async fn token(house: &House, agent: &Agent, body: Value) -> (String, String) {
    let items = body["items"].as_array().unwrap().len();
    let approval = house.ask(agent, Method::POST, "/v1/approvals", Some(body)).await.expect(201);
    let id = approval["id"].as_str().unwrap().to_owned();
    let answers: Vec<Value> =
        (0..items).map(|index| json!({"index": index, "decision": "approve"})).collect();
    let decision = json!({"statement_digest": approval["statement_digest"], "items": answers});
    house.review(Method::POST, &format!("/v1/approvals/{id}/decision"), Some(decision)).await.expect(200);
    let token = house.exchange(agent, &id).await.expect(200);
    (id, token["access_token"].as_str().unwrap().to_owned())
}

async fn status(http: &Client, upstream: &Upstream, token: &str, path: &str) -> u16 {
    answer(http.get(upstream.url(path)).bearer_auth(token).send().await.unwrap()).await.status
}

#[tokio::test]
async fn what_was_used_can_be_asked_for_next_time_and_is_enough() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let http = house.through_proxy(&agent);
    let wide = json!({"identity": "service:ci-bot", "reason": "to look around", "limits": {"max_uses": 50, "max_tokens": 5},
        "items": [{"type": "http", "upstream": "files", "methods": ["GET", "DELETE"], "paths": ["/**"]}]});
    let (id, first) = token(&house, &agent, wide).await;
    let unused = house.review(Method::GET, &format!("/v1/reports/{id}"), None).await.expect(200);
    assert_eq!(unused.get("tighter"), None, "nothing was used yet");
    for path in USED {
        assert_eq!(status(&http, &upstream, &first, path).await, 200, "{path}");
    }

    let report = house.review(Method::GET, &format!("/v1/reports/{id}"), None).await.expect(200);
    let tighter = &report["tighter"];
    let paths: Vec<&Value> = tighter["items"].as_array().unwrap().iter().map(|item| &item["paths"]).collect();
    assert_eq!(paths, [&json!(["/issues/*", "/user/keys"]), &json!(["/issues/8/notes"])]);
    assert!(tighter["items"].as_array().unwrap().iter().all(|item| item["methods"] == json!(["GET"])));
    assert_eq!((&tighter["limits"]["max_uses"], &tighter["limits"]["max_tokens"]), (&json!(4), &json!(1)));
    assert_eq!(tighter["limits"]["expires_in"].as_u64().unwrap() % 60, 0);
    assert_eq!(report["approvals"][0]["tighter"], *tighter);

    let shown = binary()
        .args(["report", &id])
        .env("EXEAT_REVIEW_URL", &house.review)
        .env("EXEAT_REVIEW_KEY", &house.review_key)
        .output();
    let shown = String::from_utf8(shown.unwrap().stdout).unwrap();
    let body =
        shown.lines().map(str::trim).find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("{shown}"));
    assert!(shown.contains("exeat request --identity service:ci-bot --item '{"), "{shown}");
    let body: Value = serde_json::from_str(body).unwrap();

    let (_, second) = token(&house, &agent, body).await;
    for path in ["/issues/9/notes", "/user/emails", "/user/keys?page=1", "/"] {
        assert_eq!(status(&http, &upstream, &second, path).await, 403, "{path}");
    }
    let deleted = http.delete(upstream.url("/issues/7")).bearer_auth(&second).send().await.unwrap();
    assert_eq!(answer(deleted).await.status, 403);
    for path in USED {
        assert_eq!(status(&http, &upstream, &second, path).await, 200, "{path}");
    }
}
