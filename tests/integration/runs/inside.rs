//! What a run says to Exeat through its own socket: its steps, and what it asks for. It needs no key, and gets nowhere else.

use std::io::Write as _;
use std::process::{Output, Stdio};

use reqwest::Method;
use serde_json::{Value, json};

use super::shim::preface;
use super::{Run, events, plain, start, tell};
use crate::house::{House, Upstream, answer, binary};

/// A command of ours as it runs inside: no key, only the run's proxy.
async fn command(run: &Run, arguments: &[&str], input: &str) -> Output {
    let mut command = binary();
    command.args(arguments).env("EXEAT_RUN", &run.id).env("HTTP_PROXY", run.shim.url());
    let input = input.to_owned();
    let ended = tokio::task::spawn_blocking(move || {
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
        child.wait_with_output().unwrap()
    });
    ended.await.unwrap()
}

fn call(event: &str, id: &str) -> String {
    json!({"session_id": "s", "transcript_path": null, "cwd": "/w", "hook_event_name": event, "model": "m",
        "tool_name": "Bash", "tool_input": {"command": "curl -H 'X-Key: planted-in-tool-input'"}, "tool_use_id": id})
    .to_string()
}

#[tokio::test]
async fn hooks_put_the_claimed_step_on_record_and_never_what_the_tool_is_given() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let run = start(&house, &agent, plain("read-only")).await;
    for (harness, id) in [("claude-code", "toolu_1"), ("codex", "call_1")] {
        let hook = command(&run, &["hook", harness], &call("PreToolUse", id)).await;
        assert_eq!((hook.status.code(), hook.stdout.as_slice()), (Some(0), &b""[..]), "{hook:?}");
    }
    let http = run.shim.client(&house, &[]);
    http.get(upstream.url("/files/a")).send().await.unwrap();
    command(&run, &["hook", "codex"], &call("PostToolUse", "call_1")).await;
    http.get(upstream.url("/files/b")).send().await.unwrap();
    let step = command(&run, &["step", "run the tests", "--json"], "").await;
    assert!(step.status.success(), "{step:?}");
    let claims = events(&house, "run_step").await;
    assert_eq!(claims[0]["claim"], json!({"claimed": {"tool": "Bash", "call": "toolu_1"}}));
    assert_eq!(claims[2]["claim"], json!({"claimed": {"tool": "Bash", "call": "call_1"}, "over": true}));
    assert_eq!(claims[3]["claim"], json!({"claimed": {"tool": "step", "call": "run the tests"}}));
    let refused = events(&house, "use_refused").await;
    let claim = |index: usize| refused[index]["step"]["claimed"].clone();
    assert_eq!((&claim(0)["step"]["call"], &claim(0)["ended"]), (&json!("call_1"), &Value::Null));
    assert!(claim(1)["ended"].is_string());
    assert!(!serde_json::to_string(&house.log().await).unwrap().contains("planted-in-tool-input"), "e07");
}

#[tokio::test]
async fn a_hook_never_stops_a_tool() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let run = start(&house, &agent, plain("read-only")).await;
    for input in ["", "{}", "not json", r#"{"hook_event_name":"PreToolUse","tool_name":"\u202e"}"#] {
        assert_eq!(command(&run, &["hook", "codex"], input).await.status.code(), Some(1), "{input}");
    }
    super::end(&house, &agent, &run, json!({"cause": "exited"})).await.expect(204);
    assert_eq!(command(&run, &["hook", "codex"], &call("PreToolUse", "c")).await.status.code(), Some(1));
    let mut outside = binary();
    let outside = outside.args(["hook", "claude-code"]).stdin(Stdio::null()).output().unwrap();
    assert!(outside.status.success(), "{outside:?}");
}

#[tokio::test]
async fn a_run_asks_without_a_key_and_for_itself_alone() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let (run, other) =
        (start(&house, &agent, plain("read-only")).await, start(&house, &agent, plain("read-only")).await);
    let http = run.shim.client(&house, &[]);
    let body = json!({"identity": "service:ci-bot", "reason": "to test",
        "items": [{"type": "http", "upstream": "files", "methods": ["GET"], "paths": ["/files/a"]}]});
    let url = "http://exeat.internal/v1/approvals";
    let asked = answer(http.post(url).json(&body).send().await.unwrap()).await.expect(201);
    let statement = &events(&house, "requested").await[0]["statement"];
    assert_eq!((&statement["run"], &statement["step"]["observed"]["pid"]), (&json!(run.id), &json!(77)));
    let one = format!("{url}/{}", asked["id"].as_str().unwrap());
    let waiting = http.get(format!("{one}?wait=30"));
    let (waited, _) =
        tokio::join!(async { answer(waiting.send().await.unwrap()).await.expect(200) }, async {
            house.approve(&asked).await.expect(200)
        });
    assert_eq!(waited["state"], "approved");
    let neighbour = other.shim.client(&house, &[]);
    assert_eq!(answer(neighbour.get(&one).send().await.unwrap()).await.problem(), "not_found");
    let list = answer(neighbour.get(url).send().await.unwrap()).await.expect(200);
    assert_eq!(list, json!({"approvals": []}));
    let mut foreign = body.clone();
    foreign["run"] = json!(other.id);
    assert_eq!(
        answer(http.post(url).json(&foreign).send().await.unwrap()).await.problem(),
        "request_invalid"
    );
    let shown = command(&run, &["approvals", "show", asked["id"].as_str().unwrap(), "--json"], "").await;
    assert!(shown.status.success() || !shown.stderr.is_empty());
}

#[tokio::test]
async fn b11_nothing_else_of_the_api_is_there_and_nobody_else_gets_there() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let run = start(&house, &agent, plain("networked")).await;
    let http = run.shim.client(&house, &[]);
    for (method, path) in [
        (Method::POST, "/v1/runs".to_owned()),
        (Method::POST, format!("/v1/runs/{}/end", run.id)),
        (Method::POST, format!("/v1/runs/{}/steps", run.id)),
        (Method::POST, "/oauth/token".to_owned()),
        (Method::GET, "/v1/me".to_owned()),
        (Method::GET, "/metrics".to_owned()),
        (Method::GET, "/openapi.json".to_owned()),
    ] {
        let url = format!("http://exeat.internal{path}");
        let keyed = http.request(method.clone(), url).bearer_auth(&agent.key).json(&json!({}));
        assert_eq!(answer(keyed.send().await.unwrap()).await.status, 404, "{method} {path}");
    }
    let climb = json!({"climb": {"to": "credentialed", "cause": {"refused_write": "x"}}});
    let told = http.post("http://exeat.internal/v1/steps").json(&climb).send().await.unwrap();
    assert_eq!(answer(told).await.problem(), "request_invalid");
    let long = http.post("http://exeat.internal/v1/steps").body("x".repeat(70_000)).send().await.unwrap();
    assert_eq!(answer(long).await.problem(), "body_too_long");
    let outside = house.through_proxy(&agent).get("http://exeat.internal/v1/approvals").send().await.unwrap();
    assert_eq!(answer(outside).await.problem(), "destination_refused");
    for line in ["CONNECT exeat.internal:443", "CONNECT exeat.internal:80", "GET http://exeat.internal:8080/"]
    {
        let host = line.split(' ').nth(1).unwrap().trim_start_matches("http://").trim_end_matches('/');
        let request = format!("{}{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", preface());
        let told = run.shim.raw(request.as_bytes()).await;
        assert!(told.starts_with("HTTP/1.1 403"), "{told}");
    }
}

#[tokio::test]
async fn j12_a_run_may_claim_only_so_many_steps() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let run = start(&house, &agent, plain("read-only")).await;
    let mut refused = 0;
    for _ in 0..620 {
        let told = tell(&house, &agent, &run, json!({"claimed": {"tool": "Bash"}})).await;
        refused += u32::from(told.status == 429);
    }
    assert!(refused >= 20, "{refused}");
}
