//! The main job over the two listeners: ask, wait, decide, exchange, look, give back, prove, export.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use exeat::domain::ledger::export::Header;
use serde_json::{Value, json};

use super::{House, request, send};

fn ask() -> Value {
    json!({
        "identity": "service:ci-bot",
        "items": [{"type": "http", "upstream": "github", "methods": ["GET"], "paths": ["/repos/acme/app/**"]}],
        "reason": "read the repository",
        "step": {"claimed": {"tool": "Bash", "call": "gh repo view"}},
    })
}

impl House {
    async fn asked(&self) -> Value {
        let answer = self.asks(Method::POST, "/v1/approvals", Some(ask())).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        answer.json()
    }

    async fn decided(&self, approval: &Value, decision: &str) -> super::Answer {
        let id = approval["id"].as_str().unwrap();
        let digest = &approval["statement_digest"];
        let body = json!({"statement_digest": digest, "items": [{"index": 0, "decision": decision}], "reason": "fine"});
        self.person(&self.reviewer, Method::POST, &format!("/v1/approvals/{id}/decision"), Some(body)).await
    }

    async fn exchanged(&self, approval: &Value) -> super::Answer {
        let form = format!(
            "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token={}\
             &subject_token_type=urn:exeat:params:oauth:token-type:approval-id",
            approval["id"].as_str().unwrap()
        );
        self.form("/oauth/token", &form).await
    }
}

#[tokio::test]
async fn an_approval_becomes_a_token_and_ends_with_it() {
    let house = House::new().await;
    let approval = house.asked().await;
    assert_eq!(approval["state"], "pending");
    assert!(approval["review_url"].as_str().unwrap().starts_with("http://127.0.0.1:2/approvals/apr_"));
    assert_eq!(house.exchanged(&approval).await.json()["error"], "invalid_grant", "not decided yet");
    let decided = house.decided(&approval, "approve").await;
    assert_eq!(decided.json()["state"], "approved", "{}", decided.body);
    assert_eq!(decided.json()["statement"]["approval"], approval["id"]);
    let token = house.exchanged(&approval).await.json();
    assert_eq!(token["token_type"], "Bearer");
    assert_eq!(token["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    let form = format!("token={}", token["access_token"].as_str().unwrap());
    let known = house.form("/oauth/introspect", &form).await.json();
    assert_eq!((&known["active"], &known["sub"]), (&json!(true), &json!("service:ci-bot")));
    assert_eq!(house.form("/oauth/revoke", &form).await.status, StatusCode::OK);
    assert_eq!(house.form("/oauth/introspect", &form).await.json(), json!({"active": false}));
}

#[tokio::test]
async fn one_who_waits_hears_of_the_decision() {
    let house = House::new().await;
    let approval = house.asked().await;
    let path = format!("/v1/approvals/{}?wait=60", approval["id"].as_str().unwrap());
    let (seen, decided) =
        tokio::join!(house.asks(Method::GET, &path, None), house.decided(&approval, "deny"));
    assert_eq!(decided.status, StatusCode::OK, "{}", decided.body);
    let seen = seen.json();
    assert_eq!((&seen["state"], &seen["decisions"][0]["name"]), (&json!("denied"), &json!("Rita")));
    assert_eq!(seen["decisions"][0]["reason"], "fine");
}

#[tokio::test]
async fn asking_twice_with_one_key_is_asking_once() {
    let house = House::new().await;
    let once = async |body: Value| {
        let asked = request(Some(&house.agent_key), Method::POST, "/v1/approvals")
            .header("idempotency-key", "once")
            .header(header::CONTENT_TYPE, "application/json");
        send(&house.agent, asked.body(Body::from(body.to_string())).unwrap()).await
    };
    let (first, second) = (once(ask()).await, once(ask()).await);
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 200));
    assert_eq!(first.json()["id"], second.json()["id"]);
    let mut other = ask();
    other["reason"] = json!("something else");
    assert_eq!(once(other).await.problem(), "idempotency_key_reused");
}

#[tokio::test]
async fn i04_asking_without_an_identity_lists_those_there_are() {
    let house = House::new().await;
    let mut nameless = ask();
    nameless.as_object_mut().unwrap().remove("identity");
    let answer = house.asks(Method::POST, "/v1/approvals", Some(nameless)).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (400, "identity_required"));
    assert_eq!(answer.json()["identities"], json!(["service:ci-bot"]));
}

#[tokio::test]
async fn f03_a_body_cannot_say_who_decides() {
    let house = House::new().await;
    let approval = house.asked().await;
    let path = format!("/v1/approvals/{}/decision", approval["id"].as_str().unwrap());
    let body = json!({"statement_digest": approval["statement_digest"],
        "items": [{"index": 0, "decision": "approve"}], "person": "per_0193559c0a0070008000000000000000"});
    let answer = house.person(&house.reviewer, Method::POST, &path, Some(body)).await;
    assert_eq!(answer.json()["field"], "/person");
}

#[tokio::test]
async fn f19_reading_decides_nothing() {
    let house = House::new().await;
    let approval = house.asked().await;
    for route in exeat::edges::review::table() {
        for (method, path) in route.operations().into_iter().filter(|(method, _)| method == Method::GET) {
            let path = path.replace("{id}", approval["id"].as_str().unwrap());
            house.person(&house.reviewer, method, &path, None).await;
        }
    }
    let path = format!("/v1/approvals/{}", approval["id"].as_str().unwrap());
    assert_eq!(house.asks(Method::GET, &path, None).await.json()["state"], "pending");
}

#[tokio::test]
async fn the_log_is_read_proven_and_exported() {
    let house = House::new().await;
    let approval = house.asked().await;
    house.decided(&approval, "approve").await;
    let read = async |path: &str| house.person(&house.auditor, Method::GET, path, None).await;
    let page = read("/v1/ledger/entries?limit=2").await.json();
    assert_eq!((page["entries"].as_array().unwrap().len(), &page["next"]), (2, &json!(1)));
    let proof = read("/v1/ledger/proof?index=0").await.json();
    assert_eq!((&proof["index"], &proof["leaf"]), (&json!(0), &page["entries"][0]["leaf"]));
    let size = proof["size"].as_u64().unwrap();
    let grown = read(&format!("/v1/ledger/consistency?from=1&size={size}")).await;
    assert_eq!(grown.json()["size"], size, "{}", grown.body);
    assert!(read("/v1/ledger/checkpoint").await.body.starts_with("exeat/test\n"));
    let export = read("/v1/ledger/export").await.body;
    let header: Header = serde_json::from_str(export.lines().next().unwrap()).unwrap();
    let keys = header.keys.clone();
    let verified = exeat::domain::ledger::verify::verify(export.as_bytes(), &keys, None);
    assert!(verified.is_ok(), "{verified:?}");
    let report = read(&format!("/v1/reports/{}", approval["id"].as_str().unwrap())).await.json();
    assert_eq!(report["approvers"][0]["name"], "Rita");
    assert_eq!(report["never_used"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn e10_what_is_installed_is_listed_without_its_secrets() {
    let house = House::new().await;
    for route in exeat::edges::review::table() {
        for (method, path) in route.operations().into_iter().filter(|(method, _)| method == Method::GET) {
            let answer = house.person(&house.operator, method, &path, None).await;
            assert!(!answer.body.contains("planted-upstream-secret"), "{path}");
            assert!(
                !answer.body.contains(&house.agent_key) && !answer.body.contains(&house.operator),
                "{path}"
            );
        }
    }
    let listed = house.person(&house.operator, Method::GET, "/v1/credentials", None).await.json();
    assert_eq!(listed["credentials"][0]["upstream"], "github");
}

#[tokio::test]
async fn machines_can_ask_how_it_goes() {
    let house = House::new().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(
            super::json_request(&house.review, None, Method::GET, path, None).await.status,
            200,
            "{path}"
        );
    }
    let metrics = super::json_request(&house.review, None, Method::GET, "/metrics", None).await;
    assert!(
        metrics.body.contains("http_requests_total{listener=\"review\",method=\"GET\",route=\"/healthz\"")
    );
    assert!(metrics.body.ends_with("# EOF\n"));
}
