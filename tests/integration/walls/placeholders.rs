//! Placeholders and waiting, as a person starts them: real walls, a real broker, a real upstream.

use reqwest::Method;
use serde_json::{Value, json};

use super::desk::{Desk, OUT, events};
use crate::house::{House, Upstream};

const FILES: [&str; 4] = ["--profile", "credentialed", "--credential", "files=service:ci-bot"];

/// The oldest request that nobody has decided.
async fn pending(house: &House) -> Value {
    loop {
        let found = house.review(Method::GET, "/v1/approvals?state=pending", None).await.expect(200);
        if let Some(pending) = found["approvals"].as_array().and_then(|all| all.first()) {
            return pending.clone();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_placeholder_without_an_approval_gets_the_refusal_that_teaches() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let desk = Desk::new();
    let script = format!("{OUT} -H \"Authorization: Bearer $FILES_TOKEN\" {}", upstream.url("/files/a"));
    let ran = desk.run(&house, &agent, &FILES, &script).await.expect(0);
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&told["status"], &told["type"]), (&json!(403), &json!("urn:exeat:problem:not_permitted")));
    assert_eq!(told["missing"][0]["upstream"], "files");
    assert!(told["ask"]["command"].as_str().unwrap().starts_with("exeat request "), "{told}");
    assert!(upstream.heads().is_empty());
}

#[tokio::test]
async fn a_request_that_is_held_is_refused_when_a_person_denies_it() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let desk = Desk::new();
    let script = format!("{OUT} -H \"Authorization: Bearer $FILES_TOKEN\" {}", upstream.url("/files/a"));
    let options = [&FILES[..], &["--wait", "120"]].concat();
    let deciding = async {
        let asked = pending(&house).await;
        let path = format!("/v1/approvals/{}/decision", asked["id"].as_str().unwrap());
        let body = json!({"statement_digest": asked["statement_digest"], "reason": "not today",
            "items": [{"index": 0, "decision": "deny"}]});
        house.review(Method::POST, &path, Some(body)).await.expect(200);
    };
    let (ran, ()) = tokio::join!(desk.run(&house, &agent, &options, &script), deciding);
    let told: Value = serde_json::from_str(&ran.expect(0).out).unwrap();
    assert_eq!(told["type"], "urn:exeat:problem:not_permitted");
    assert!(upstream.heads().is_empty(), "a denied request calls no upstream");
}

#[tokio::test]
async fn i04_git_and_basic_clients_find_their_placeholder_where_they_look() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "basic:x-access-token").await;
    let desk = Desk::new();
    let script = format!("{OUT} -u \"x-access-token:$FILES_TOKEN\" {}", upstream.url("/files/a"));
    let options = [&FILES[..], &["--wait", "120"]].concat();
    let deciding = async {
        let asked = pending(&house).await;
        house.approve(&asked).await.expect(200);
    };
    let (ran, ()) = tokio::join!(desk.run(&house, &agent, &options, &script), deciding);
    let ran = ran.expect(0);
    assert!(ran.out.contains(r#"{"ok":true}"#), "{ran:?}");
    assert!(!upstream.heads()[0].contains("exeat"), "the placeholder stays here: {:?}", upstream.heads());
}

#[tokio::test]
async fn a13_a_placeholder_is_worth_nothing_elsewhere() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let desk = Desk::new();
    let print = desk.run(&house, &agent, &FILES, "printf %s $FILES_TOKEN").await.expect(0).out;
    let url = upstream.url("/files/a");
    // In another run, after its own has ended; and outside of any.
    let script = format!("{OUT} -H 'Authorization: Bearer {print}' {url}");
    let ran = desk.run(&house, &agent, &FILES, &script).await.expect(0);
    assert!(ran.out.contains("urn:exeat:problem:"), "{ran:?}");
    let outside = house.through_proxy(&agent).get(&url).bearer_auth(&print).send().await.unwrap();
    assert!(outside.status().is_client_error());
    assert!(upstream.heads().is_empty() && events(&house, "use_started").await.is_empty());
}
