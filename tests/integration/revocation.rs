//! Revocation is true when the call returns (I9); approvals go stale when what they name changes (I6, F11).

use reqwest::Method;
use serde_json::json;

use crate::house::{Agent, House, Upstream, answer};

async fn get(house: &House, agent: &Agent, url: String, token: &str) -> crate::house::Answer {
    answer(house.through_proxy(agent).get(url).bearer_auth(token).send().await.unwrap()).await
}

#[tokio::test]
async fn g04_a_revoked_token_fails_on_the_connection_it_was_used_on() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let (approval, token) = house.token(&agent, "/files/a", json!({})).await;
    let http = house.through_proxy(&agent);
    let send =
        async || answer(http.get(upstream.url("/files/a")).bearer_auth(&token).send().await.unwrap()).await;
    send().await.expect(200);
    house.review(Method::POST, &format!("/v1/approvals/{approval}/revoke"), None).await.expect(200);
    assert_eq!(send().await.problem(), "token_invalid");
    assert_eq!(upstream.heads().len(), 1);
}

#[tokio::test]
async fn j07_a_revoked_token_stays_revoked_after_a_restart() {
    let (mut house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let (approval, token) = house.token(&agent, "/files/a", json!({})).await;
    house.review(Method::POST, &format!("/v1/approvals/{approval}/revoke"), None).await.expect(200);
    house.kill_and_restart();
    assert_eq!(get(&house, &agent, upstream.url("/files/a"), &token).await.problem(), "token_invalid");
    let form = [("token", token.as_str())];
    let url = format!("{}/oauth/introspect", house.agent);
    let told = answer(house.http.post(url).bearer_auth(&agent.key).form(&form).send().await.unwrap()).await;
    assert_eq!(told.expect(200), json!({"active": false}));
}

#[tokio::test]
async fn f11_a_changed_credential_makes_approvals_and_tokens_stale() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let (_, token) = house.token(&agent, "/files/a", json!({})).await;
    let approval = house.request(&agent, "/files/b", json!({})).await;
    house.approve(&approval).await.expect(200);
    let body = json!({"upstream": "files", "identity": "service:ci-bot", "secret": upstream.secret()});
    let sealed = house.review(Method::POST, "/v1/credentials", Some(body)).await.expect(201);
    assert_eq!(sealed["version"], 2);
    let refused = house.exchange(&agent, approval["id"].as_str().unwrap()).await;
    assert_eq!(refused.expect(400)["error"], "invalid_grant");
    assert_eq!(get(&house, &agent, upstream.url("/files/a"), &token).await.problem(), "token_invalid");
    assert!(upstream.heads().is_empty());
}

#[tokio::test]
async fn g01_a_token_in_other_hands_is_refused() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let thief = house.enrol("agent-2").await;
    let (_, token) = house.token(&agent, "/files/a", json!({})).await;
    assert_eq!(get(&house, &thief, upstream.url("/files/a"), &token).await.problem(), "token_invalid");
    assert!(upstream.heads().is_empty());
}

#[tokio::test]
async fn g11_each_request_is_a_use_and_uses_run_out() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let (approval, token) = house.token(&agent, "/files/a", json!({"max_uses": 2})).await;
    for status in [200, 200, 403] {
        assert_eq!(get(&house, &agent, upstream.url("/files/a"), &token).await.status, status);
    }
    let report = house.review(Method::GET, &format!("/v1/reports/{approval}"), None).await.expect(200);
    assert_eq!(report["used"][0]["count"], 2);
    assert_eq!(report["denied"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn removing_an_agent_ends_its_tokens() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let (_, token) = house.token(&agent, "/files/a", json!({})).await;
    let http = house.through_proxy(&agent);
    let first = answer(http.get(upstream.url("/files/a")).bearer_auth(&token).send().await.unwrap()).await;
    first.expect(200);
    let removed = house.review(Method::POST, &format!("/v1/agents/{}/remove", agent.id), None).await;
    assert!(removed.status < 300, "{}", removed.body);
    let after = answer(http.get(upstream.url("/files/a")).bearer_auth(&token).send().await.unwrap()).await;
    assert_ne!(after.status, 200);
    assert_eq!(upstream.heads().len(), 1);
}

#[tokio::test]
async fn e07_every_slot_takes_the_credential_and_only_there() {
    for slot in ["bearer", "basic:x-access-token", "header:x-api-key", "query:key"] {
        let (house, upstream) = (House::start(), Upstream::start().await);
        let agent = house.install(&upstream, slot).await;
        let (_, token) = house.token(&agent, "/files/a", json!({})).await;
        let http = house.through_proxy(&agent);
        let request = match slot {
            "bearer" => http.get(upstream.url("/files/a")).bearer_auth(&token),
            "header:x-api-key" => http.get(upstream.url("/files/a")).header("x-api-key", &token),
            "query:key" => http.get(upstream.url(&format!("/files/a?key={token}"))),
            _ => http.get(upstream.url("/files/a")).basic_auth("x-access-token", Some(&token)),
        };
        answer(request.send().await.unwrap()).await.expect(200);
        assert!(!upstream.heads()[0].contains(&token), "{slot}");
        let log = serde_json::to_string(&house.log().await).unwrap();
        assert!(!log.contains(upstream.secret()) && !log.contains(&token), "{slot} (E07)");
    }
}
