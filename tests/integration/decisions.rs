//! People decide: item by item, over what they were shown, never over their own request.

use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{Agent, Answer, House, Upstream};

async fn decide(house: &House, key: &str, approval: &Value, items: Value) -> Answer {
    let id = approval["id"].as_str().unwrap();
    let body =
        json!({"statement_digest": approval["statement_digest"], "items": items, "reason": "as agreed"});
    house.review_as(key, Method::POST, &format!("/v1/approvals/{id}/decision"), Some(body)).await
}

async fn person(house: &House, name: &str, roles: Value) -> (String, String) {
    let body = json!({"name": name, "roles": roles});
    let made = house.review(Method::POST, "/v1/people", Some(body)).await.expect(201);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("person"), text("review_key"))
}

async fn two_items(house: &House, agent: &Agent) -> Value {
    let item =
        |path: &str| json!({"type": "http", "upstream": "files", "methods": ["GET", "PUT"], "paths": [path]});
    let body =
        json!({"identity": "service:ci-bot", "reason": "to test", "items": [item("/a/**"), item("/b/**")]});
    house.ask(agent, Method::POST, "/v1/approvals", Some(body)).await.expect(201)
}

#[tokio::test]
async fn items_are_decided_one_by_one_and_only_narrowed() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let approval = two_items(&house, &agent).await;
    let wider = json!({"type": "http", "upstream": "files", "methods": ["GET"], "paths": ["/**"]});
    let items = json!([{"index": 0, "decision": "approve", "narrow": wider}]);
    assert_eq!(decide(&house, &house.review_key, &approval, items).await.problem(), "scope_exceeds");
    let narrow = json!({"type": "http", "upstream": "files", "methods": ["GET"], "paths": ["/a/x"]});
    let items =
        json!([{"index": 0, "decision": "approve", "narrow": narrow}, {"index": 1, "decision": "deny"}]);
    decide(&house, &house.review_key, &approval, items).await.expect(200);
    let token = house.exchange(&agent, approval["id"].as_str().unwrap()).await.expect(200);
    let granted = token["authorization_details"].as_array().unwrap();
    assert_eq!(granted.len(), 1);
    assert_eq!((&granted[0]["methods"], &granted[0]["paths"]), (&json!(["GET"]), &json!(["/a/x"])));
}

#[tokio::test]
async fn f02_i07_nobody_decides_what_is_asked_on_their_behalf() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    house.install(&upstream, "bearer").await;
    let (bob, bobs_key) = person(&house, "Bob", json!(["reviewer"])).await;
    let body = json!({"name": "bobs-agent", "identities": ["service:ci-bot"], "upstreams": ["files"], "on_behalf_of": bob});
    let made = house.review(Method::POST, "/v1/agents", Some(body)).await.expect(201);
    let agent =
        Agent { id: made["id"].as_str().unwrap().to_owned(), key: made["key"].as_str().unwrap().to_owned() };
    let approval = house.request(&agent, "/a", json!({})).await;
    let yes = json!([{"index": 0, "decision": "approve"}]);
    let refused = decide(&house, &bobs_key, &approval, yes.clone()).await;
    assert_eq!((refused.status, refused.problem()), (403, "self_approval"));
    let refused = decide(&house, &agent.key, &approval, yes.clone()).await;
    assert_eq!(refused.status, 401, "an agent's key opens nothing where people decide (F01)");
    decide(&house, &house.review_key, &approval, yes).await.expect(200);
}

#[tokio::test]
async fn f04_a_decision_over_another_statement_is_refused() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let mut approval = house.request(&agent, "/a", json!({})).await;
    let other = house.request(&agent, "/b", json!({})).await;
    approval["statement_digest"] = other["statement_digest"].clone();
    let yes = json!([{"index": 0, "decision": "approve"}]);
    let refused = decide(&house, &house.review_key, &approval, yes).await;
    assert_eq!((refused.status, refused.problem()), (409, "statement_changed"));
}

#[tokio::test]
async fn f03_f17_f20_the_decider_is_the_key_holder_and_a_removed_one_decides_no_more() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let (bob, bobs_key) = person(&house, "Bob", json!(["reviewer"])).await;
    let (_, auditor) = person(&house, "Carol", json!(["auditor"])).await;
    let first = house.request(&agent, "/a", json!({})).await;
    let yes = json!([{"index": 0, "decision": "approve"}]);
    assert_eq!(decide(&house, &auditor, &first, yes.clone()).await.problem(), "role_required");
    decide(&house, &bobs_key, &first, yes.clone()).await.expect(200);
    house.review(Method::POST, &format!("/v1/people/{bob}/remove"), None).await;
    let second = house.request(&agent, "/b", json!({})).await;
    assert_eq!(decide(&house, &bobs_key, &second, yes).await.status, 401);
    let id = first["id"].as_str().unwrap();
    let report = house.review(Method::GET, &format!("/v1/reports/{id}"), None).await.expect(200);
    assert_eq!(
        (&report["approvers"][0]["person"], &report["approvers"][0]["name"]),
        (&json!(bob), &json!("Bob"))
    );
}

#[tokio::test]
async fn f09_f18_a_denial_ends_it_and_goes_back_with_its_reason() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let approval = house.request(&agent, "/a", json!({})).await;
    let id = approval["id"].as_str().unwrap();
    let no = json!([{"index": 0, "decision": "deny"}]);
    decide(&house, &house.review_key, &approval, no.clone()).await.expect(200);
    let again = decide(&house, &house.review_key, &approval, no).await;
    assert_eq!((again.status, again.problem()), (409, "approval_not_pending"));
    let seen = house.ask(&agent, Method::GET, &format!("/v1/approvals/{id}?wait=5"), None).await.expect(200);
    assert_eq!(seen["state"], "denied");
    assert!(seen.to_string().contains("as agreed"));
    assert_eq!(house.exchange(&agent, id).await.expect(400)["error"], "invalid_grant");
    assert!(upstream.heads().is_empty(), "nothing was asked of the upstream (I5)");
}

#[tokio::test]
async fn f14_text_that_is_not_inert_is_refused() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let item = json!({"type": "http", "upstream": "files", "methods": ["GET"], "paths": ["/a"]});
    for reason in ["\u{1b}[2Jgone", "a\nb", "\u{202e}txt", "zero\u{200b}width", "tag\u{e0041}", "", "   "] {
        let body = json!({"identity": "service:ci-bot", "reason": reason, "items": [item]});
        let refused = house.ask(&agent, Method::POST, "/v1/approvals", Some(body)).await;
        assert_eq!((refused.status, refused.problem()), (400, "request_invalid"), "{reason:?}");
        let claimed = json!({"claimed": {"tool": "Bash", "call": format!("x{reason}\u{7}")}});
        let body = json!({"identity": "service:ci-bot", "reason": "ok", "items": [item], "step": claimed});
        assert_eq!(house.ask(&agent, Method::POST, "/v1/approvals", Some(body)).await.status, 400);
    }
}

#[tokio::test]
async fn f15_a_flood_of_requests_is_bounded_and_the_same_request_is_one() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    for number in 0..20 {
        house.request(&agent, &format!("/{number}"), json!({})).await;
    }
    let ask = async |path: &str| {
        let item = json!({"type": "http", "upstream": "files", "methods": ["GET"], "paths": [path]});
        let body = json!({"identity": "service:ci-bot", "reason": "to test", "limits": {}, "items": [item]});
        house.ask(&agent, Method::POST, "/v1/approvals", Some(body)).await
    };
    assert_eq!(ask("/more").await.problem(), "rate_limited");
    assert!(ask("/3").await.status < 300, "asking the same again is not asking more");
    let pending = house.review(Method::GET, "/v1/approvals?state=pending&limit=100", None).await.expect(200);
    assert_eq!(pending["approvals"].as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn f19_looking_changes_nothing() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let approval = house.request(&agent, "/a", json!({})).await;
    let id = approval["id"].as_str().unwrap();
    for path in [
        format!("/v1/approvals/{id}"),
        format!("/v1/approvals/{id}/decision"),
        format!("/v1/approvals/{id}/revoke"),
    ] {
        house.review(Method::GET, &path, None).await;
    }
    let seen = house.review(Method::GET, &format!("/v1/approvals/{id}"), None).await.expect(200);
    assert_eq!(seen["state"], "pending");
}

#[tokio::test]
async fn f06_a_late_decision_leaves_less_time_and_no_token_outlives_it() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let approval = house.request(&agent, "/a", json!({"expires_in": 120})).await;
    let granted = house.approve(&approval).await.expect(200);
    assert_eq!(granted["expires_at"], approval["expires_at"], "one clock: it runs from the request");
    let token = house.exchange(&agent, approval["id"].as_str().unwrap()).await.expect(200);
    let life = token["expires_in"].as_u64().unwrap();
    assert!((1..=120).contains(&life), "the policy would give 300 seconds, the approval has {life} left");
}

#[tokio::test]
async fn f12_what_ran_out_while_the_broker_was_down_is_not_decided_any_more() {
    let (mut house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let pending = house.request(&agent, "/a", json!({"expires_in": 600})).await;
    let approved = house.request(&agent, "/b", json!({"expires_in": 600})).await;
    house.approve(&approved).await.expect(200);
    house.stop();
    house.start_again(&crate::faults::shifted("+1h"));
    let yes = json!([{"index": 0, "decision": "approve"}]);
    let late = decide(&house, &house.review_key, &pending, yes).await;
    assert_eq!((late.status, late.problem()), (409, "approval_not_pending"));
    let exchanged = house.exchange(&agent, approved["id"].as_str().unwrap()).await.expect(400);
    assert_eq!(exchanged["error"], "invalid_grant");
    let id = pending["id"].as_str().unwrap();
    let seen = house.ask(&agent, Method::GET, &format!("/v1/approvals/{id}"), None).await.expect(200);
    assert_eq!(seen["state"], "expired", "told apart from a denial (H08)");
}

#[tokio::test]
async fn f21_no_automation_is_taken_for_a_person() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let approval = house.request(&agent, "/a", json!({})).await;
    let yes = json!([{"index": 0, "decision": "approve"}]);
    assert_eq!(decide(&house, &agent.key, &approval, yes.clone()).await.status, 401);
    let id = approval["id"].as_str().unwrap();
    let body = json!({"statement_digest": approval["statement_digest"], "items": yes});
    let path = format!("/v1/approvals/{id}/decision");
    assert_eq!(
        house.ask(&agent, Method::POST, &path, Some(body)).await.status,
        404,
        "no such route for agents"
    );
    // What a decision says of the one who made it is the broker's word, not theirs.
    let body = json!({"statement_digest": approval["statement_digest"], "items": yes, "authenticated_by": "passkey"});
    assert_eq!(house.review(Method::POST, &path, Some(body)).await.status, 400);
    house.approve(&approval).await.expect(200);
    let report = house.review(Method::GET, &format!("/v1/reports/{id}"), None).await.expect(200);
    assert_eq!(report["approvers"][0]["authenticated_by"], "review_key");
}

#[tokio::test]
async fn h09_h10_a_step_is_what_the_agent_claims_and_a_refusal_is_its_own() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let other = house.enrol("agent-2").await;
    let http = house.through_proxy(&other);
    let refused = http.get(upstream.url("/a")).bearer_auth("anything").send().await.unwrap();
    let theirs = crate::house::answer(refused).await.body["use"].clone();
    let item = json!({"type": "http", "upstream": "files", "methods": ["GET"], "paths": ["/a"]});
    let ask = async |step: Value| {
        let body =
            json!({"identity": "service:ci-bot", "items": [item.clone()], "reason": "to test", "step": step});
        house.ask(&agent, Method::POST, "/v1/approvals", Some(body)).await
    };
    let forged = ask(json!({"refusal": theirs})).await;
    assert_eq!((forged.status, forged.problem()), (400, "request_invalid"), "another agent's refusal");
    let observed = ask(json!({"observed": {"pid": 1}})).await;
    assert_eq!(observed.status, 400, "what was observed is not for the agent to say");
    let made = ask(json!({"claimed": {"tool": "Bash", "call": "reused"}})).await.expect(201);
    let id = made["id"].as_str().unwrap();
    let report = house.review(Method::GET, &format!("/v1/reports/{id}"), None).await.expect(200);
    assert_eq!(report["trigger"]["claimed"]["call"], "reused");
    assert_eq!(report["trigger"]["observed"], Value::Null, "claimed is all it is");
    // The log names the key holder, and says nothing of whoever may share the key.
    let log = house.log().await;
    let asked = log.iter().find(|line| line["entry"]["event"]["type"] == "requested").unwrap();
    assert_eq!(asked["entry"]["event"]["statement"]["agent"]["id"], json!(agent.id));
}
