//! Files that are granted to a run while it goes on: opened to the running command where the kernel allows it, else at the next start,
//! and closed again. The broker of the first tests is real, the walls of all of them are.

use std::fs;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use super::desk::{Desk, events};
use super::stand::{Ran, Stand, USERS, User};
use crate::house::{House, Upstream};

/// Approves what is asked next, and gives its id.
async fn approve(house: &House) -> String {
    let before = events(house, "run_ended").await.len();
    loop {
        assert_eq!(events(house, "run_ended").await.len(), before, "it ended without having asked");
        let found = house.review(Method::GET, "/v1/approvals?state=pending", None).await.expect(200);
        if let Some(pending) = found["approvals"].as_array().and_then(|all| all.first()) {
            let id = pending["id"].as_str().unwrap().to_owned();
            let yes = |index| json!({"index": index, "decision": "approve"});
            let items: Vec<Value> = (0..pending["items"].as_array().unwrap().len()).map(yes).collect();
            let body = json!({"statement_digest": pending["statement_digest"], "items": items});
            let decide = format!("/v1/approvals/{id}/decision");
            house.review(Method::POST, &decide, Some(body)).await.expect(200);
            return id;
        }
        tokio::task::yield_now().await;
    }
}

/// Approves, and revokes when `sign` is there, or the run over.
async fn approve_until(house: &House, sign: &Path) -> String {
    let id = approve(house).await;
    while !sign.exists() && events(house, "run_ended").await.is_empty() {
        tokio::task::yield_now().await;
    }
    house.review(Method::POST, &format!("/v1/approvals/{id}/revoke"), Some(json!({}))).await.expect(200);
    id
}

fn ask(options: &str, items: &[Value]) -> String {
    let items: Vec<String> = items.iter().map(|item| format!(" --item '{item}'")).collect();
    let items = items.concat();
    format!("exeat request --identity service:ci-bot --reason 'to work' {options} --wait{items}")
}

fn files(access: &str, path: impl AsRef<Path>) -> Value {
    json!({"type": "filesystem", "access": access, "paths": [path.as_ref()]})
}

async fn house() -> (House, Upstream, crate::house::Agent) {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    (house, upstream, agent)
}

/// What came of granted files, as it is on record.
async fn widened(house: &House) -> Vec<Value> {
    events(house, "run_widened").await.into_iter().map(|event| event["widened"].clone()).collect()
}

#[tokio::test]
async fn a_granted_write_is_open_to_the_command_that_runs_until_it_is_revoked() {
    let (house, _upstream, agent) = house().await;
    let desk = Desk::new();
    fs::create_dir_all(desk.workspace.join(".git/hooks")).unwrap();
    let script = format!(
        "echo x > new 2>/dev/null && exit 9
         {} || exit 8
         echo x > new || exit 7
         echo x > .git/hooks/pre-commit 2>/dev/null && exit 6
         mv .git away 2>/dev/null && exit 5
         mkdir .vscode 2>/dev/null && exit 4
         while echo x > new 2>/dev/null; do sleep 0.02; done; cat new; echo closed",
        ask("", &[files("write", "**")])
    );
    let sign = desk.workspace.join("new");
    let (ran, id) = tokio::join!(
        desk.run(&house, &agent, &["--profile", "read-only"], &script),
        approve_until(&house, &sign)
    );
    let ran = ran.expect(0);
    assert!(ran.out.contains("open now, at ") && ran.out.ends_with("closed\n"), "{ran:?}");
    let at = desk.workspace.to_str().unwrap();
    assert_eq!(
        widened(&house).await,
        [json!({"open": {"at": [at]}}), json!({"closed": {"cause": "revoked"}})]
    );
    let climbs = events(&house, "run_climbed").await;
    assert_eq!(
        (&climbs[0]["to"], &climbs[0]["cause"]),
        (&json!("workspace-write"), &json!({"approval": id}))
    );
    let report = crate::house::binary()
        .args(["report", climbs[0]["run"].as_str().unwrap()])
        .env("EXEAT_REVIEW_URL", &house.review)
        .env("EXEAT_REVIEW_KEY", &house.review_key)
        .output()
        .unwrap();
    let told = Ran::of(&report).out;
    assert!(told.contains(&format!("filesystem write ** by {id}: open now, at {at}")), "{told}");
    assert!(told.contains("closed again, because it was revoked"), "{told}");
    assert!(!desk.workspace.join(".vscode").exists(), "what stood in its place is gone");
}

#[tokio::test]
async fn i08_granted_files_are_closed_when_their_time_is_over() {
    let (house, _upstream, agent) = house().await;
    let desk = Desk::new();
    fs::create_dir(desk.workspace.join("src")).unwrap();
    let script = format!(
        "{} || exit 8
         echo x > other 2>/dev/null && exit 7
         while echo x > src/new; do sleep 0.02; done 2>/dev/null; cat src/new; echo closed",
        ask("--expires-in 15", &[files("write", "src/**")])
    );
    let (ran, _) = tokio::join!(desk.run(&house, &agent, &[], &script), approve(&house));
    let ran = ran.expect(0);
    assert!(ran.out.ends_with("x\nclosed\n"), "{ran:?}");
    assert_eq!(widened(&house).await[1], json!({"closed": {"cause": "expired"}}));
}

#[tokio::test]
async fn a_directory_from_outside_shows_at_its_own_path_with_what_was_granted_and_no_more() {
    let (house, _upstream, agent) = house().await;
    let (desk, outside) = (Desk::new(), tempfile::TempDir::new_in("/srv").unwrap());
    let (read, write) = (outside.path().join("read"), outside.path().join("write"));
    for path in [&read, &write] {
        fs::create_dir(path).unwrap();
        fs::write(path.join("file"), "content\n").unwrap();
    }
    let (read, write) = (read.display(), write.display());
    let items = [
        files("read", format!("{read}/**")),
        files("write", format!("{write}/**")),
        files("read", format!("{write}/**")),
    ];
    let script = format!(
        "cat {read}/file 2>/dev/null && exit 9
         {} || exit 8
         cat {read}/file || exit 7
         echo x > {read}/file 2>/dev/null && exit 6
         echo x > {read}/new 2>/dev/null && exit 5
         echo x > {write}/new || exit 4
         touch sign 2>/dev/null
         while cat {write}/new 2>/dev/null; do sleep 0.02; done > /tmp/seen; cat {read}/file 2>/dev/null && exit 3
         echo closed",
        ask("", &items)
    );
    let sign = outside.path().join("write/new");
    let (ran, _) = tokio::join!(desk.run(&house, &agent, &[], &script), approve_until(&house, &sign));
    let ran = ran.expect(0);
    assert!(ran.out.contains(&format!("open now, at {read}")), "{ran:?}");
    assert!(ran.out.contains(&format!("open now, at {write}")), "{ran:?}");
    assert!(ran.out.ends_with("content\nclosed\n"), "{ran:?}");
}

#[tokio::test]
async fn what_cannot_be_opened_while_a_run_goes_on_is_told_with_its_reason() {
    let (house, _upstream, agent) = house().await;
    let desk = Desk::new();
    fs::create_dir_all(desk.workspace.join(".git/hooks")).unwrap();
    fs::create_dir_all(desk.workspace.join("real")).unwrap();
    fs::write(desk.workspace.join("file"), "").unwrap();
    std::os::unix::fs::symlink("/etc", desk.workspace.join("etc")).unwrap();
    let data = house.data();
    let cases = [
        (files("read", format!("{}/**", data.display())), "meets Exeat's data"),
        (files("read", "/**"), "is the root of the machine"),
        (files("read", format!("{}/**", desk.home().display())), "holds the home directory"),
        (files("write", "etc/**"), "a link leads from"),
        (files("write", "real/*"), "is a pattern"),
        (files("write", "real"), "ask for real/**"),
        (files("write", "file/**"), "is no directory"),
        (files("write", "missing"), "No such file"),
        (files("write", ".git/hooks/**"), "is protected"),
        (files("write", ".git/**"), "which is protected"),
        (files("write", "/srv/**"), "ask to read /srv/** with it"),
    ];
    for (item, reason) in cases {
        let script = format!(
            "{}; touch real/x file 2>/dev/null && exit 9; exit 0",
            ask("", std::slice::from_ref(&item))
        );
        let (ran, _) = tokio::join!(desk.run(&house, &agent, &[], &script), approve(&house));
        let ran = ran.expect(0);
        assert!(
            ran.out.contains("not before the next start: ") && ran.out.contains(reason),
            "{item}: {ran:?}"
        );
    }
    assert!(events(&house, "run_climbed").await.is_empty(), "nothing was opened");
}

#[tokio::test]
async fn a_profile_may_keep_its_run_as_it_is() {
    let (house, _upstream, agent) = house().await;
    let (desk, stand) = (Desk::new(), Stand::new(User::Root));
    let profile = stand
        .profile("read-only", |text| text.replacen("observe = true", "observe = true\nwiden = false", 1));
    let script = format!("{}; echo x > new 2>/dev/null && exit 9; exit 0", ask("", &[files("write", "**")]));
    let options = ["--profile", profile.as_str()];
    let (ran, _) = tokio::join!(desk.run(&house, &agent, &options, &script), approve(&house));
    assert!(ran.expect(0).out.contains("files.widen = false"));
}

#[test]
fn either_user_widens_a_run_and_closes_it_again() {
    const APPROVAL: &str = "apr_018f0000000070008000000000000001";
    for user in USERS {
        let stand = Stand::new(user);
        stand.write("src/a", "");
        let outside = tempfile::TempDir::new_in("/srv").unwrap();
        fs::write(outside.path().join("file"), "content\n").unwrap();
        stand.hand_over(outside.path());
        let shown = outside.path().display().to_string();
        let items = json!([files("write", "**"), files("read", format!("{shown}/**"))]);
        stand.say(json!({"open": {"approval": APPROVAL, "items": items, "seconds": 600}}));
        let script = format!(
            "until echo x > src/new; do sleep 0.02; done 2>/dev/null; until cat {shown}/file; do sleep 0.02; done 2>/dev/null
             while echo x > src/new; do sleep 0.02; done 2>/dev/null; echo closed"
        );
        let mut run = stand.command(&["--profile", "read-only"], &["sh", "-c", &script]);
        let run = std::thread::spawn(move || Ran::of(&run.output().unwrap()));
        let told =
            |what: &str| stand.calls().iter().filter(|(_, body)| !body["widened"][what].is_null()).count();
        while told("open") < 2 && !run.is_finished() {
            assert_eq!(told("next_start"), 0, "{:?}", stand.calls());
            std::thread::yield_now();
        }
        stand.say(json!({"close": {"approval": APPROVAL, "cause": "revoked"}}));
        let ran = run.join().unwrap().expect(0);
        assert_eq!(ran.out, "content\nclosed\n", "{user:?}: {ran:?}");
        // The command may end before the last of it is told.
        assert!(told("closed") >= 1, "{:?}", stand.calls());
    }
}

#[test]
fn i09_a_command_that_keeps_files_open_for_writing_after_the_grant_is_ended() {
    const APPROVAL: &str = "apr_018f0000000070008000000000000001";
    let stand = Stand::new(User::Nobody);
    stand.say(json!({"open": {"approval": APPROVAL, "items": [files("write", "**")], "seconds": 600}}));
    let script = "until exec 3> held; do sleep 0.02; done 2>/dev/null; while :; do sleep 1; done";
    let mut run = stand.command(&["--profile", "read-only"], &["bash", "-c", script]);
    let run = std::thread::spawn(move || Ran::of(&run.output().unwrap()));
    while !stand.workspace.join("held").exists() && !run.is_finished() {
        std::thread::yield_now();
    }
    stand.say(json!({"close": {"approval": APPROVAL, "cause": "revoked"}}));
    let ran = run.join().unwrap();
    assert!(ran.err.contains("keeps files open for writing"), "{ran:?}");
}

/// The process that built the walls of a run, by the `exeat run` that started it.
fn builder(run: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{run}/task/{run}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

#[test]
fn what_is_opened_on_the_way_to_a_step_that_fails_is_closed_again() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let stand = Stand::new(User::Root);
    stand.write("plain/a", "");
    let script = "until mkdir /tmp/x 2>/dev/null; do :; done; echo ready; read line; echo x > file 2>/dev/null && exit 9; exit 0";
    let mut run = stand.command(&["--profile", "read-only"], &["sh", "-c", script]);
    let mut run = run.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = [0; 6];
    std::io::Read::read_exact(run.stdout.as_mut().unwrap(), &mut said).unwrap();
    let walls = exeat::planes::filesystem::widen::Order::of(builder(run.id()).unwrap(), Vec::new()).unwrap();
    let workspace = &stand.workspace;
    // The second is no mount of its own, so that it cannot be made one that may be written.
    let steps = json!([{"unseal": {"at": workspace}}, {"unseal": {"at": workspace.join("plain")}}]);
    let order = json!({"ground": walls.ground, "inside": walls.inside, "steps": steps});
    let mut helper = Command::new(env!("CARGO_BIN_EXE_exeat"))
        .args(["inside", "--widen"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    helper.stdin.take().unwrap().write_all(order.to_string().as_bytes()).unwrap();
    let outcome: Value = serde_json::from_slice(&helper.wait_with_output().unwrap().stdout).unwrap();
    assert!(outcome["failed"].is_string(), "{outcome}");
    run.stdin.take().unwrap().write_all(b"go\n").unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(0), "it could write");
}
