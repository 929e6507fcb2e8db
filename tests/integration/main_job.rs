//! The main job, from outside: refused, asked, approved, exchanged, used, refused outside, reported, verified.

use reqwest::Method;
use serde_json::json;

use crate::house::{House, Upstream, answer};

#[tokio::test]
async fn an_agent_asks_a_person_approves_and_the_upstream_gets_the_credential() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let http = house.through_proxy(&agent);

    let refused = answer(http.get(upstream.url("/files/a")).send().await.unwrap()).await;
    assert_eq!((refused.status, refused.problem()), (403, "not_permitted"));
    let mut ask = refused.body["ask"]["body"].clone();
    ask["identity"] = json!("service:ci-bot");
    let approval = house.ask(&agent, Method::POST, "/v1/approvals", Some(ask)).await.expect(201);
    house.approve(&approval).await.expect(200);

    let id = approval["id"].as_str().unwrap();
    let token = house.exchange(&agent, id).await.expect(200);
    let token = token["access_token"].as_str().unwrap();
    let used = answer(http.get(upstream.url("/files/a")).bearer_auth(token).send().await.unwrap()).await;
    assert_eq!(used.expect(200), json!({"ok": true}));
    assert!(upstream.heads()[0].contains(upstream.secret()) && !upstream.heads()[0].contains(token));

    let outside = answer(http.get(upstream.url("/files/b")).bearer_auth(token).send().await.unwrap()).await;
    assert_eq!((outside.status, outside.problem()), (403, "not_permitted"));
    let spent = house.exchange(&agent, id).await;
    assert_eq!(spent.expect(400)["error"], "invalid_grant");
    assert_eq!(upstream.heads().len(), 1, "what was refused never reached the upstream (I5)");

    let metrics =
        house.http.get(format!("{}/metrics", house.review)).send().await.unwrap().text().await.unwrap();
    for (verdict, reason) in [("allowed", "none"), ("refused", "no_token"), ("refused", "outside_scope")] {
        let line =
            format!("verdicts_total{{upstream=\"files\",verdict=\"{verdict}\",reason=\"{reason}\"}} 1\n");
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }

    let report = house.review(Method::GET, &format!("/v1/reports/{id}"), None).await.expect(200);
    assert_eq!(report["used"][0]["count"], 1);
    assert_eq!(report["approvers"][0]["name"], "Alice");
    assert_eq!(report["trigger"]["refusal"], refused.body["use"]);
    assert_eq!(report["identity"], "service:ci-bot");
}

#[tokio::test]
async fn a_stop_is_graceful_and_on_record() {
    let mut house = House::start();
    assert!(house.stop().success());
    house.start_again(&[]);
    let log = house.log().await;
    let names: Vec<_> = log.iter().filter_map(|line| line["entry"]["event"]["type"].as_str()).collect();
    assert!(
        names.contains(&"stopped") && names.iter().filter(|name| **name == "started").count() == 2,
        "{names:?}"
    );
}
