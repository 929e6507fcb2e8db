//! What was seen of the files of a run: told at its end, on record with it, held against what was granted.

use reqwest::Method;
use serde_json::{Value, json};

use super::{end, events, plain, start};
use crate::house::{House, Upstream, binary};

fn line(access: &str, path: &str, count: u64, refused: bool) -> Value {
    json!({"access": access, "path": path, "count": count, "refused": refused})
}

#[tokio::test]
async fn a_report_holds_the_files_of_a_run_against_what_was_granted() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let mut body = plain("workspace-write");
    body["filesystem"] = json!([
        {"type": "filesystem", "access": "read", "paths": ["**", "/usr/**", "/opt/tools/**", "/etc/hosts"]},
        {"type": "filesystem", "access": "write", "paths": ["**", "/srv/out/**"]},
    ]);
    let run = start(&house, &agent, body).await;
    let files = json!([
        line("read", "/usr/lib/**", 40, false),
        line("read", "/work/src/main.rs", 3, false),
        line("read", "/opt/tools/secret", 1, true),
        line("read", "/home/ada/.ssh/id_ed25519", 2, true),
        line("write", "/work/src/main.rs", 1, false),
        line("write", "/work/.git/config", 1, true),
    ]);
    let body = json!({"cause": "exited", "exit": 0, "files": files, "files_unseen": 5});
    end(&house, &agent, &run, body).await.expect(204);

    let ended = &events(&house, "run_ended").await[0];
    assert_eq!(ended["files"], json!({"files": files, "unseen": 5}), "on record with the end itself");
    let report = house.review(Method::GET, &format!("/v1/reports/{}", run.id), None).await.expect(200);
    let told = &report["lanes"]["runs"][0]["files"];
    let of = |which: &[usize]| which.iter().map(|at| files[*at].clone()).collect::<Vec<_>>();
    assert_eq!(told["used"], json!(of(&[0, 1, 4])));
    assert_eq!(told["refused"], json!(of(&[2, 3, 5])));
    let never = json!([
        {"access": "read", "path": "/etc/hosts"},
        {"access": "read", "path": "/opt/tools/**"},
        {"access": "write", "path": "/srv/out/**"},
    ]);
    assert_eq!((&told["never_touched"], &told["unseen"]), (&never, &json!(5)));

    let output = binary()
        .args(["report", &run.id])
        .env("EXEAT_REVIEW_URL", &house.review)
        .env("EXEAT_REVIEW_KEY", &house.review_key)
        .output()
        .unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    for part in [
        "read /usr/lib/**  40×",
        "refused: read /home/ada/.ssh/id_ed25519  2×",
        "open and never touched: write /srv/out/**",
        "5 opens were noticed and could not be looked at",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[tokio::test]
async fn a_list_of_files_that_no_layer_would_tell_is_refused_and_the_run_goes_on() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let run = start(&house, &agent, plain("read-only")).await;
    let many: Vec<Value> = (0..201).map(|n| line("read", &format!("/{n}"), 1, false)).collect();
    let long: Vec<Value> = (0..40).map(|n| line("read", &format!("/{n:01000}"), 1, false)).collect();
    let one = |path: &str| json!([line("read", path, 1, false)]);
    for (files, field) in [
        (json!(many), "200 lines"),
        (json!(long), "32768 bytes"),
        (one("relative/path"), "absolute"),
        (one("/turned\u{202e}round"), "/files/0/path"),
        (one("/two\nlines"), "/files/0/path"),
        (one(&format!("/{}", "x".repeat(1024))), "/files/0/path"),
        (json!([line("read", "/a", 0, false)]), "count"),
        (json!([line("read", "/a", 1 << 53, false)]), "count"),
        (json!([line("read", "/a", 1, false), line("read", "/a", 2, false)]), "line 1"),
        (json!([line("run", "/a", 1, false)]), "/files/0/access"),
        (json!([{"access": "read", "path": "/a", "count": 1, "content": "x"}]), "content"),
        (json!([{"access": "read", "path": "/a"}]), "count"),
        (json!("/a"), "/files"),
    ] {
        let body = json!({"cause": "exited", "files": files});
        let refused = end(&house, &agent, &run, body).await;
        assert_eq!(refused.problem(), "request_invalid", "{files}");
        assert!(refused.body.to_string().contains(field), "{field}: {}", refused.body);
    }
    let alone = json!({"cause": "exited", "files_unseen": 1});
    assert!(end(&house, &agent, &run, alone).await.body.to_string().contains("files_unseen"));
    assert!(events(&house, "run_ended").await.is_empty());
    // That nothing was opened is another thing than that nobody looked.
    end(&house, &agent, &run, json!({"cause": "exited", "files": []})).await.expect(204);
    assert_eq!(events(&house, "run_ended").await[0]["files"], json!({"files": []}));
}

#[tokio::test]
async fn where_nobody_looked_the_report_says_so() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let run = start(&house, &agent, plain("read-only")).await;
    end(&house, &agent, &run, json!({"cause": "exited", "exit": 0})).await.expect(204);
    let report = house.review(Method::GET, &format!("/v1/reports/{}", run.id), None).await.expect(200);
    assert_eq!(report["lanes"]["runs"][0]["files"], Value::Null);
    assert!(events(&house, "run_ended").await[0].get("files").is_none());
}
