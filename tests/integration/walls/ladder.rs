//! The ladder: what each rung is, and how a run climbs it, from inside real walls.

use reqwest::Method;
use serde_json::{Value, json};

use super::desk::{Desk, OUT, events};
use super::stand::{Stand, User};
use crate::house::{House, Upstream};

const LOCAL: &str = "[proxy]\nallow_addresses = [\"127.0.0.0/8\", \"::1/128\"]\n";

/// Approves what is asked, until so many were.
async fn approve(house: &House, many: usize) {
    for _ in 0..many {
        let pending = loop {
            let found = house.review(Method::GET, "/v1/approvals?state=pending", None).await.expect(200);
            if let Some(pending) = found["approvals"].as_array().and_then(|all| all.first()) {
                break pending.clone();
            }
            tokio::task::yield_now().await;
        };
        house.approve(&pending).await.expect(200);
    }
}

#[tokio::test]
async fn a_run_climbs_from_the_ground_to_the_top_by_recorded_steps() {
    let (house, upstream) = (House::start_with(LOCAL), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let open = Upstream::start().await;
    let host = format!("localhost:{}", open.address.port());
    let desk = Desk::new();
    // A connection is refused, asked for with the refusal's id, and then goes through; a credential is asked for without one.
    let script = format!(
        "set -e; exeat step 'look at {host}'
         use=$({OUT} http://{host}/x | sed 's/.*\"use\":\"\\(use_[0-9a-f]*\\)\".*/\\1/')
         exeat request --identity service:ci-bot --reason 'to look' --refusal $use --wait --item '{item}' > asked
         {OUT} -o /dev/null http://{host}/x || true
         exeat request --identity service:ci-bot --reason 'to read' --upstream files --method GET --path '/files/**' --wait >> asked
         {OUT} -H \"Authorization: Bearer $FILES_TOKEN\" {url}",
        item = json!({"type": "network", "hosts": [host]}),
        url = upstream.url("/files/a"),
    );
    let options = ["--profile", "read-only", "--credential", "files=service:ci-bot"];
    let script = script.replace("> asked", "> /tmp/asked").replace(">> asked", ">> /tmp/asked");
    let (ran, ()) = tokio::join!(desk.run(&house, &agent, &options, &script), approve(&house, 2));
    let ran = ran.expect(0);
    assert!(ran.out.contains(r#"{"ok":true}"#), "{ran:?}");
    let climbs = events(&house, "run_climbed").await;
    let refused = events(&house, "use_refused").await;
    let steps: Vec<(&Value, &Value)> = climbs.iter().map(|climb| (&climb["from"], &climb["to"])).collect();
    assert_eq!(
        steps,
        [(&json!("read-only"), &json!("networked")), (&json!("networked"), &json!("credentialed"))]
    );
    assert_eq!(climbs[0]["cause"], json!({"refusal": refused[0]["use"]}), "{refused:?}");
    assert!(climbs[1]["cause"]["approval"].is_string());
    let report = crate::house::binary()
        .args(["report", climbs[0]["run"].as_str().unwrap()])
        .env("EXEAT_REVIEW_URL", &house.review)
        .env("EXEAT_REVIEW_KEY", &house.review_key)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&report.stdout);
    assert!(told.contains("climbed from read-only to networked, after use_"), "{told}");
    assert!(told.contains("climbed from networked to credentialed, when apr_"), "{told}");
}

#[tokio::test]
async fn what_a_harness_claims_inside_stands_beside_what_is_observed() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let desk = Desk::new();
    let call = json!({"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_use_id": "toolu_1"});
    let script = format!(
        "set -e; exeat step 'read the docs'; exeat step 'read the docs' --over
         echo '{call}' | exeat hook claude-code; echo '{call}' | exeat hook codex
         {OUT} -o /dev/null {}",
        upstream.url("/files/a")
    );
    for profile in ["read-only", "workspace-write"] {
        desk.run(&house, &agent, &["--profile", profile], &script).await.expect(0);
    }
    let steps = events(&house, "run_step").await;
    let tools: Vec<&Value> = steps.iter().map(|step| &step["claim"]["claimed"]["tool"]).collect();
    assert_eq!(tools, ["step", "step", "Bash", "Bash", "step", "step", "Bash", "Bash"]);
    for refused in events(&house, "use_refused").await {
        assert_eq!(refused["step"]["claimed"]["step"]["call"], "toolu_1", "{refused}");
        assert_eq!(refused["step"]["observed"]["executable"], "/usr/bin/curl");
    }
}

#[test]
fn each_rung_explains_itself_plane_by_plane() {
    let stand = Stand::new(User::Root);
    stand.write(".git/hooks/pre-commit", "");
    for (profile, writable, loopback, possible) in [
        ("read-only", false, false, false),
        ("workspace-write", true, true, false),
        ("networked", true, true, false),
        ("credentialed", true, true, true),
    ] {
        let ran = stand.run(&["--profile", profile, "--explain", "--json"], &[]).expect(0);
        let told: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!((&told["profile"], &told["rung"]), (&json!(profile), &json!(profile)));
        assert_eq!(told["filesystem"]["writable"], writable);
        let protected = told["filesystem"]["protected"].as_array().unwrap();
        let hooks = json!(stand.workspace.join(".git/hooks"));
        assert_eq!(protected.contains(&hooks), writable, "{told}");
        assert_eq!(
            (&told["network"]["loopback"], &told["network"]["granted"]),
            (&json!(loopback), &json!([]))
        );
        assert_eq!(told["secrets"]["possible"], possible);
        assert_eq!((&told["walls"], &told["limits"]["seconds"]), (&json!(true), &json!(14400)));
        let said = stand.run(&["--profile", profile, "--explain"], &[]).expect(0).out;
        let lines = ["Filesystem\n", "Network\n", "Secrets\n", "Limits\n", "cannot reach any host"];
        assert!(lines.iter().all(|line| said.contains(line)), "{said}");
        assert_eq!(said.contains("cannot change"), writable, "{said}");
    }
    assert!(stand.calls().is_empty());
}

#[test]
fn placeholders_and_waiting_are_explained() {
    let stand = Stand::new(User::Root);
    let options =
        ["--profile", "credentialed", "--credential", "github=service:ci-bot", "--wait", "120", "--explain"];
    let said = stand.run(&options, &[]).expect(0).out;
    assert!(said.contains("in GITHUB_TOKEN, GH_TOKEN a placeholder for github as service:ci-bot"), "{said}");
    assert!(said.contains("up to 120 s for a person"), "{said}");
    let told = stand.run(&[&options[..], &["--json"]].concat(), &[]).expect(0).out;
    let told: Value = serde_json::from_str(&told).unwrap();
    let placeholder = &told["secrets"]["placeholders"][0];
    assert_eq!(placeholder["stands_for"], json!({"upstream": "github", "identity": "service:ci-bot"}));
    assert_eq!(placeholder["variables"], json!(["GITHUB_TOKEN", "GH_TOKEN"]));
    for wrong in ["github", "=service:ci-bot", "github=ci-bot"] {
        stand.run(&["--credential", wrong], &["true"]).expect(2);
    }
    stand.run(&["--wait", "121"], &["true"]).expect(2);
    assert!(stand.calls().is_empty());
}

#[test]
fn the_hosts_of_a_profile_are_explained_and_told_to_the_broker() {
    let stand = Stand::new(User::Root);
    let profile = stand.profile("networked", |text| {
        text.replacen("hosts = []", "hosts = [\"crates.io:443\", \"*.crates.io:443\"]", 1)
    });
    let said = stand.run(&["--profile", &profile, "--explain"], &[]).expect(0).out;
    assert!(said.contains("crates.io:443"), "{said}");
    stand.run(&["--profile", &profile], &["true"]).expect(0);
    let (_, body) = stand.calls().remove(0);
    assert_eq!(body["network"], json!([{"type": "network", "hosts": ["crates.io:443", "*.crates.io:443"]}]));
}
