//! Whatever is killed, nothing is left of the run on the machine, and the ledger says why it ended.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};

use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::desk::{Desk, events};
use super::remains::{gone, kill, left};
use crate::house::{Agent, House, Upstream};

/// A broker, and a run that has said a line and goes on, with descendants in sessions of their own.
struct UnderWay {
    house: House,
    agent: Agent,
    desk: Desk,
    run: Child,
    out: BufReader<ChildStdout>,
    _upstream: Upstream,
}

impl UnderWay {
    async fn new(script: &str) -> Self {
        Self::with("", &["--profile", "workspace-write"], script).await
    }

    async fn with(config: &str, options: &[&str], script: &str) -> Self {
        let (house, upstream) = (House::start_with(config), Upstream::start().await);
        let agent = house.install(&upstream, "bearer").await;
        let desk = Desk::new();
        // Named in every command line, so that what is left can be found.
        let script = format!(": {}\n{script}", desk.workspace.display());
        let mut run = desk.command(&house, &agent, options, &script);
        let mut run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(run.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert_eq!(line, "started\n");
        assert!(!left(&desk.workspace).is_empty());
        Self { house, agent, desk, run, out, _upstream: upstream }
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.run.id()).unwrap()).unwrap(), signal).unwrap();
    }

    /// The exit code, once nothing is left; what it said on standard error.
    fn ended(&mut self) -> (Option<i32>, String) {
        let (mut rest, mut said) = (String::new(), String::new());
        self.out.read_to_string(&mut rest).unwrap();
        self.run.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let status = self.run.wait().unwrap();
        gone(&self.desk.workspace);
        (status.code().or_else(|| status.signal().map(|signal| -signal)), said)
    }

    /// How the run ended, once that is on record; its socket is gone then.
    async fn on_record(&self) -> Value {
        loop {
            if let Some(ended) = events(&self.house, "run_ended").await.first() {
                assert_eq!(std::fs::read_dir(self.house.data().join("runs")).unwrap().count(), 0);
                return ended["end"].clone();
            }
            tokio::task::yield_now().await;
        }
    }
}

const GOES_ON: &str = "setsid sleep 1000 & (sleep 1000 &); echo started; sleep 1000; :";

fn shim(line: &[String]) -> bool {
    line.first().is_some_and(|program| program == "/run/exeat/exeat")
}

#[tokio::test]
async fn a_killed_exeat_run_ends_the_run_at_once_on_the_machine_and_on_record() {
    let mut run = UnderWay::new(GOES_ON).await;
    run.send(Signal::KILL);
    assert_eq!(run.ended().0, Some(-9));
    assert_eq!(run.on_record().await, json!({"cause": "abandoned"}));
}

#[tokio::test]
async fn what_is_interrupted_or_terminated_ends_with_all_that_it_started() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut run = UnderWay::new("setsid sleep 1000 & echo started; exec sleep 1000").await;
        run.send(signal);
        assert_eq!(run.ended().0, Some(code));
        assert_eq!(run.on_record().await, json!({"cause": "interrupted", "exit": code}));
    }
}

#[tokio::test]
async fn a_killed_agent_ends_the_run_and_its_code_says_so() {
    let mut run = UnderWay::new(GOES_ON).await;
    kill(&run.desk.workspace, |line| line.first().is_some_and(|program| program == "sh"));
    assert_eq!(run.ended().0, Some(137));
    assert_eq!(run.on_record().await, json!({"cause": "signalled", "exit": 137}));
}

#[tokio::test]
async fn a_killed_shim_ends_the_run() {
    let mut run = UnderWay::new(GOES_ON).await;
    kill(&run.desk.workspace, shim);
    assert_eq!(run.ended().0, Some(125));
    assert_eq!(run.on_record().await, json!({"cause": "shim_crashed", "exit": 125}));
}

#[tokio::test]
async fn a_killed_bubblewrap_ends_the_run() {
    let mut run = UnderWay::new(GOES_ON).await;
    kill(&run.desk.workspace, |line| line.first().is_some_and(|program| program.ends_with("bwrap")));
    assert_eq!(run.ended().0, Some(125));
    assert_eq!(run.on_record().await, json!({"cause": "shim_crashed", "exit": 125}));
}

#[tokio::test]
async fn a_killed_broker_ends_the_command_too_and_the_next_broker_puts_it_on_record() {
    let mut run =
        UnderWay::new("trap 'echo told; exit 4' TERM; echo started; while :; do sleep 0.02; done").await;
    kill_process(Pid::from_raw(i32::try_from(run.house.pid()).unwrap()).unwrap(), Signal::KILL).unwrap();
    let (code, said) = run.ended();
    assert_eq!(code, Some(4), "the command may put things in order: {said}");
    assert!(said.contains("Exeat has ended the run, or is gone"), "{said}");
    run.house.kill_and_restart();
    assert_eq!(run.on_record().await, json!({"cause": "unknown"}));
}

#[tokio::test]
async fn a_stopped_broker_ends_its_runs_on_record() {
    let mut run = UnderWay::new(GOES_ON).await;
    assert!(run.house.stop().success());
    assert_eq!(run.ended().0, Some(143));
    run.house.start_again(&[]);
    assert_eq!(run.on_record().await["cause"], "broker_stopped");
}

#[tokio::test]
async fn a_run_that_the_broker_ends_is_over_on_the_machine_too() {
    let mut run = UnderWay::new(GOES_ON).await;
    let path = format!("/v1/agents/{}/remove", run.agent.id);
    run.house.review(Method::POST, &path, None).await.expect(204);
    assert_eq!(run.ended().0, Some(143));
    assert_eq!(run.on_record().await, json!({"cause": "agent_removed"}));
}

#[tokio::test]
async fn without_walls_too_nothing_is_left() {
    let config = "[policy]\nunsafe_no_sandbox = true\n";
    for signal in [Signal::TERM, Signal::KILL] {
        let mut run = UnderWay::with(config, &["--unsafe-no-sandbox"], GOES_ON).await;
        run.send(signal);
        run.ended();
    }
}

#[tokio::test]
async fn a_run_is_kept_by_its_own_agent_alone() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let (agent, stranger) = (house.install(&upstream, "bearer").await, house.enrol("stranger").await);
    let body = json!({"profile": "read-only", "rung": "read-only", "kept": true});
    let started = house.ask(&agent, Method::POST, "/v1/runs", Some(body)).await.expect(201);
    let keep = format!("/v1/runs/{}/keep", started["id"].as_str().unwrap());
    assert_eq!(house.ask(&stranger, Method::POST, &keep, None).await.problem(), "not_found");
    let url = format!("{}{keep}", house.agent);
    let kept = house.http.post(url).bearer_auth(&agent.key).send().await.unwrap();
    assert_eq!(kept.status(), 200);
    assert!(events(&house, "run_ended").await.is_empty());
    drop(kept);
    while events(&house, "run_ended").await.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(events(&house, "run_ended").await[0]["end"], json!({"cause": "abandoned"}));
}

#[tokio::test]
async fn a_run_that_is_to_be_kept_and_is_not_ends_by_itself() {
    let (mut house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    house.stop();
    house.start_again(&crate::faults::hurried());
    let start = async |kept: bool| {
        let body = json!({"profile": "read-only", "rung": "read-only", "kept": kept});
        house.ask(&agent, Method::POST, "/v1/runs", Some(body)).await.expect(201)
    };
    let (free, never) = (start(false).await, start(true).await);
    // Its socket goes with it. Asking the broker over and over would be more than its hurried clock has patience for.
    while Path::new(never["socket"].as_str().unwrap()).exists() {
        tokio::task::yield_now().await;
    }
    let ended = loop {
        let ended = events(&house, "run_ended").await;
        if !ended.is_empty() {
            break ended;
        }
    };
    assert_eq!(
        (ended.len(), &ended[0]["run"], &ended[0]["end"]),
        (1, &never["id"], &json!({"cause": "abandoned"}))
    );
    let path = format!("/v1/runs/{}/end", free["id"].as_str().unwrap());
    house.ask(&agent, Method::POST, &path, Some(json!({"cause": "exited"}))).await.expect(204);
}
