//! What is answered, and watched, at a terminal.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::house::{House, Terminal, binary};

/// The demo, answered so at its prompts: exit code and what it showed.
fn demo(answers: &[&str]) -> (i32, String) {
    let dir = TempDir::new().unwrap();
    let mut terminal = Terminal::run(&dir.path().join("demo"), &["demo"]);
    for answer in answers {
        terminal.until("Approve? [y/N] ");
        terminal.types(answer);
    }
    terminal.end()
}

#[test]
fn the_demo_asks_twice_and_climbs_as_far_as_it_is_granted() {
    let climbs =
        ["the run climbed from read-only to networked", "the run climbed from networked to credentialed"];
    for (answers, code, climbed, shows) in [
        (&["y", "y"][..], 0, [true, true], "1 with the right key"),
        (&["y", "n"], 3, [true, false], "0 with the right key"),
        (&["n"], 3, [false, false], "0 with the right key"),
    ] {
        let (ended, shown) = demo(answers);
        assert_eq!(ended, code, "{shown}");
        assert_eq!(climbs.map(|climb| shown.contains(climb)), climbed, "{shown}");
        assert!(shown.contains(shows) && shown.contains("unchanged, in order, signed"), "{shown}");
    }
}

#[test]
fn the_demo_is_decided_in_a_second_terminal_too_and_then_at_its_own() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("demo");
    let mut terminal = Terminal::run(&data, &["demo"]);
    terminal.until("Approve? [y/N] ");
    let elsewhere = |arguments: &[&str]| {
        let script = format!(". {}/review.env; exec \"$0\" \"$@\"", data.display());
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_exeat")]).args(arguments).arg("--json");
        let said = shell.output().unwrap();
        assert!(said.status.success(), "{said:?}");
        serde_json::from_slice::<Value>(&said.stdout).unwrap()
    };
    let pending = elsewhere(&["approvals", "list", "--state", "pending"]);
    let id = pending["approvals"][0]["id"].as_str().unwrap();
    elsewhere(&["approve", id, "--yes"]);
    terminal.until("(decided in the other terminal)");
    terminal.until("Approve? [y/N] ");
    terminal.types("y");
    let (ended, shown) = terminal.end();
    assert_eq!(ended, 0, "{shown}");
    assert!(shown.contains("1 with the right key"), "{shown}");
}

#[tokio::test]
async fn the_log_is_followed_entry_by_entry() {
    let house = House::start();
    let mut tail = binary()
        .args(["log", "tail", "--follow", "--json", "--lines", "1"])
        .env("EXEAT_REVIEW_URL", &house.review)
        .env("EXEAT_REVIEW_KEY", &house.review_key)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(next()["entry"]["event"]["type"], "started");
    for name in ["service:one", "service:two"] {
        let body = json!({"identity": name});
        house.review(Method::POST, "/v1/identities", Some(body)).await.expect(201);
        let event = next()["entry"]["event"].take();
        assert_eq!((&event["type"], &event["identity"]), (&json!("identity_added"), &json!(name)));
    }
    tail.kill().unwrap();
    tail.wait().unwrap();
}
