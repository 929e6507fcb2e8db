//! A run begins, climbs and ends on record; when it has ended, nothing of it works.

use std::os::unix::fs::MetadataExt as _;

use reqwest::Method;
use serde_json::json;

use super::{approved, end, events, plain, start, tell, token};
use crate::house::{House, Upstream, answer};

#[tokio::test]
async fn a_run_begins_and_ends_on_record_and_its_socket_with_it() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let stranger = house.enrol("stranger").await;
    let run = start(&house, &agent, plain("read-only")).await;
    let mode = |path: &std::path::Path| std::fs::symlink_metadata(path).unwrap().mode() & 0o777;
    assert_eq!((mode(&run.socket), mode(run.socket.parent().unwrap())), (0o600, 0o700));
    assert_eq!(end(&house, &stranger, &run, json!({"cause": "exited"})).await.problem(), "not_found");
    end(&house, &agent, &run, json!({"cause": "exited", "exit": 3})).await.expect(204);
    assert!(!run.socket.exists() && !run.socket.parent().unwrap().exists());
    end(&house, &agent, &run, json!({"cause": "timeout"})).await.expect(204);
    let (began, ended) = (events(&house, "run_started").await, events(&house, "run_ended").await);
    assert_eq!((began.len(), ended.len()), (1, 1));
    assert_eq!((&began[0]["rung"], &began[0]["workspace"]), (&json!("read-only"), &json!("/work")));
    assert_eq!(ended[0]["end"], json!({"cause": "exited", "exit": 3}));
    assert_eq!(tell(&house, &agent, &run, json!({"claimed": {"tool": "Bash"}})).await.problem(), "not_found");
}

#[tokio::test]
async fn i09_what_was_granted_to_a_run_ends_with_it() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let run = start(&house, &agent, plain("networked")).await;
    let token = token(&house, &agent, &run, "/files/a").await;
    let unspent = approved(&house, &agent, &run, "/files/b", json!({})).await;
    let http = run.shim.client(&house, &[]);
    let send = async || http.get(upstream.url("/files/a")).bearer_auth(&token).send().await;
    answer(send().await.unwrap()).await.expect(200);
    let body = json!({"identity": "service:ci-bot", "reason": "to test", "run": run.id,
        "items": [{"type": "http", "upstream": "files", "methods": ["GET"], "paths": ["/files/c"]}]});
    let pending = house.ask(&agent, Method::POST, "/v1/approvals", Some(body.clone())).await.expect(201);

    end(&house, &agent, &run, json!({"cause": "signalled", "exit": 9})).await.expect(204);
    assert!(send().await.is_err(), "the connection is gone with its run");
    assert_eq!(
        house.exchange(&agent, unspent["id"].as_str().unwrap()).await.expect(400)["error"],
        "invalid_grant"
    );
    assert_eq!(house.approve(&pending).await.problem(), "approval_not_pending");
    assert_eq!(
        house.ask(&agent, Method::POST, "/v1/approvals", Some(body)).await.problem(),
        "request_invalid"
    );
    let direct = house.through_proxy(&agent).get(upstream.url("/files/a")).bearer_auth(&token);
    assert_eq!(answer(direct.send().await.unwrap()).await.problem(), "token_invalid");
    assert_eq!(upstream.heads().len(), 1);
    assert_eq!(events(&house, "cancelled").await[0]["run"], run.id.as_str());
}

#[tokio::test]
async fn a_run_that_a_broker_left_open_is_closed_at_the_next_start() {
    let (mut house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let run = start(&house, &agent, plain("read-only")).await;
    house.kill_and_restart();
    assert!(!run.socket.exists());
    assert_eq!(events(&house, "run_ended").await[0]["end"], json!({"cause": "unknown"}));
    let second = start(&house, &agent, plain("read-only")).await;
    assert!(house.stop().success() && !second.socket.exists());
    house.start_again(&[]);
    assert_eq!(events(&house, "run_ended").await[1]["end"], json!({"cause": "broker_stopped"}));
    end(&house, &agent, &run, json!({"cause": "exited"})).await.expect(204);
    assert_eq!(events(&house, "run_ended").await.len(), 2, "what has ended ends once");
}

#[tokio::test]
async fn a_removed_agent_has_no_run() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let run = start(&house, &agent, plain("read-only")).await;
    house.review(Method::POST, &format!("/v1/agents/{}/remove", agent.id), None).await.expect(204);
    assert!(!run.socket.exists());
    assert_eq!(events(&house, "run_ended").await[0]["end"]["cause"], "agent_removed");
}

#[tokio::test]
async fn a_run_climbs_by_recorded_steps_and_never_back() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let run = start(&house, &agent, plain("read-only")).await;
    let climb = |to: &str, cause| json!({"climb": {"to": to, "cause": cause}});
    let write = json!({"refused_write": "src/main.rs"});
    tell(&house, &agent, &run, climb("workspace-write", write.clone())).await.expect(204);
    let again = tell(&house, &agent, &run, climb("read-only", write)).await;
    assert_eq!(again.problem(), "request_invalid");
    let foreign = json!({"refusal": "use_0193559c0a0070008000000000000000"});
    assert_eq!(tell(&house, &agent, &run, climb("networked", foreign)).await.problem(), "request_invalid");
    let token = token(&house, &agent, &run, "/files/a").await;
    let http = run.shim.client(&house, &[]);
    answer(http.get(upstream.url("/files/a")).bearer_auth(&token).send().await.unwrap()).await.expect(200);
    let log = house.log().await;
    let place = |name: &str| log.iter().rposition(|line| line["entry"]["event"]["type"] == name).unwrap();
    assert!(place("run_climbed") < place("use_started"), "a credential is used on its rung, never before");
    let climbs = events(&house, "run_climbed").await;
    let told = |index: usize| (climbs[index]["from"].clone(), climbs[index]["to"].clone());
    assert_eq!(climbs.len(), 2);
    assert_eq!(told(0), (json!("read-only"), json!("workspace-write")));
    assert_eq!(told(1), (json!("workspace-write"), json!("credentialed")));
    assert!(climbs[1]["cause"]["approval"].is_string());
}

#[tokio::test]
async fn bad_beginnings_are_refused_and_name_the_field() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    for (field, value) in [
        ("rung", json!("root")),
        ("profile", json!("a\u{202e}b")),
        ("workspace", json!("a\nb")),
        ("command", json!("ls")),
        ("network", json!([{"type": "network", "hosts": ["example.com:443"]}])),
        ("network", json!([{"type": "filesystem", "access": "read", "paths": ["**"]}])),
        ("filesystem", json!([{"type": "network", "hosts": ["example.com:443"]}])),
        ("credentials", json!([{"upstream": "files", "identity": "service:other"}])),
        ("credentials", json!([{"upstream": "other", "identity": "service:ci-bot"}])),
        ("wait_seconds", json!(121)),
        ("surprise", json!(1)),
    ] {
        let mut body = plain("read-only");
        body[field] = value;
        let refused = house.ask(&agent, Method::POST, "/v1/runs", Some(body)).await;
        assert_eq!(refused.status, 400, "{field}: {}", refused.body);
        assert!(refused.body.to_string().contains(field), "{field}: {}", refused.body);
    }
    assert!(events(&house, "run_started").await.is_empty());
}

#[tokio::test]
async fn a_run_without_walls_is_forbidden_until_the_policy_allows_it_and_then_says_so_everywhere() {
    let mut body = plain("networked");
    body["unsafe_no_sandbox"] = json!(true);
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let refused = house.ask(&agent, Method::POST, "/v1/runs", Some(body.clone())).await;
    assert_eq!((refused.status, refused.problem()), (403, "sandbox_required"));

    let house = House::start_with("[policy]\nunsafe_no_sandbox = true\n");
    let agent = house.install(&upstream, "bearer").await;
    let run = start(&house, &agent, body).await;
    assert!(run.id.starts_with("run_unsafe_no_sandbox_"), "{}", run.id);
    let installed = house.log().await.len();
    let token = token(&house, &agent, &run, "/files/a").await;
    let http = run.shim.client(&house, &[]);
    answer(http.get(upstream.url("/files/a")).bearer_auth(&token).send().await.unwrap()).await.expect(200);
    answer(http.get(upstream.url("/files/b")).bearer_auth(&token).send().await.unwrap()).await.expect(403);
    tell(&house, &agent, &run, json!({"claimed": {"tool": "Bash"}})).await.expect(204);
    end(&house, &agent, &run, json!({"cause": "exited", "exit": 0})).await.expect(204);
    let log = house.log().await;
    let entries: Vec<_> =
        log.iter().skip(installed).filter(|line| line["entry"]["event"]["type"] != "ledger_read").collect();
    assert!(entries.len() >= 8, "{entries:?}");
    for line in entries {
        assert!(
            line.to_string().contains("unsafe_no_sandbox"),
            "an entry of the run does not say it: {line}"
        );
    }
}

#[tokio::test]
async fn j12_an_agent_has_so_many_runs_under_way_and_doctor_says_what_is_open_to_them() {
    let house = House::start_with("[proxy]\nallow_addresses = [\"10.1.0.0/16\"]\n");
    let upstream = Upstream::start().await;
    let agent = house.install(&upstream, "bearer").await;
    let first = start(&house, &agent, plain("read-only")).await;
    for _ in 1..64 {
        house.ask(&agent, Method::POST, "/v1/runs", Some(plain("read-only"))).await.expect(201);
    }
    let full = house.ask(&agent, Method::POST, "/v1/runs", Some(plain("read-only"))).await;
    assert_eq!(full.problem(), "rate_limited");
    end(&house, &agent, &first, json!({"cause": "exited"})).await.expect(204);
    house.ask(&agent, Method::POST, "/v1/runs", Some(plain("read-only"))).await.expect(201);
    let doctor = crate::house::binary().args(["doctor", "--data-dir"]).arg(house.data()).output().unwrap();
    let told = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(told.contains("private addresses of runs") && told.contains("10.1.0.0/16"), "{told}");
}

#[test]
fn b10_no_setting_opens_metadata_to_runs() {
    for range in ["169.254.0.0/16", "0.0.0.0/0", "fd00:ec2::254/128", "8.8.8.0/24"] {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let init = crate::house::binary().args(["init", "--person", "A", "--data-dir"]).arg(&data).output();
        assert!(init.unwrap().status.success());
        std::fs::write(data.join("config.toml"), format!("[proxy]\nallow_addresses = [\"{range}\"]\n"))
            .unwrap();
        let serve = crate::house::binary().args(["serve", "--data-dir"]).arg(&data).output().unwrap();
        let told = String::from_utf8_lossy(&serve.stderr).into_owned();
        assert!(!serve.status.success() && told.contains("allow_addresses"), "{range}: {told}");
    }
}
