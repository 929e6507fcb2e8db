//! `exeat why`: the same verdict as a request would have, and nothing happens.

use std::io::Write as _;
use std::process::Stdio;

use reqwest::Method;
use serde_json::{Value, json};

use super::Stand;
use crate::house::binary;

pub(super) struct Told {
    pub(super) code: i32,
    pub(super) said: Value,
}

impl Stand {
    /// How many entries there are, but for those that a look at them makes.
    async fn told(&self) -> usize {
        self.house.log().await.iter().filter(|entry| entry["entry"]["event"]["type"] != "ledger_read").count()
    }

    /// Asks on the command line, as the agent or as a person.
    pub(super) fn why(&self, as_agent: bool, arguments: &[&str], token: Option<&str>) -> Told {
        let mut command = binary();
        if as_agent {
            command.env("EXEAT_URL", &self.house.agent).env("EXEAT_AGENT_KEY", &self.agent.key);
        } else {
            command
                .env("EXEAT_REVIEW_URL", &self.house.review)
                .env("EXEAT_REVIEW_KEY", &self.house.review_key);
        }
        command.arg("why").args(arguments).arg("--json");
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(token.unwrap_or_default().as_bytes()).unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        let said = if output.stdout.is_empty() { &output.stderr } else { &output.stdout };
        Told { code: output.status.code().unwrap(), said: serde_json::from_slice(said).unwrap() }
    }
}

#[tokio::test]
async fn an_agent_learns_what_allows_a_request_or_what_is_missing() {
    let stand = Stand::new().await;
    let url = |path: &str| stand.upstream.url(path);
    let before = stand.why(true, &["GET", &url("/files/a?x=secret")], None);
    assert_eq!((before.code, &before.said["reason"]), (3, &json!("outside_scope")));
    assert_eq!(before.said["missing"][0]["paths"], json!(["/files/a"]));
    assert!(before.said["ask"]["command"].as_str().unwrap().starts_with("exeat request --identity IDENTITY"));
    assert!(before.said["target"].as_str().unwrap().ends_with("/files/a?x=***"), "{}", before.said);
    let (approval, token) = stand.house.token(&stand.agent, "/files/a", json!({"max_uses": 1})).await;
    let granted = stand.why(true, &["GET", &url("/files/a")], None);
    assert_eq!((granted.code, &granted.said["approval"]), (0, &json!(approval)), "{}", granted.said);
    assert_eq!(granted.said["identity"], "service:ci-bot");
    for _ in 0..3 {
        let held = stand.why(true, &["--token-stdin", "GET", &url("/files/a")], Some(&token));
        assert_eq!((held.code, &held.said["reason"]), (0, &json!("granted")));
    }
    let outside = stand.why(true, &["--token-stdin", "DELETE", &url("/files/a")], Some(&token));
    assert_eq!((outside.code, &outside.said["ask"]["body"]["identity"]), (3, &json!("service:ci-bot")));
    for (method, path, reason) in
        [("GET", "/files/../a", "dot_segment"), ("TRACE", "/files/a", "method_unknown")]
    {
        let odd = stand.why(true, &[method, &url(path)], None);
        assert_eq!(odd.code, 3, "{path}: {} {reason}", odd.said);
        assert_eq!(odd.said["missing"], Value::Null);
    }
    for (url, reason) in [("https://elsewhere.example/", "not_governed"), ("elsewhere", "host")] {
        let elsewhere = stand.why(true, &["GET", url], None);
        assert_eq!((elsewhere.code, &elsewhere.said["reason"]), (3, &json!(reason)), "{url}");
    }
    let foreign = stand.why(true, &["--token-stdin", "GET", &url("/files/a")], Some("ghp_0123456789abcdef"));
    assert_eq!((foreign.code, &foreign.said["reason"]), (3, &json!("foreign_credential")));
    let (_, theirs) = stand.house.token(&stand.other, "/files/a", json!({})).await;
    let before = stand.told().await;
    for (arguments, token) in [(&["--token-stdin", "GET"][..], Some(&*theirs)), (&["GET"], None)] {
        let told = stand.why(true, &[arguments, &[&url("/files/a")]].concat(), token);
        assert_eq!(told.code, if token.is_some() { 3 } else { 0 });
    }
    assert_eq!(stand.told().await, before, "nothing is put on record");
    assert!(stand.upstream.heads().is_empty(), "nothing is sent");
    // The one use is still there.
    let proxy = stand.house.through_proxy(&stand.agent);
    assert_eq!(proxy.get(url("/files/a")).bearer_auth(&token).send().await.unwrap().status(), 200);
    let spent = stand.why(true, &["--token-stdin", "GET", &url("/files/a")], Some(&token));
    assert_eq!((spent.code, &spent.said["reason"]), (3, &json!("used_up")));
    let spent = stand.why(true, &["GET", &url("/files/a")], None);
    assert_eq!((spent.code, &spent.said["reason"]), (3, &json!("used_up")), "{}", spent.said);
}

#[tokio::test]
async fn a_person_asks_about_a_run_or_an_agent() {
    let stand = Stand::new().await;
    let url = stand.upstream.url("/files/a");
    let body = json!({"profile": "networked", "rung": "networked",
        "network": [{"type": "network", "hosts": ["crates.io:443"]}],
        "credentials": [{"upstream": "files", "identity": "service:ci-bot"}]});
    let run = stand.house.ask(&stand.agent, Method::POST, "/v1/runs", Some(body)).await.expect(201);
    let run = run["id"].as_str().unwrap().to_owned();
    let why = |arguments: &[&str]| stand.why(false, arguments, None);
    let before = why(&["--run", &run, "GET", &url]);
    assert_eq!((before.code, &before.said["ask"]["body"]["run"]), (3, &json!(run)), "{}", before.said);
    assert_eq!(before.said["ask"]["body"]["identity"], "service:ci-bot", "as its placeholder says");
    assert_eq!(why(&["--run", &run, "GET", "https://crates.io/api"]).code, 0);
    let closed = why(&["--run", &run, "GET", "https://elsewhere.example/"]);
    assert_eq!((closed.code, &closed.said["missing"][0]["hosts"]), (3, &json!(["elsewhere.example:443"])));
    let mut ask = before.said["ask"]["body"].clone();
    ask["reason"] = json!("to test");
    let asked = stand.house.ask(&stand.agent, Method::POST, "/v1/approvals", Some(ask)).await.expect(201);
    stand.house.approve(&asked).await.expect(200);
    let granted = why(&["--run", &run, "GET", &url]);
    assert_eq!((granted.code, &granted.said["approval"]), (0, &asked["id"]), "{}", granted.said);
    assert_eq!(
        why(&["--agent", &stand.agent.id, "GET", &url]).code,
        3,
        "what is the run's is the run's alone"
    );
    let path = format!("/v1/runs/{run}/end");
    stand
        .house
        .ask(&stand.agent, Method::POST, &path, Some(json!({"cause": "exited", "exit": 0})))
        .await
        .expect(204);
    assert_eq!(why(&["--run", &run, "GET", &url]).said["reason"], "run_has_ended");
    assert_eq!(why(&["--run", "run_0193559c0a0070008000000000000000", "GET", &url]).code, 3);
    assert_eq!(why(&["GET", &url]).said["field"], "/run");
}

#[tokio::test]
async fn j03_an_agent_asks_about_nobody_else() {
    let stand = Stand::new().await;
    let body = json!({"profile": "read-only", "rung": "read-only"});
    let run = stand.house.ask(&stand.other, Method::POST, "/v1/runs", Some(body)).await.expect(201);
    let url = stand.upstream.url("/files/a");
    let ask = async |body: Value| stand.house.ask(&stand.agent, Method::POST, "/v1/why", Some(body)).await;
    assert_eq!(ask(json!({"method": "GET", "url": url, "run": run["id"]})).await.problem(), "not_found");
    assert_eq!(ask(json!({"method": "GET", "url": url, "agent": stand.other.id})).await.status, 400);
}
