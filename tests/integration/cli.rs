//! The command line as a script sees it: exit codes, one JSON value, and the whole job without any other client.

use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::house::{House, Upstream, binary};

const ITEM: [&str; 6] = ["--upstream", "files", "--method", "GET", "--path", "/files/**"];

/// What a command left behind.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// The one JSON value on standard output, and nothing beside it.
    fn json(&self) -> Value {
        assert_eq!(self.err, "", "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }
}

fn run(arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Ran {
    let mut command = binary();
    command.args(arguments).envs(environment.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that ends before it reads is no failure of the test's.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    Ran::of(&child.wait_with_output().unwrap())
}

fn person(house: &House, arguments: &[&str]) -> Ran {
    person_says(house, arguments, "")
}

fn person_says(house: &House, arguments: &[&str], input: &str) -> Ran {
    let environment =
        [("EXEAT_REVIEW_URL", house.review.as_str()), ("EXEAT_REVIEW_KEY", house.review_key.as_str())];
    run(arguments, &environment, input)
}

fn agent(house: &House, key: &str, arguments: &[&str]) -> Ran {
    run(arguments, &[("EXEAT_URL", house.agent.as_str()), ("EXEAT_AGENT_KEY", key)], "")
}

/// Everything installed by its own verbs; gives the agent's key.
fn install(house: &House, upstream: &Upstream) -> String {
    let ca = house.dir.path().join("ca.pem");
    std::fs::write(&ca, &upstream.certificate).unwrap();
    let (origin, ca) = (upstream.origin(), ca.to_str().unwrap().to_owned());
    let add = ["upstream", "add", "files", "--origin", &origin, "--slot", "bearer", "--ca", &ca, "--json"];
    let loopback = ["--allow-address", "127.0.0.0/8"];
    assert_eq!(person(house, &[&add[..], &loopback].concat()).expect(0).json()["version"], 1);
    person(house, &["identity", "add", "service:ci-bot"]).expect(0);
    let add = ["credential", "add", "--upstream", "files", "--identity", "service:ci-bot"];
    let sealed = person_says(house, &add, &format!("{}\n", upstream.secret())).expect(0);
    assert!(!sealed.out.contains(upstream.secret()));
    let add = ["agent", "add", "ci", "--identity", "service:ci-bot", "--upstream", "files", "--json"];
    person(house, &add).expect(0).json()["key"].as_str().unwrap().to_owned()
}

fn ask(house: &House, key: &str) -> String {
    let request = ["request", "--identity", "service:ci-bot", "--reason", "to read", "--json"];
    let asked = agent(house, key, &[&request[..], &ITEM].concat()).expect(0).json();
    asked["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_whole_job_is_done_from_the_command_line() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let key = install(&house, &upstream);
    let id = ask(&house, &key);
    let shown = person(&house, &["approvals", "show", &id, "--json"]).expect(0).json();
    let digest = shown["statement_digest"].as_str().unwrap();
    let approved = person(&house, &["approve", &id, "--yes", "--digest", digest, "--json"]).expect(0).json();
    assert_eq!(approved["state"], "approved");
    let token = agent(&house, &key, &["token", &id]).expect(0).out;
    assert_eq!(token.trim().split('.').count(), 3, "the token and nothing else");
    agent(&house, &key, &["token", &id]).expect(3);

    let report = person(&house, &["report", &id, "--json"]).expect(0).json();
    assert_eq!(report["approvers"][0]["name"], "Alice");
    let told = person(&house, &["report", &id]).expect(0).out;
    for question in ["1. What was granted", "2. What was used", "3. Which step", "4. Who approved"] {
        assert!(told.contains(question), "{told}");
    }
    let before = person(&house, &["log", "prove", "0", "--json"]).expect(0).json();
    assert_eq!(before["index"], 0);
}

#[tokio::test]
async fn an_export_verifies_offline_and_an_altered_one_names_its_first_bad_entry() {
    let house = House::start();
    person(&house, &["identity", "add", "service:ci-bot"]).expect(0);
    let key = person(&house, &["log", "key"]).expect(0).out.trim().to_owned();
    let file = house.dir.path().join("log.jsonl");
    let name = file.to_str().unwrap();
    person(&house, &["log", "export", name]).expect(0);
    person(&house, &["log", "export", name]).expect(1);
    let good = run(&["log", "verify", name, "--key", &key, "--json"], &[], "").expect(0).json();
    assert_eq!(good["verified"], true);

    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("service:ci-bot", "service:ci-b0t", 1)).unwrap();
    let bad = run(&["log", "verify", name, "--key", &key, "--json"], &[], "").expect(1);
    let bad: Value = serde_json::from_str(&bad.err).unwrap();
    let line = text.lines().find(|line| line.contains("service:ci-bot")).unwrap();
    let index = &serde_json::from_str::<Value>(line).unwrap()["index"];
    assert_eq!((&bad["verified"], &bad["first_bad"]), (&json!(false), index));
}

#[tokio::test]
async fn waiting_says_with_its_exit_code_what_became_of_the_request() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let key = install(&house, &upstream);
    let request = ["request", "--identity", "service:ci-bot", "--reason", "to read", "--wait=1", "--json"];
    let waiting = agent(&house, &key, &[&request[..], &ITEM].concat()).expect(4).json();
    let id = waiting["id"].as_str().unwrap();
    person(&house, &["deny", id, "--reason", "not today"]).expect(0);
    let other = ["request", "--identity", "service:ci-bot", "--reason", "again", "--json"];
    let item = ["--upstream", "files", "--method", "GET", "--path", "/files/a"];
    let asked = agent(&house, &key, &[&other[..], &item].concat()).expect(0).json();
    let id = asked["id"].as_str().unwrap();
    person(&house, &["approve", id, "--yes"]).expect(0);
    person(&house, &["revoke", id]).expect(0);
    agent(&house, &key, &["token", id]).expect(3);
}

#[tokio::test]
async fn f04_nothing_is_approved_over_another_digest_or_without_anybody_to_ask() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let key = install(&house, &upstream);
    let id = ask(&house, &key);
    let other = "0".repeat(64);
    person(&house, &["approve", &id, "--yes", "--digest", &other]).expect(3);
    person(&house, &["approve", &id]).expect(2);
    person(&house, &["approve", &id, "--yes", "--item", "7"]).expect(2);
    let shown = person(&house, &["approvals", "show", &id, "--json"]).expect(0).json();
    assert_eq!(shown["state"], "pending");
}

#[tokio::test]
async fn i4_asking_without_an_identity_names_those_there_are() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let key = install(&house, &upstream);
    let request = ["request", "--reason", "to read", "--json"];
    let refused = agent(&house, &key, &[&request[..], &ITEM].concat()).expect(3);
    let problem: Value = serde_json::from_str(&refused.err).unwrap();
    assert_eq!(problem["type"], "urn:exeat:problem:identity_required");
    assert!(refused.err.contains("service:ci-bot"), "{refused:?}");
}

#[test]
fn what_makes_no_sense_exits_2_and_what_cannot_be_reached_exits_1() {
    let id = "apr_018f0000000070008000000000000000";
    run(&["nonsense"], &[], "").expect(2);
    run(&["token", "apr_1"], &[], "").expect(2);
    run(&["token", id], &[], "").expect(2);
    run(&["demo"], &[], "").expect(2);
    let nobody = [("EXEAT_URL", "http://127.0.0.1:1"), ("EXEAT_AGENT_KEY", "k")];
    let unreachable = run(&["token", id], &nobody, "").expect(1);
    assert!(
        unreachable.err.starts_with("error: ") && unreachable.err.contains("\n  try: "),
        "{unreachable:?}"
    );
    let clear = [("EXEAT_URL", "http://broker.example"), ("EXEAT_AGENT_KEY", "k")];
    run(&["token", id], &clear, "").expect(2);
}

#[test]
fn e09_a_key_is_shown_in_no_help() {
    let environment = [("EXEAT_AGENT_KEY", "exa_planted"), ("EXEAT_REVIEW_KEY", "exr_planted")];
    for command in [["request", "--help"], ["approve", "--help"], ["doctor", "--help"]] {
        let help = run(&command, &environment, "").expect(0);
        assert!(!help.out.contains("planted"), "{help:?}");
    }
}

#[test]
fn the_demo_holds() {
    let demo = run(&["demo", "--yes", "--json"], &[], "").expect(0).json();
    let held = demo["held"].as_array().unwrap();
    assert_eq!(held.len(), 23, "{demo:#}");
    for lane in ["files: ", "network: ", "secrets: "] {
        assert!(held.iter().any(|held| held.as_str().unwrap().starts_with(lane)), "{demo:#}");
    }
}

#[test]
fn the_demo_fails_where_walls_cannot_be_built_with_what_to_do() {
    let none = run(&["demo", "--yes"], &[("PATH", "/no/such")], "").expect(1);
    assert!(none.err.contains("not installed\n  try: apt-get install bubblewrap"), "{none:?}");
    let dir = tempfile::TempDir::new().unwrap();
    let broken = "#!/bin/sh\n[ \"$1\" = --version ] && echo bubblewrap 0.8.0 && exit\necho 'bwrap: No permissions' >&2\nexit 1\n";
    let bwrap = dir.path().join("bwrap");
    std::fs::write(&bwrap, broken).unwrap();
    std::fs::set_permissions(&bwrap, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", dir.path().display());
    let forbidden = run(&["demo", "--yes"], &[("PATH", &path)], "").expect(1);
    assert!(forbidden.err.contains("bwrap: No permissions"), "{forbidden:?}");
    assert!(
        forbidden.err.contains("\n  try: ") && forbidden.err.contains("user namespaces"),
        "{forbidden:?}"
    );
}

#[test]
fn the_help_is_as_it_was() {
    let commands = [
        "",
        "demo",
        "init",
        "serve",
        "run",
        "request",
        "approve",
        "deny",
        "token",
        "revoke",
        "report",
        "approvals",
        "approvals list",
        "approvals show",
        "approvals cancel",
        "log",
        "log list",
        "log tail",
        "log export",
        "log verify",
        "log prove",
        "log checkpoint",
        "log key",
        "upstream add",
        "identity add",
        "credential add",
        "agent add",
        "person add",
        "doctor",
        "completion",
    ];
    let help = |command: &&str| {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        format!("$ exeat {}\n\n{}", words.join(" "), run(&words, &[], "").expect(0).out)
    };
    insta::assert_snapshot!(commands.iter().map(help).collect::<Vec<_>>().join("\n\n"));
}
