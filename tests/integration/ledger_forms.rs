//! The log in the forms of other people's tools, taken away with the real binary.

use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{House, Upstream, answer, binary};

/// What `exeat log export` prints with these arguments, and how it exits.
fn export(house: &House, arguments: &[&str]) -> (Option<i32>, String) {
    let output = binary()
        .args(["log", "export"])
        .args(arguments)
        .env("EXEAT_REVIEW_URL", &house.review)
        .env("EXEAT_REVIEW_KEY", &house.review_key)
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn events(house: &House, format: &str) -> Vec<Value> {
    let (code, lines) = export(house, &["--format", format]);
    assert_eq!(code, Some(0));
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn named<'a>(events: &'a [Value], pointer: &str, name: &str) -> &'a Value {
    let found = events.iter().find(|event| event.pointer(pointer) == Some(&json!(name)));
    found.unwrap_or_else(|| panic!("{name}: {events:?}"))
}

#[tokio::test]
async fn the_log_is_taken_away_as_cloud_events_and_as_ocsf() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let (approval, token) = house.token(&agent, "/files/*", json!({"max_uses": 5})).await;
    let http = house.through_proxy(&agent);
    let used = http.get(upstream.url("/files/a?page=1")).bearer_auth(&token).send().await.unwrap();
    assert_eq!(answer(used).await.status, 200);
    let refused =
        answer(http.delete(upstream.url("/files/a")).bearer_auth(&token).send().await.unwrap()).await;
    assert_eq!(refused.status, 403);
    let stranger =
        house.http.get(format!("{}/v1/me", house.agent)).bearer_auth("nobody's").send().await.unwrap();
    assert_eq!(stranger.status(), 401);

    let said = events(&house, "cloudevents");
    let log = house.log().await;
    for (index, event) in said.iter().enumerate() {
        assert_eq!((&event["specversion"], &event["id"]), (&json!("1.0"), &json!(index.to_string())));
        assert_eq!(event["data"], log[index]["entry"], "the entry as it stands");
        assert_eq!(event["time"], log[index]["entry"]["at"]);
    }
    assert_eq!(named(&said, "/type", "exeat.requested")["subject"], json!(approval));
    let refusal = named(&said, "/type", "exeat.use_refused");
    assert_eq!(refusal["subject"], refused.body["use"]);

    let said = events(&house, "ocsf");
    let started = named(&said, "/metadata/event_code", "use_started");
    assert_eq!((&started["class_uid"], &started["type_uid"]), (&json!(6003), &json!(600_302)));
    assert_eq!(started["actor"], json!({"app_uid": agent.id, "user": {"name": "service:ci-bot"}}));
    assert_eq!(started["http_request"]["url"]["path"], "/files/a");
    assert_eq!(started["dst_endpoint"]["port"], upstream.address.port());
    let finished = named(&said, "/metadata/event_code", "use_finished");
    assert_eq!((&finished["status_id"], &finished["http_response"]["code"]), (&json!(1), &json!(200)));
    let refusal = named(&said, "/metadata/event_code", "use_refused");
    assert_eq!((&refusal["activity_id"], &refusal["status_id"]), (&json!(4), &json!(2)));
    assert_eq!(refusal["api"]["response"]["error"], "not_permitted");
    let decided = named(&said, "/metadata/event_code", "decided");
    assert_eq!(decided["actor"]["user"]["name"], "Alice");
    let failed = named(&said, "/metadata/event_code", "authentication_failed");
    assert_eq!((&failed["class_uid"], &failed["type_uid"]), (&json!(3002), &json!(300_201)));

    let text = serde_json::to_string(&said).unwrap();
    assert!(!text.contains(&token) && !text.contains(upstream.secret()) && !text.contains("page=1"));
    let read: Vec<Value> =
        house.log().await.iter().map(|line| line["entry"]["event"]["what"].clone()).collect();
    assert!(read.contains(&json!("export as cloudevents")) && read.contains(&json!("export as ocsf")));
}

#[tokio::test]
async fn the_form_that_can_be_verified_comes_unless_another_is_named_and_none_that_is_unknown() {
    let house = House::start();
    for arguments in [&[][..], &["--format", "jsonl"]] {
        let (code, lines) = export(&house, arguments);
        assert_eq!(code, Some(0));
        assert!(lines.starts_with("{\"format\":\"exeat-ledger/1\""), "{lines}");
    }
    assert_eq!(export(&house, &["--format", "syslog"]), (Some(2), String::new()));
    let unknown = house.review(Method::GET, "/v1/ledger/export?format=syslog", None).await;
    assert_eq!(unknown.status, 400, "{}", unknown.body);
    let file = house.dir.path().join("events.jsonl");
    assert_eq!(export(&house, &["--format", "ocsf", file.to_str().unwrap()]).0, Some(0));
    assert!(std::fs::read_to_string(file).unwrap().lines().all(|line| line.starts_with('{')));
}

/// The searches of `examples/four-questions.md`, each as it is written there.
#[tokio::test]
async fn each_search_for_the_four_questions_finds_its_answer_in_an_export() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let (approval, token) = house.token(&agent, "/files/*", json!({"max_uses": 5})).await;
    let http = house.through_proxy(&agent);
    let used = http.get(upstream.url("/files/a")).bearer_auth(&token).send().await.unwrap();
    assert_eq!(answer(used).await.status, 200);
    for (file, format) in [("log.jsonl", "jsonl"), ("ocsf.jsonl", "ocsf"), ("events.jsonl", "cloudevents")] {
        let at = house.dir.path().join(file);
        assert_eq!(export(&house, &["--format", format, at.to_str().unwrap()]).0, Some(0));
    }
    let written = include_str!("../../examples/four-questions.md");
    let mut searches = 0;
    for (section, answer) in written.split("\n## ").skip(1).zip(["/files/*", "/files/a", "{}", "Alice"]) {
        for search in section.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            let found = std::process::Command::new("sh")
                .args(["-c", search])
                .env("ID", &approval)
                .current_dir(house.dir.path())
                .output()
                .unwrap();
            let (said, wrong) =
                (String::from_utf8(found.stdout).unwrap(), String::from_utf8(found.stderr).unwrap());
            assert!(said.contains(answer) && said.lines().count() == 1, "{search}{said}{wrong}");
            searches += 1;
        }
    }
    assert_eq!(searches, 12);
}
