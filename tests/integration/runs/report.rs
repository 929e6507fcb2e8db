//! The report of a run: how it climbed and ended, its lanes, and where claim and observation disagree.

use reqwest::Method;
use serde_json::json;

use super::{approved, end, plain, start, tell};
use crate::house::{House, Upstream, answer, binary};

#[tokio::test]
async fn a_report_on_a_run_shows_its_lanes() {
    let house = House::start_with("[proxy]\nallow_addresses = [\"127.0.0.0/8\", \"::1/128\"]\n");
    let (upstream, other) = (Upstream::start().await, Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let host = format!("localhost:{}", other.address.port());
    let mut body = plain("networked");
    body["network"] = json!([{"type": "network", "hosts": [host, "never.example.com:443"]}]);
    let run = start(&house, &agent, body).await;
    let http = run.shim.client(&house, &[&other.certificate]);
    let step = json!({"tool": "Bash", "call": "c1"});
    tell(&house, &agent, &run, json!({"claimed": step})).await.expect(204);
    http.get(other.url("/x")).send().await.unwrap();
    tell(&house, &agent, &run, json!({"over": step})).await.expect(204);
    drop(http.get("http://closed.example.com/").send().await);
    approved(&house, &agent, &run, "/files/a", json!({})).await;
    end(&house, &agent, &run, json!({"cause": "exited", "exit": 0})).await.expect(204);
    // The end of a connection is told once the connection is gone.
    while super::events(&house, "connection_closed").await.is_empty() {
        tokio::task::yield_now().await;
    }

    let report = house.review(Method::GET, &format!("/v1/reports/{}", run.id), None).await.expect(200);
    let lanes = &report["lanes"];
    assert_eq!(
        (&lanes["runs"][0]["id"], &lanes["runs"][0]["end"]["cause"]),
        (&json!(run.id), &json!("exited"))
    );
    assert_eq!((&lanes["runs"][0]["claimed_steps"], &lanes["runs"][0]["walled"]), (&json!(2), &json!(true)));
    let used = &lanes["network"]["used"][0];
    assert_eq!(
        (&used["host"], &used["connections"], &used["unfinished"]),
        (&json!(host), &json!(1), &json!(0))
    );
    assert!(used["bytes_up"].as_u64().unwrap() > 0 && used["bytes_down"].as_u64().unwrap() > 0);
    assert_eq!(lanes["network"]["never_used"], json!(["never.example.com:443"]));
    let refused = &lanes["network"]["refused"][0];
    assert_eq!((&refused["reason"], &refused["count"]), (&json!("host_not_granted"), &json!(1)));
    let disagree = lanes["disagreements"].as_array().unwrap();
    assert_eq!(disagree.len(), 1, "only what came after the step was over: {disagree:?}");
    assert_eq!((&disagree[0]["observed"]["pid"], &disagree[0]["claimed"]["step"]), (&json!(77), &step));

    let mut command = binary();
    command.args(["report", &run.id]).env("EXEAT_REVIEW_URL", &house.review);
    let told = told_by(command.env("EXEAT_REVIEW_KEY", &house.review_key));
    for part in [&host, "never.example.com:443", "host_not_granted", "seen at work after"] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

fn told_by(command: &mut std::process::Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_connection_counts_for_the_item_that_opened_its_host() {
    let house = House::start_with("[proxy]\nallow_addresses = [\"127.0.0.0/8\", \"::1/128\"]\n");
    let (upstream, other) = (Upstream::start().await, Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let run = start(&house, &agent, plain("read-only")).await;
    let hosts = [format!("localhost:{}", other.address.port()), "unused.example.com:443".to_owned()];
    let items: Vec<_> = hosts.iter().map(|host| json!({"type": "network", "hosts": [host]})).collect();
    let body = json!({"identity": "service:ci-bot", "reason": "to test", "run": run.id, "items": items});
    let asked = house.ask(&agent, Method::POST, "/v1/approvals", Some(body)).await.expect(201);
    let id = asked["id"].as_str().unwrap();
    let decision = json!({"statement_digest": asked["statement_digest"],
        "items": [{"index": 0, "decision": "approve"}, {"index": 1, "decision": "approve"}]});
    house.review(Method::POST, &format!("/v1/approvals/{id}/decision"), Some(decision)).await.expect(200);
    let http = run.shim.client(&house, &[&other.certificate]);
    answer(http.get(other.url("/x")).send().await.unwrap()).await;
    let report = house.review(Method::GET, &format!("/v1/reports/{id}"), None).await.expect(200);
    assert_eq!((&report["used"][0]["item"], &report["used"][0]["count"]), (&items[0], &json!(1)));
    assert_eq!(report["never_used"], json!([items[1]]));
    let revoked = format!("/v1/approvals/{id}/revoke");
    house.review(Method::POST, &revoked, None).await.expect(200);
    let report = house.review(Method::GET, &format!("/v1/reports/{}", run.id), None).await.expect(200);
    assert_eq!(
        report["approvals"][0]["state"], "revoked",
        "the report of a run knows how its approvals ended"
    );
}
