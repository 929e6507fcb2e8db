//! The socket is the run's identity, and the first line on it what the shim observed: neither can be talked into anything else.

use serde_json::{Value, json};

use super::shim::{COMMAND, preface};
use super::{events, plain, start, tell, token};
use crate::house::{House, Upstream, answer};

#[tokio::test]
async fn what_the_shim_saw_stands_in_the_refusal_the_statement_and_the_use() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let run = start(&house, &agent, plain("read-only")).await;
    let http = run.shim.client(&house, &[]);
    tell(&house, &agent, &run, json!({"claimed": {"tool": "Bash", "call": "toolu_1"}})).await.expect(204);
    let refused = answer(http.get(upstream.url("/files/a")).send().await.unwrap()).await;
    assert_eq!(refused.problem(), "not_permitted");
    let mut ask = refused.body["ask"]["body"].clone();
    assert_eq!(ask["run"], run.id.as_str(), "what is asked is asked for the run");
    ask["identity"] = json!("service:ci-bot");
    let approval = house.ask(&agent, reqwest::Method::POST, "/v1/approvals", Some(ask)).await.expect(201);
    house.approve(&approval).await.expect(200);
    let id = approval["id"].as_str().unwrap();
    let token = house.exchange(&agent, id).await.expect(200)["access_token"].clone();
    tell(&house, &agent, &run, json!({"over": {"tool": "Bash", "call": "toolu_1"}})).await.expect(204);
    answer(http.get(upstream.url("/files/a")).bearer_auth(token.as_str().unwrap()).send().await.unwrap())
        .await
        .expect(200);

    let observed = json!({"pid": 77, "executable": "/usr/bin/git", "command": COMMAND,
        "parents": [{"pid": 7, "executable": "/bin/sh"}]});
    let refusals = events(&house, "use_refused").await;
    let statement = &events(&house, "requested").await[0]["statement"];
    let used = &events(&house, "use_started").await[0];
    for step in [&refusals[0]["step"], &statement["step"], &used["step"]] {
        assert_eq!(step["observed"], observed);
    }
    assert_eq!((&refusals[0]["run"], &used["run"]), (&json!(run.id), &json!(run.id)));
    assert_eq!(refusals[0]["step"]["claimed"]["step"], json!({"tool": "Bash", "call": "toolu_1"}));
    assert!(refusals[0]["step"]["claimed"]["ended"].is_null());
    assert!(used["step"]["claimed"]["ended"].is_string(), "the claim was over when the use began");
    let report = house.review(reqwest::Method::GET, &format!("/v1/reports/{id}"), None).await.expect(200);
    assert_eq!(report["trigger"]["observed"], observed);
}

#[tokio::test]
async fn h09_a_step_that_an_agent_tells_is_never_observed() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let body = json!({"identity": "service:ci-bot", "reason": "to test",
        "step": {"observed": {"pid": 1, "executable": "/bin/true", "command": COMMAND}},
        "items": [{"type": "http", "upstream": "files", "methods": ["GET"], "paths": ["/files/a"]}]});
    let refused = house.ask(&agent, reqwest::Method::POST, "/v1/approvals", Some(body)).await;
    assert_eq!(refused.problem(), "request_invalid");
}

#[tokio::test]
async fn a_connection_without_its_first_line_is_closed_unheard() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let run = start(&house, &agent, plain("networked")).await;
    let request = "GET http://localhost:1/ HTTP/1.1\r\nHost: localhost:1\r\nConnection: close\r\n\r\n";
    for first in
        ["", "{\"v\":1", "{\"v\":2}\n", "{\"v\":1,\"v\":1}\n", "{\"v\":1}\r\n", " \n", &"x".repeat(5000)]
    {
        assert_eq!(run.shim.raw(format!("{first}{request}").as_bytes()).await, "", "{first:?}");
    }
    for first in ["{\"v\":1}\n", &preface()] {
        let answer = run.shim.raw(format!("{first}{request}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    }
}

#[tokio::test]
async fn g12_an_agent_key_on_a_runs_socket_is_nobody_else() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let other = house.enrol("other").await;
    let run = start(&house, &agent, plain("networked")).await;
    for key in [&agent.key, &other.key] {
        for line in ["GET http://localhost:1/ HTTP/1.1", "CONNECT localhost:1 HTTP/1.1"] {
            let request = format!(
                "{}{line}\r\nHost: localhost:1\r\nProxy-Authorization: Bearer {key}\r\nConnection: close\r\n\r\n",
                preface()
            );
            let answer = run.shim.raw(request.as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("key_on_run_socket"), "{answer}");
        }
    }
}

#[tokio::test]
async fn h10_a_runs_token_works_on_its_own_socket_alone() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let (run, other) =
        (start(&house, &agent, plain("read-only")).await, start(&house, &agent, plain("read-only")).await);
    let inside = token(&house, &agent, &run, "/files/a").await;
    let (_, outside) = house.token(&agent, "/files/a", json!({})).await;
    let send = async |http: reqwest::Client, token: &str| {
        answer(http.get(upstream.url("/files/a")).bearer_auth(token).send().await.unwrap()).await
    };
    for (http, token) in [
        (house.through_proxy(&agent), &inside),
        (other.shim.client(&house, &[]), &inside),
        (run.shim.client(&house, &[]), &outside),
    ] {
        assert_eq!(send(http, token).await.problem(), "token_invalid");
    }
    assert!(upstream.heads().is_empty());
    send(run.shim.client(&house, &[]), &inside).await.expect(200);
    send(house.through_proxy(&agent), &outside).await.expect(200);
    let reasons: Vec<Value> =
        events(&house, "use_refused").await.iter().map(|refusal| refusal["reason"].clone()).collect();
    assert_eq!(reasons, ["other_run", "other_run", "other_run"]);
}

#[tokio::test]
async fn b11_a_run_reaches_no_listener_of_exeat() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let mut body = plain("networked");
    let authority = |url: &str| url.trim_start_matches("http://").to_owned();
    let listeners = [&house.agent, &house.review, &house.proxy].map(|url| authority(url));
    body["network"] = json!([{"type": "network", "hosts": listeners}]);
    let run = start(&house, &agent, body).await;
    for listener in listeners {
        let request = format!(
            "{}GET http://{listener}/healthz HTTP/1.1\r\nHost: {listener}\r\nConnection: close\r\n\r\n",
            preface()
        );
        let answer = run.shim.raw(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("destination_refused"), "{answer}");
    }
}
