//! A scene: a broker that knows where the depot is, an agent, a desk, and a person who approves.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use super::depot::{Asked, Depot, Door, HOST, Reply};
use crate::house::{Agent, House, binary};
use crate::walls::desk::{Desk, events};
use crate::walls::stand::Ran;

/// The run asks for all that the depot has, and goes on when a person has approved.
const ASK: &str = "exeat request --identity service:ci-bot --upstream depot --method GET --method POST \
    --path '/**' --max-uses 100 --reason 'drive a tool' --wait=120 > /dev/null || exit 90; ";

/// The variable with the placeholder.
pub(super) const TOKEN: &str = "DEPOT_TOKEN";

pub(super) struct Scene {
    pub(super) house: House,
    pub(super) depot: Depot,
    pub(super) desk: Desk,
    agent: Agent,
    dir: TempDir,
}

impl Scene {
    /// A depot that a credential governs.
    pub(super) async fn open(
        door: Door,
        goods: impl Fn(&str, &Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::with(Depot::open(door, goods).await, true).await
    }

    /// A depot that Exeat knows nothing of.
    pub(super) async fn ungoverned(
        door: Door,
        goods: impl Fn(&str, &Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::with(Depot::open(door, goods).await, false).await
    }

    /// The depot's name leads to loopback, for the broker alone; granted hosts may be there.
    async fn with(depot: Depot, governed: bool) -> Self {
        let dir = TempDir::new().unwrap();
        let hosts = dir.path().join("hosts");
        fs::write(&hosts, format!("127.0.0.1 localhost\n127.0.0.1 {HOST}\n")).unwrap();
        let serve = through(&hosts, Path::new("/etc/hosts"), &binary());
        let house = House::start_as(serve, "[proxy]\nallow_addresses = [\"127.0.0.0/8\"]\n");
        house
            .review(Method::POST, "/v1/identities", Some(json!({"identity": "service:ci-bot"})))
            .await
            .expect(201);
        if governed {
            let body = json!({"name": "depot", "origins": [depot.origin()], "slot": depot.slot,
                "ca_pem": depot.authority, "allow_addresses": ["127.0.0.0/8"]});
            house.review(Method::POST, "/v1/upstreams", Some(body)).await.expect(201);
            let body = json!({"upstream": "depot", "identity": "service:ci-bot", "secret": depot.secret});
            house.review(Method::POST, "/v1/credentials", Some(body)).await.expect(201);
        }
        let upstreams: &[&str] = if governed { &["depot"] } else { &[] };
        let body = json!({"name": "agent-1", "identities": ["service:ci-bot"], "upstreams": upstreams});
        let made = house.review(Method::POST, "/v1/agents", Some(body)).await.expect(201);
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        let agent = Agent { id: text("id"), key: text("key") };
        Self { house, depot, desk: Desk::new(), agent, dir }
    }

    /// A file of the workspace.
    pub(super) fn write(&self, name: &str, content: &str) {
        let path = self.desk.workspace.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// The built-in profile, with more to see, first on the search path, and hosts that are open.
    pub(super) fn profile(&self, read: &[&Path], hosts: &[&str]) -> String {
        let (_, text) = exeat::planes::filesystem::profile::BUILT_IN
            .iter()
            .find(|(known, _)| *known == "credentialed")
            .unwrap();
        let first = read.iter().map(|path| format!("{}/bin:", path.display())).collect::<Vec<_>>().concat();
        let read: Vec<String> = read.iter().map(|path| path.display().to_string()).collect();
        let text = text
            .replace("read = []", &format!("read = {read:?}"))
            .replace("PATH = \"", &format!("PATH = \"{first}"))
            .replace("hosts = []", &format!("hosts = {hosts:?}"));
        let path = self.dir.path().join("profile.toml");
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Runs `script`, which asks first; what it says begins with its variables.
    pub(super) async fn run(&self, script: &str) -> Ran {
        self.run_in("credentialed", script).await
    }

    /// Runs `script`, which asks for itself.
    pub(super) async fn run_bare(&self, script: &str) -> Ran {
        self.start("credentialed", &[], &format!("env; {script}")).await
    }

    /// The same with a profile.
    pub(super) async fn run_in(&self, profile: &str, script: &str) -> Ran {
        self.start(profile, &[], &format!("{ASK}env; {script}")).await
    }

    /// Runs `script`, whose requests are held until a person has approved each.
    pub(super) async fn held(&self, script: &str) -> Ran {
        self.start("credentialed", &["--wait", "120"], &format!("env; {script}")).await
    }

    async fn start(&self, profile: &str, more: &[&str], script: &str) -> Ran {
        let credential = ["--profile", profile, "--credential", "depot=service:ci-bot"];
        let command = self.desk.command(&self.house, &self.agent, &[&credential, more].concat(), script);
        self.decided(command).await
    }

    /// Runs `script` in a run that may reach the depot and has no credential.
    pub(super) async fn tunnelled(&self, script: &str) -> Ran {
        self.decided(self.tunnelling(script)).await
    }

    pub(super) fn tunnelling(&self, script: &str) -> Command {
        let profile = self.profile(&[], &[&format!("{HOST}:{}", self.depot.address.port())]);
        self.desk.command(&self.house, &self.agent, &["--profile", &profile], script)
    }

    /// Runs it, while a person approves whatever is asked.
    pub(super) async fn decided(&self, mut command: Command) -> Ran {
        let running = tokio::task::spawn_blocking(move || command.output().unwrap());
        tokio::select! {
            done = running => Ran::of(&done.unwrap()),
            () = approving(&self.house) => unreachable!("it goes on for ever"),
        }
    }

    /// The run got what it wanted with a credential that it never had: the depot was shown its key at least `times`, no placeholder
    /// came that far, and the key is in nothing that the run said or wrote.
    #[track_caller]
    pub(super) fn proven(&self, ran: &Ran, times: usize) {
        let asked = self.depot.asked();
        let with_key = asked.iter().filter(|asked| asked.with_key).count();
        assert!(with_key >= times, "{with_key} of {}: {ran:?}", asked.len());
        for one in &asked {
            let told = format!("{} {} {} {:?}", one.method, one.path, one.query, one.headers);
            assert!(!told.contains("exeat_pl_"), "{told}");
        }
        assert!(ran.out.contains(&format!("{TOKEN}=exeat_pl_")), "{ran:?}");
        assert!(!ran.out.contains(&self.depot.secret) && !ran.err.contains(&self.depot.secret), "{ran:?}");
        let found = Command::new("grep")
            .args(["-r", "-l", "-e", &self.depot.secret])
            .arg(&self.desk.workspace)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&found.stdout), "", "the credential is in the workspace");
    }

    /// The same, and nothing went past the proxy.
    #[track_caller]
    pub(super) fn proven_straight(&self, ran: &Ran, times: usize) {
        self.proven(ran, times);
        assert!(!ran.err.contains("past the proxy"), "{ran:?}");
    }

    /// The programs that were observed at work with a credential.
    pub(super) async fn users(&self) -> Vec<String> {
        let used = events(&self.house, "use_started").await;
        used.iter().map(|used| used["step"]["observed"]["executable"].as_str().unwrap().to_owned()).collect()
    }

    pub(super) fn dir(&self) -> PathBuf {
        fs::canonicalize(self.dir.path()).unwrap()
    }
}

/// `command`, for which `file` stands at `at`.
pub(super) fn through(file: &Path, at: &Path, command: &Command) -> Command {
    let mut other = Command::new("bwrap");
    other.args(["--die-with-parent", "--dev-bind", "/", "/", "--ro-bind"]).args([file, at]).arg("--");
    other.arg(command.get_program()).args(command.get_args()).env_clear();
    other.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(directory) = command.get_current_dir() {
        other.current_dir(directory);
    }
    other
}

async fn approving(house: &House) {
    // A person looks now and then.
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    loop {
        looks.tick().await;
        let found = house.review(Method::GET, "/v1/approvals?state=pending", None).await.expect(200);
        for asked in found["approvals"].as_array().unwrap() {
            house.approve(asked).await.expect(200);
        }
    }
}
