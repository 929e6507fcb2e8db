//! A placeholder stands for an approval of its run, in the slot of its upstream, on its run's socket; anywhere else it is nothing.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Run, approved, events, plain, start};
use crate::house::{Agent, Answer, House, Upstream, answer};

async fn with_placeholder(house: &House, agent: &Agent) -> (Run, String) {
    let mut body = plain("read-only");
    body["credentials"] = json!([{"upstream": "files", "identity": "service:ci-bot"}]);
    let run = start(house, agent, body).await;
    let placeholder = run.placeholders["files"].as_str().unwrap().to_owned();
    assert!(placeholder.starts_with("exeat_pl_"), "{placeholder}");
    (run, placeholder)
}

async fn send(http: &reqwest::Client, url: String, shown: &str) -> Answer {
    answer(http.get(url).bearer_auth(shown).send().await.unwrap()).await
}

#[tokio::test]
async fn a_placeholder_teaches_until_something_is_approved_and_then_works() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let (run, placeholder) = with_placeholder(&house, &agent).await;
    let http = run.shim.client(&house, &[]);
    let refused = send(&http, upstream.url("/files/a"), &placeholder).await;
    assert_eq!((refused.status, refused.problem()), (403, "not_permitted"));
    let ask = refused.body["ask"]["body"].clone();
    assert_eq!((&ask["identity"], &ask["run"]), (&json!("service:ci-bot"), &json!(run.id)));
    assert!(upstream.heads().is_empty() && events(&house, "token_issued").await.is_empty(), "i05");
    let approval = house.ask(&agent, Method::POST, "/v1/approvals", Some(ask)).await.expect(201);
    house.approve(&approval).await.expect(200);
    let second = run.shim.client(&house, &[]);
    let both = tokio::join!(
        send(&http, upstream.url("/files/a"), &placeholder),
        send(&second, upstream.url("/files/a"), &placeholder)
    );
    both.0.expect(200);
    both.1.expect(200);
    assert_eq!(events(&house, "token_issued").await.len(), 1, "requests at the same moment share a token");
    let names: Vec<Value> =
        house.log().await.iter().map(|line| line["entry"]["event"]["type"].clone()).collect();
    let place = |name: &str| names.iter().position(|have| have == name).unwrap();
    assert!(place("decided") < place("token_issued") && place("token_issued") < place("use_started"));
    let outside = send(&http, upstream.url("/files/b"), &placeholder).await;
    assert_eq!(outside.problem(), "not_permitted", "the approval covers one path");
    house
        .review(Method::POST, &format!("/v1/approvals/{}/revoke", approval["id"].as_str().unwrap()), None)
        .await
        .expect(200);
    assert_eq!(send(&http, upstream.url("/files/a"), &placeholder).await.problem(), "not_permitted");
    assert_eq!(upstream.heads().len(), 2);
    let log = serde_json::to_string(&house.log().await).unwrap();
    assert!(!log.contains(&placeholder) && upstream.heads().iter().all(|head| !head.contains(&placeholder)));
}

#[tokio::test]
async fn a_placeholder_goes_as_far_as_its_approvals_and_no_use_is_refused_before_they_end() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let (run, placeholder) = with_placeholder(&house, &agent).await;
    let http = run.shim.client(&house, &[]);
    let limits = json!({"max_uses": 3, "max_tokens": 2});
    let older = approved(&house, &agent, &run, "/files/**", limits.clone()).await;
    let get = async |path: &str, shown: &str| send(&http, upstream.url(path), shown).await;
    get("/files/a", &placeholder).await.expect(200);
    let token = house.exchange(&agent, older["id"].as_str().unwrap()).await.expect(200);
    get("/files/a", token["access_token"].as_str().unwrap()).await.expect(200);
    get("/files/a", &placeholder).await.expect(200);
    assert_eq!(get("/files/a", &placeholder).await.problem(), "not_permitted", "three uses of three");

    let newer = approved(&house, &agent, &run, "/files/**", limits).await;
    get("/files/a", &placeholder).await.expect(200);
    house
        .review(Method::POST, &format!("/v1/approvals/{}/revoke", newer["id"].as_str().unwrap()), None)
        .await
        .expect(200);
    assert_eq!(get("/files/a", &placeholder).await.problem(), "not_permitted", "i09");
    assert_eq!(upstream.heads().len(), 4);
    let refused = events(&house, "use_refused").await;
    let reasons: Vec<_> = refused.iter().map(|event| event["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["placeholder_without_approval"; 2]);
}

#[tokio::test]
async fn a13_a_placeholder_is_nothing_elsewhere() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let (run, placeholder) = with_placeholder(&house, &agent).await;
    approved(&house, &agent, &run, "/files/**", json!({})).await;
    let (other, _) = with_placeholder(&house, &agent).await;
    for http in [other.shim.client(&house, &[]), house.through_proxy(&agent)] {
        let refused = send(&http, upstream.url("/files/a"), &placeholder).await;
        assert_eq!(refused.problem(), "foreign_credential");
    }
    let http = run.shim.client(&house, &[]);
    let elsewhere = http.get(upstream.url("/files/a")).header("x-api-key", &placeholder);
    assert_eq!(answer(elsewhere.send().await.unwrap()).await.problem(), "foreign_credential");
    let twice = http.get(upstream.url("/files/a")).bearer_auth(&placeholder).header("x-other", &placeholder);
    assert_eq!(answer(twice.send().await.unwrap()).await.problem(), "foreign_credential");
    assert!(upstream.heads().is_empty());
    let form = [("token", placeholder.as_str())];
    let told =
        house.http.post(format!("{}/oauth/introspect", house.agent)).bearer_auth(&agent.key).form(&form);
    assert_eq!(answer(told.send().await.unwrap()).await.expect(200), json!({"active": false}));
    let url = format!("{}/v1/me", house.agent);
    assert_eq!(answer(house.http.get(url).bearer_auth(&placeholder).send().await.unwrap()).await.status, 401);
}

#[tokio::test]
async fn i04_a_placeholder_stands_for_its_own_identity_only() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let (run, placeholder) = with_placeholder(&house, &agent).await;
    let (_, _) = house.token(&agent, "/files/a", json!({})).await;
    let http = run.shim.client(&house, &[]);
    let refused = send(&http, upstream.url("/files/a"), &placeholder).await;
    assert_eq!(refused.problem(), "not_permitted", "an approval outside the run is none of the run's");
    assert!(upstream.heads().is_empty());
}

#[tokio::test]
async fn a_held_request_goes_on_when_a_person_approves_and_is_refused_when_they_deny() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let mut body = plain("read-only");
    body["credentials"] = json!([{"upstream": "files", "identity": "service:ci-bot"}]);
    body["wait_seconds"] = json!(120);
    let run = start(&house, &agent, body).await;
    let placeholder = run.placeholders["files"].as_str().unwrap().to_owned();
    let (first, second) = (run.shim.client(&house, &[]), run.shim.client(&house, &[]));
    let decide = async |yes: bool| loop {
        let pending = house.review(Method::GET, "/v1/approvals?state=pending", None).await.expect(200);
        let Some(asked) = pending["approvals"].get(0) else { continue };
        let statement = &asked["statement"];
        assert_eq!((&statement["run"], &statement["identity"]), (&json!(run.id), &json!("service:ci-bot")));
        assert!(statement["step"]["refusal"].is_string() && statement["step"]["observed"]["pid"] == 77);
        if yes {
            break house.approve(asked).await.expect(200);
        }
        let path = format!("/v1/approvals/{}/decision", asked["id"].as_str().unwrap());
        let no = json!({"statement_digest": asked["statement_digest"], "items": [{"index": 0, "decision": "deny"}]});
        break house.review(Method::POST, &path, Some(no)).await.expect(200);
    };
    let (one, two, _) = tokio::join!(
        send(&first, upstream.url("/files/a"), &placeholder),
        send(&second, upstream.url("/files/a"), &placeholder),
        decide(true)
    );
    one.expect(200);
    two.expect(200);
    assert_eq!(events(&house, "requested").await.len(), 1, "what is asked at the same moment is asked once");
    let (denied, _) = tokio::join!(send(&first, upstream.url("/files/b"), &placeholder), decide(false));
    assert_eq!(denied.problem(), "not_permitted");
    assert_eq!(upstream.heads().len(), 2);
}
