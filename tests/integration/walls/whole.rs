//! The whole of it: a real broker, real walls, and a real upstream.

use std::os::unix::fs::symlink;

use reqwest::Method;
use serde_json::json;

use super::desk::{Desk, OUT, events};
use crate::house::{House, Upstream};

#[tokio::test]
async fn a_run_is_opened_walled_and_closed_on_the_record() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let desk = Desk::new();
    let ran = desk.run(&house, &agent, &["--profile", "workspace-write"], "echo done > made; exit 3").await;
    assert_eq!(ran.expect(3).err, "");
    assert_eq!(std::fs::read_to_string(desk.workspace.join("made")).unwrap(), "done\n");
    let (started, ended) = (events(&house, "run_started").await, events(&house, "run_ended").await);
    assert_eq!((started.len(), ended.len()), (1, 1));
    assert_eq!((&started[0]["rung"], &started[0]["run"]), (&json!("workspace-write"), &ended[0]["run"]));
    assert_eq!((&ended[0]["end"]["cause"], &ended[0]["end"]["exit"]), (&json!("exited"), &json!(3)));
    assert_eq!(std::fs::read_dir(house.data().join("runs")).unwrap().count(), 0, "no socket is left");
}

#[tokio::test]
async fn i10_a_placeholder_becomes_the_credential_only_outside_the_walls() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let desk = Desk::new();
    let url = upstream.url("/files/a");
    let get = format!("{OUT} -H \"Authorization: Bearer $FILES_TOKEN\" {url}");
    let options = ["--profile", "credentialed", "--credential", "files=service:ci-bot", "--wait", "60"];
    let script = format!("env; {get}");
    let asking = desk.run(&house, &agent, &options, &script);
    let deciding = async {
        // The request is held, and asked for on the run's behalf; a person finds it.
        let pending = loop {
            let found = house.review(Method::GET, "/v1/approvals?state=pending", None).await.expect(200);
            if let Some(pending) = found["approvals"].as_array().and_then(|all| all.first()) {
                break pending.clone();
            }
            tokio::task::yield_now().await;
        };
        house.approve(&pending).await.expect(200);
        events(&house, "use_refused").await.remove(0)
    };
    let (ran, refusal) = tokio::join!(asking, deciding);
    let ran = ran.expect(0);
    assert!(ran.out.contains(r#"{"ok":true}"#), "{ran:?}");
    assert!(!ran.out.contains(upstream.secret()) && upstream.heads()[0].contains(upstream.secret()));
    let observed = &refusal["step"]["observed"];
    assert_eq!(observed["executable"], "/usr/bin/curl", "{refusal}");
    let used = &events(&house, "use_started").await[0];
    assert_eq!(used["step"]["observed"]["executable"], "/usr/bin/curl");
}

#[tokio::test]
async fn the_brokers_own_doors_are_shut_to_a_run() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let desk = Desk::new();
    symlink(house.data(), desk.workspace.join("data")).unwrap();
    let script = format!(
        "cat data/vault.key data/ca.pem; ls data; \
         for url in {} {} {}; do curl -sS --noproxy '*' $url/healthz; {OUT} $url/healthz; done; echo tried",
        house.agent, house.review, house.proxy
    );
    let ran = desk.run(&house, &agent, &["--profile", "workspace-write"], &script).await;
    assert!(ran.out.ends_with("tried\n"), "{ran:?}");
    assert!(!ran.out.contains("BEGIN CERTIFICATE") && !ran.out.contains("exeat.db"), "{ran:?}");
    assert!(!ran.out.contains("\"ok\"") && !ran.out.contains("healthy"), "{ran:?}");
}

#[tokio::test]
async fn a_run_without_walls_is_forbidden_by_the_policy_until_it_is_allowed() {
    let upstream = Upstream::start().await;
    for (config, code) in [("", 3), ("[policy]\nunsafe_no_sandbox = true\n", 0)] {
        let house = House::start_with(config);
        let agent = house.install(&upstream, "bearer").await;
        let desk = Desk::new();
        let ran = desk.run(&house, &agent, &["--unsafe-no-sandbox"], "true").await.expect(code);
        assert!(ran.err.contains("no walls"), "{ran:?}");
    }
}

#[tokio::test]
async fn i03_an_upstream_with_an_authority_of_its_own_is_reached_without_an_option() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let desk = Desk::new();
    // Its certificate is signed by nobody this machine knows; Exeat knows it, and the run knows Exeat.
    let script = format!("{OUT} {}", upstream.url("/files/a"));
    let ran = desk.run(&house, &agent, &["--profile", "read-only"], &script).await.expect(0);
    assert!(ran.out.contains("urn:exeat:problem:not_permitted"), "{ran:?}");
}

#[tokio::test]
async fn i06_what_ignores_the_proxy_gets_nowhere_and_is_reported() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let desk = Desk::new();
    let heeding = format!("{OUT} {}", upstream.url("/files/a"));
    let ran = desk.run(&house, &agent, &["--profile", "workspace-write"], &heeding).await.expect(0);
    assert!(!ran.err.contains("past the proxy"), "{ran:?}");
    let direct = "curl -sS --noproxy '*' https://1.1.1.1/";
    let ran = desk.run(&house, &agent, &["--profile", "workspace-write"], direct).await;
    assert!(ran.code != 0 && ran.err.contains("past the proxy 1×"), "{ran:?}");
    let named = "curl -sS --noproxy '*' https://example.com/";
    let ran = desk.run(&house, &agent, &["--profile", "read-only"], named).await;
    assert!(
        ran.code != 0 && ran.err.contains("past the proxy") && ran.err.contains("HTTPS_PROXY"),
        "{ran:?}"
    );
    let ended = events(&house, "run_ended").await;
    assert_eq!((&ended[0]["end"]["strays"], &ended[1]["end"]["strays"]), (&json!(null), &json!(1)));
    assert!(ended[2]["end"]["strays"].as_u64().unwrap() > 0, "{ended:?}");
}

#[tokio::test]
async fn what_a_run_opened_is_on_record_and_in_its_report() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let desk = Desk::new();
    std::fs::write(desk.workspace.join("input"), "text").unwrap();
    let script = "cat input > output; cat ~/.ssh/id_ed25519; echo a > /usr/made; :";
    desk.run(&house, &agent, &["--profile", "workspace-write"], script).await.expect(0);
    let ended = &events(&house, "run_ended").await[0];
    assert!(ended["files"]["files"].as_array().is_some_and(|lines| !lines.is_empty()), "{ended}");
    let id = ended["run"].as_str().unwrap();
    let report = house.review(Method::GET, &format!("/v1/reports/{id}"), None).await.expect(200);
    let files = &report["lanes"]["runs"][0]["files"];
    let has = |list: &str, access: &str, path: &str| {
        let mut lines = files[list].as_array().unwrap().iter();
        lines.any(|line| line["access"] == access && line["path"].as_str().unwrap().ends_with(path))
    };
    assert!(has("used", "read", "/work/input") && has("used", "write", "/work/output"), "{files}");
    assert!(
        has("refused", "read", "/home/.ssh/id_ed25519") && has("refused", "write", "/usr/made"),
        "{files}"
    );
    assert!(has("never_touched", "read", "/etc/protocols/**"), "{files}");
    assert!(!has("never_touched", "read", "/usr/**") && !has("never_touched", "write", "**"), "{files}");
}
