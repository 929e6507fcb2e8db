//! What bad input gets (design §14): the field is named, the value is not repeated, nothing is stored.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use serde_json::json;

use super::{House, request, send};

async fn posted(house: &House, kind: &str, body: impl Into<Body>) -> (StatusCode, String, String) {
    let request =
        request(Some(&house.agent_key), Method::POST, "/v1/approvals").header(header::CONTENT_TYPE, kind);
    let answer = send(&house.agent, request.body(body.into()).unwrap()).await;
    let problem = answer.json();
    (answer.status, answer.problem(), problem["field"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_by_its_field() {
    let house = House::new().await;
    let deep = format!(r#"{{"items":[{}{}],"reason":"r"}}"#, "[".repeat(40), "]".repeat(40));
    let cases = [
        (r#"{"items":[],"reason":"r","colour":1}"#, "/colour"),
        (r#"{"items":[]}"#, "/reason"),
        (r#"{"items":{},"reason":"r"}"#, "/items"),
        (r#"{"items":[],"reason":7}"#, "/reason"),
        (r#"{"items":[{"a":{"b":1,"b":2}}],"reason":"r"}"#, "/items/0/a/b"),
        (r#"{"items":[],"reason":"r","limits":{"max_uses":-1}}"#, "/limits/max_uses"),
        (r#"{"items":[],"reason":"r","step":{"observed":{}}}"#, "/step/observed"),
        (r#"{"items":[],"reason":"r","limits":[60,1,1]}"#, "/limits"),
        (r#"{"items":[],"reason":"r","step":[null,null]}"#, "/step"),
        (r#"{"items":[],"reason":"r","step":{"claimed":["Bash",null]}}"#, "/step/claimed"),
        (r#"["service:ci-bot",[],"r",null,null,null]"#, "body"),
        ("{", "body"),
    ];
    for (body, field) in cases {
        let (status, problem, named) = posted(&house, "application/json", body).await;
        assert_eq!(
            (status.as_u16(), problem.as_str(), named.as_str()),
            (400, "request_invalid", field),
            "{body}"
        );
    }
    let (status, problem, _) = posted(&house, "application/json", deep).await;
    assert_eq!((status.as_u16(), problem.as_str()), (400, "request_invalid"));
    assert_eq!(house.broker.approvals(None, 10).await.unwrap().len(), 0, "nothing is stored");
}

#[tokio::test]
async fn j12_a_body_too_long_or_of_another_type_is_refused() {
    let house = House::new().await;
    let (status, problem, _) = posted(&house, "application/json", " ".repeat(64 * 1024 + 1)).await;
    assert_eq!((status.as_u16(), problem.as_str()), (413, "body_too_long"));
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let (status, _, field) = posted(&house, kind, "{}").await;
        assert_eq!((status.as_u16(), field.as_str()), (400, "content-type"), "{kind}");
    }
}

#[tokio::test]
async fn e10_a_secret_that_is_refused_is_not_repeated() {
    let house = House::new().await;
    let bodies = [
        json!({"upstream": "github", "identity": "planted-s3cret", "secret": 1}),
        json!({"upstream": "github", "identity": "service:ci-bot", "secret": ["planted-s3cret"]}),
        json!({"upstream": {"x": "planted-s3cret"}, "identity": "service:ci-bot", "secret": "planted-s3cret"}),
        json!({"upstream": "github", "identity": "service:ci-bot", "secret": "planted-s3cret\r\nX: 1"}),
        json!({"upstream": "github", "identity": "service:ci-bot", "secret": "planted-s3cret", "planted-s3cret": 1}),
    ];
    for body in bodies {
        let answer = house.person(&house.operator, Method::POST, "/v1/credentials", Some(body)).await;
        assert_eq!(answer.problem(), "request_invalid");
        let value = answer.body.replace("/planted-s3cret", "");
        assert!(!value.contains("planted-s3cret"), "{}", answer.body);
    }
    let short = json!({"upstream": "github", "identity": "service:ci-bot", "secret": "short"});
    let answer = house.person(&house.operator, Method::POST, "/v1/credentials", Some(short)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "e15");
}

#[tokio::test]
async fn a_query_is_read_strictly() {
    let house = House::new().await;
    for query in ["wait=1&wait=2", "wait=soon", "wait=61", "hurry=1", "wait=-1"] {
        let path = format!("/v1/approvals/apr_0193559c0a0070008000000000000000?{query}");
        assert_eq!(house.asks(Method::GET, &path, None).await.problem(), "request_invalid", "{query}");
    }
    for query in ["limit=0", "limit=1001", "type=../../x", "approval=tok_1", "colour=red"] {
        let path = format!("/v1/ledger/entries?{query}");
        let answer = house.person(&house.auditor, Method::GET, &path, None).await;
        assert_eq!(answer.problem(), "request_invalid", "{query}");
    }
}

#[tokio::test]
async fn an_oauth_form_is_refused_in_the_words_of_the_standard() {
    let house = House::new().await;
    let full = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange\
        &subject_token=apr_0193559c0a0070008000000000000000\
        &subject_token_type=urn:exeat:params:oauth:token-type:approval-id";
    let cases = [
        (full.to_owned(), "invalid_grant"),
        (full.replace("apr_0193559c0a0070008000000000000000", "nonsense"), "invalid_grant"),
        (format!("{full}&subject_token=apr_1"), "invalid_request"),
        (format!("{full}&audience=x"), "invalid_target"),
        (format!("{full}&resource=https://x"), "invalid_target"),
        (format!("{full}&scope=all"), "invalid_scope"),
        (format!("{full}&actor_token=x"), "invalid_request"),
        (format!("{full}&authorization_details={{}}"), "invalid_request"),
        (full.replace("token-exchange", "password"), "unsupported_grant_type"),
        (full.replace("approval-id", "jwt"), "invalid_request"),
        ("grant_type=".to_owned(), "invalid_request"),
    ];
    for (form, code) in cases {
        let answer = house.form("/oauth/token", &form).await;
        assert_eq!(answer.json()["error"], code, "{form}");
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{form}");
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    }
    let in_url = format!("/oauth/token?{full}");
    assert_eq!(house.form(&in_url, full).await.json()["error"], "invalid_request");
    let nobody = request(None, Method::POST, "/oauth/token").body(Body::empty()).unwrap();
    let answer = send(&house.agent, nobody).await;
    assert_eq!((answer.status.as_u16(), answer.json()["error"].as_str()), (401, Some("invalid_client")));
}

#[tokio::test]
async fn an_idempotency_key_is_one_of_255_visible_characters() {
    let house = House::new().await;
    let long = "k".repeat(256);
    for keys in [vec![""], vec!["a b"], vec![long.as_str()], vec!["a", "b"]] {
        let mut asked = request(Some(&house.agent_key), Method::POST, "/v1/approvals");
        for key in &keys {
            asked = asked.header("idempotency-key", *key);
        }
        let answer = send(&house.agent, asked.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.json()["field"], "idempotency-key", "{keys:?}");
    }
}
