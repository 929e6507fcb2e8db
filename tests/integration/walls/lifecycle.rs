//! How runs begin and end.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::remains::{gone, kill, left};
use super::stand::{Ran, Stand, USERS, User};

#[test]
fn the_exit_code_is_the_commands_own() {
    for user in USERS {
        let stand = Stand::new(user);
        stand.shell("exit 0").expect(0);
        assert_eq!(stand.end(), json!({"cause": "exited", "exit": 0}));
        stand.shell("exit 7").expect(7);
        assert_eq!(stand.end(), json!({"cause": "exited", "exit": 7}));
        stand.shell("kill -SEGV $$").expect(139);
        assert_eq!(stand.end(), json!({"cause": "agent_crashed", "exit": 139}));
        stand.shell("kill -USR1 $$").expect(138);
        assert_eq!(stand.end(), json!({"cause": "signalled", "exit": 138}));
        let missing = stand.run(&[], &["no-such-command"]).expect(127);
        assert!(missing.err.contains("no-such-command"), "{missing:?}");
    }
}

#[test]
fn the_streams_are_the_commands_own() {
    let stand = Stand::new(User::Root);
    let mut child = stand
        .command(
            &["--profile", "workspace-write"],
            &["sh", "-c", "cat; echo complaint > /dev/stderr; echo more > /dev/stdout"],
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"typed\n").unwrap();
    let ran = Ran::of(&child.wait_with_output().unwrap()).expect(0);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("typed\nmore\n", "complaint\n"));
}

/// A run that has said a line, and goes on.
pub(super) fn started(
    stand: &Stand,
    options: &[&str],
    script: &str,
) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = stand.command(options, &["sh", "-c", script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "started\n");
    (child, out)
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), signal).unwrap();
}

#[test]
fn signals_are_passed_on_and_the_command_may_answer_them() {
    for (signal, name, number) in
        [(Signal::INT, "INT", 2), (Signal::TERM, "TERM", 15), (Signal::HUP, "HUP", 1)]
    {
        let stand = Stand::new(User::Root);
        let script = format!("trap 'echo heard; exit 9' {name}; echo started; while :; do sleep 0.02; done");
        let (mut child, mut out) = started(&stand, &[], &script);
        send(&child, signal);
        assert_eq!(child.wait().unwrap().code(), Some(9));
        let mut rest = String::new();
        out.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "heard\n");

        let (mut child, _out) = started(&stand, &[], "echo started; exec sleep 1000");
        send(&child, signal);
        assert_eq!(child.wait().unwrap().code(), Some(128 + number));
        assert_eq!(stand.end(), json!({"cause": "interrupted", "exit": 128 + number}));
    }
}

#[test]
fn a_run_that_is_killed_leaves_no_process_and_no_mount_behind() {
    for user in USERS {
        let stand = Stand::new(user);
        // Descendants in sessions of their own, too.
        let script = "setsid sleep 1000 & (sleep 1000 &) ; echo started; sleep 1000";
        let (mut child, _out) = started(&stand, &["--profile", "workspace-write"], script);
        assert!(!left(&stand.workspace).is_empty());
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        gone(&stand.workspace);
        // What it left standing in the workspace, the next run takes away.
        stand.shell("exit 0").expect(0);
        let mut names: Vec<_> =
            std::fs::read_dir(&stand.workspace).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["file"]);
    }
}

#[test]
fn whatever_is_killed_ends_the_run_and_leaves_nothing_for_either_user() {
    for user in USERS {
        for (program, cause, exit) in [
            ("sh", "signalled", 137),
            ("/run/exeat/exeat", "shim_crashed", 125),
            ("/usr/bin/bwrap", "shim_crashed", 125),
        ] {
            let stand = Stand::new(user);
            let script =
                format!(": {}\nsetsid sleep 1000 & echo started; sleep 1000; :", stand.workspace.display());
            let (mut child, _out) = started(&stand, &["--profile", "workspace-write"], &script);
            kill(&stand.workspace, |line| line.first().is_some_and(|first| first == program));
            assert_eq!(child.wait().unwrap().code(), Some(exit), "{user:?} {program}");
            gone(&stand.workspace);
            assert_eq!(stand.end()["cause"], cause, "{user:?} {program}");
        }
    }
}

#[test]
fn background_programs_end_with_the_command() {
    let stand = Stand::new(User::Root);
    stand.shell("setsid sleep 1000 & exit 3").expect(3);
    gone(&stand.workspace);
}

#[test]
fn a_run_whose_time_is_up_is_ended() {
    let stand = Stand::new(User::Root);
    let profile = stand.profile("read-only", |text| text.replace("seconds = 14400", "seconds = 1"));
    let ran = stand.run(&["--profile", &profile], &["sleep", "1000"]).expect(124);
    assert!(ran.err.contains("time is up"), "{ran:?}");
    assert_eq!(stand.end(), json!({"cause": "timeout", "exit": 124}));
}

#[test]
fn the_way_out_is_the_runs_own_socket_and_names_the_process() {
    for user in USERS {
        let stand = Stand::new(user);
        let ran = stand.shell("sh -c 'curl -sS http://example.com/; :'").expect(0);
        assert_eq!(ran.out, "way out", "{ran:?}");
        let prefaces = stand.prefaces();
        let step = &prefaces[0]["step"];
        assert_eq!((prefaces.len(), &prefaces[0]["v"]), (1, &json!(1)));
        assert_eq!(step["executable"], "/usr/bin/curl", "{prefaces:?}");
        let command = exeat::base::crypto::hash::sha256(&[b"curl\0-sS\0http://example.com/\0"]);
        assert_eq!(step["command"], command.to_string());
        let parents: Vec<&str> = step["parents"]
            .as_array()
            .unwrap()
            .iter()
            .map(|parent| parent["executable"].as_str().unwrap())
            .collect();
        assert_eq!(parents, ["/usr/bin/dash", "/usr/bin/dash"]);
    }
}

#[test]
fn h01_a_process_does_not_hide_behind_what_it_was() {
    let stand = Stand::new(User::Root);
    let ran = stand.shell(
        r#"bash -c 'port=${HTTP_PROXY##*:}; exec 3<>"/dev/tcp/127.0.0.1/${port%/}"
           printf "GET http://example.com/ HTTP/1.1\r\n\r\n" >&3; mapfile -u 3; exec 3>&-
           exec curl -sS http://example.com/'"#,
    );
    assert_eq!(ran.expect(0).out, "way out");
    let [before, after]: [_; 2] = stand.prefaces().try_into().unwrap();
    assert_eq!(before["step"]["pid"], after["step"]["pid"]);
    assert_eq!(before["step"]["executable"], "/usr/bin/bash");
    assert_eq!(after["step"]["executable"], "/usr/bin/curl");
    let command = exeat::base::crypto::hash::sha256(&[b"curl\0-sS\0http://example.com/\0"]);
    assert_eq!(after["step"]["command"], command.to_string());
}

#[test]
fn h01_a_process_does_not_hide_behind_its_name() {
    let stand = Stand::new(User::Root);
    let long = "x".repeat(200);
    let script = format!(
        "name=$(printf 'a\\033[2J\\nb'); cp /usr/bin/curl \"$name\"; \"./$name\" -sS http://example.com/
         mkdir -p {long}/{long}/{long}/{long}; cp /usr/bin/curl {long}/{long}/{long}/{long}/curl
         {long}/{long}/{long}/{long}/curl -sS http://example.com/"
    );
    let ran = stand.shell(&script).expect(0);
    assert_eq!(ran.out, "way outway out", "{ran:?}");
    let prefaces = stand.prefaces();
    let names: Vec<&str> =
        prefaces.iter().map(|preface| preface["step"]["executable"].as_str().unwrap()).collect();
    assert!(names[0].ends_with("a\\u{1b}[2J\\u{a}b"), "{names:?}");
    assert!(names[1].len() <= 1024 && names[1].contains(&long), "{names:?}");
    for preface in prefaces {
        let line = preface.to_string();
        exeat::planes::network::proxy::preface::parse(line.as_bytes()).unwrap().unwrap();
    }
}

#[test]
fn what_the_broker_is_told_is_what_was_granted() {
    let stand = Stand::new(User::Root);
    stand.shell("exit 0").expect(0);
    let (path, body) = stand.calls().remove(0);
    assert_eq!(
        (path.as_str(), &body["rung"], &body["unsafe_no_sandbox"]),
        ("/v1/runs", &json!("workspace-write"), &json!(false))
    );
    assert_eq!(body["workspace"], stand.workspace.to_str().unwrap());
    for item in body["filesystem"].as_array().unwrap() {
        exeat::domain::scope::ScopeItem::parse(item).unwrap();
    }
    assert_eq!(body["filesystem"][1]["paths"], json!(["**"]));
    let command = exeat::base::crypto::hash::sha256(&[b"sh\0-c\0exit 0\0"]);
    assert_eq!(body["command"], command.to_string());
}
