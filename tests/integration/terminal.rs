//! What is answered, and watched, at a terminal.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::house::{House, Terminal, binary};

#[test]
fn the_demo_asks_and_does_what_is_answered() {
    for (answer, code, shows) in [("y", 0, "1 with the right key"), ("n", 3, "0 with the right key")] {
        let dir = TempDir::new().unwrap();
        let mut terminal = Terminal::run(&dir.path().join("demo"), &["demo"]);
        terminal.until("Approve? [y/N] ");
        terminal.types(answer);
        let (ended, shown) = terminal.end();
        assert_eq!(ended, code, "{shown}");
        assert!(shown.contains(shows), "{shown}");
    }
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
