//! What is refused before anything runs: nothing is started, and no run is opened.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::Value;

use super::stand::{Ran, Stand, User};

/// Refused, with these words, and nobody was told of a run.
#[track_caller]
fn refused(stand: &Stand, options: &[&str], said: &[&str]) {
    let ran = stand.run(options, &["touch", "started"]).expect(3);
    assert!(said.iter().all(|said| ran.err.contains(said)), "{ran:?}");
    assert!(ran.err.contains("\n  try: "), "{ran:?}");
    assert!(stand.calls().is_empty(), "a run was opened");
    assert!(!stand.workspace.join("started").exists());
}

#[test]
fn a_profile_that_makes_no_sense_is_refused() {
    let stand = Stand::new(User::Root);
    refused(&stand, &["--profile", "no-such"], &["no-such", "workspace-write"]);
    refused(&stand, &["--profile", "./no-such.toml"], &["no-such.toml"]);
    for (from, to, said) in [
        ("rung = \"workspace-write\"", "rung = \"workspace-write\"\nsurprise = true", "surprise"),
        ("loopback = true", "loopback = true\nopen = true", "open"),
        ("rung = \"workspace-write\"", "rung = \"root\"", "root"),
        ("rung = \"workspace-write\"", "rung = \"read-only\"", "writes nothing"),
        ("\"TERM\"", "\"EXEAT_AGENT_KEY\"", "EXEAT_AGENT_KEY"),
        ("read = []", "read = [\"/no/such/path\"]", "/no/such/path"),
        ("write = []", "write = [\"/no/such/path\"]", "/no/such/path"),
        ("\".envrc\"", "\"../.envrc\"", "../.envrc"),
    ] {
        let profile = stand.profile("workspace-write", |text| text.replacen(from, to, 1));
        refused(&stand, &["--profile", &profile], &[said]);
    }
    let profile = stand
        .profile("workspace-write", |text| text.replacen("read = []", "read = [\"/usr\", \"/no/such\"]", 1));
    refused(&stand, &["--profile", &profile], &["in the profile, files.read[1]: /no/such cannot be used"]);
    let profile = stand.profile("networked", |text| text.replacen("hosts = []", "hosts = [\"no port\"]", 1));
    refused(&stand, &["--profile", &profile], &["network.hosts[0]"]);
}

#[test]
fn a_workspace_that_is_or_holds_what_must_stay_out_is_refused() {
    let stand = Stand::new(User::Root);
    let (home, dir, broker) =
        (stand.home.to_str().unwrap(), stand.dir.path().to_str().unwrap(), stand.dir.path().join("broker"));
    let inside = broker.join("inner");
    fs::create_dir(&inside).unwrap();
    let link = stand.dir.path().join("link");
    symlink("/", &link).unwrap();
    for (workspace, said) in [
        ("/", "root of the machine"),
        (home, "home directory"),
        (dir, "home directory"),
        ("/tmp", "/tmp"),
        ("/proc/self", "/proc"),
        ("/usr", "system"),
        (broker.to_str().unwrap(), "Exeat's data"),
        (inside.to_str().unwrap(), "Exeat's data"),
        (link.to_str().unwrap(), "root of the machine"),
        ("/no/such/workspace", "/no/such/workspace"),
        ("file", "file"),
    ] {
        refused(&stand, &["--workspace", workspace], &[said]);
    }
}

#[test]
fn the_brokers_data_is_refused_wherever_the_broker_says_it_is() {
    let stand = Stand::new(User::Root);
    // The settings here name another directory: only the broker's answer tells where its data lies.
    let workspace = stand.dir.path().join("broker");
    let mut command = stand.command(&["--workspace", workspace.to_str().unwrap()], &["touch", "started"]);
    let ran = Ran::of(&command.env("EXEAT_DATA_DIR", "/no/such").output().unwrap()).expect(3);
    assert!(ran.err.contains("Exeat's data"), "{ran:?}");
    assert_eq!(stand.end()["cause"], "shim_crashed");
    assert!(!workspace.join("started").exists());
}

#[test]
fn a_profile_that_grants_around_what_is_protected_is_refused() {
    let stand = Stand::new(User::Root);
    stand.write(".git/config", "[core]\n");
    let (outer, git) = (stand.dir.path().join("outer"), stand.workspace.join(".git"));
    let inner = outer.join("inner");
    fs::create_dir_all(inner.join(".git/hooks")).unwrap();
    let write = |path: &std::path::Path| {
        stand
            .profile("workspace-write", |text| text.replacen("write = []", &format!("write = [{path:?}]"), 1))
    };
    for path in [&stand.workspace, &git, &git.join("config")] {
        refused(&stand, &["--profile", &write(path)], &["undo the protection"]);
    }
    let workspace = ["--workspace", inner.to_str().unwrap()];
    refused(&stand, &[&workspace[..], &["--profile", &write(&outer)]].concat(), &["undo the protection"]);
    for (path, said) in [("/", "root"), (stand.home.to_str().unwrap(), "home"), ("/run", "/run")] {
        refused(&stand, &["--profile", &write(path.as_ref())], &[said]);
    }
}

#[test]
fn a_protected_path_that_is_a_symbolic_link_is_refused() {
    let stand = Stand::new(User::Root);
    fs::create_dir(stand.workspace.join("elsewhere")).unwrap();
    symlink("elsewhere", stand.workspace.join(".git")).unwrap();
    refused(&stand, &["--profile", "workspace-write"], &[".git", "symbolic link"]);
}

#[test]
fn an_open_directory_is_not_handed_in() {
    let stand = Stand::new(User::Root);
    let mut command = stand.command(&[], &["true"]);
    let ran = Ran::of(&command.stdin(fs::File::open("/").unwrap()).output().unwrap()).expect(3);
    assert!(ran.err.contains("standard input is a directory"), "{ran:?}");
}

#[test]
fn without_a_command_a_key_or_a_broker_nothing_runs() {
    let stand = Stand::new(User::Root);
    let mut command = stand.command(&[], &["true"]);
    let ran = Ran::of(&command.env_remove("EXEAT_AGENT_KEY").output().unwrap()).expect(2);
    assert!(ran.err.contains("EXEAT_AGENT_KEY"), "{ran:?}");
    let mut command = stand.command(&[], &["true"]);
    Ran::of(&command.env("EXEAT_URL", "http://127.0.0.1:1").output().unwrap()).expect(1);
    stand.run(&[], &[]).expect(2);
}

#[test]
fn explaining_runs_nothing_and_asks_nobody() {
    let stand = Stand::new(User::Root);
    let mut command =
        stand.command(&["--profile", "workspace-write", "--explain", "--json"], &["touch", "started"]);
    let ran = Ran::of(&command.env_remove("EXEAT_AGENT_KEY").output().unwrap()).expect(0);
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&told["rung"], &told["filesystem"]["writable"]), (&"workspace-write".into(), &true.into()));
    assert!(stand.calls().is_empty() && !stand.workspace.join("started").exists());
    assert!(!stand.workspace.join(".git").exists(), "explaining changes nothing");
    let ran = stand.run(&["--profile", "read-only", "--explain"], &["true"]).expect(0);
    for said in ["Filesystem", "Network", "Secrets", "not write there", "no other way out"] {
        assert!(ran.out.contains(said), "{ran:?}");
    }
}

#[test]
fn without_walls_it_warns_and_the_broker_is_told() {
    let stand = Stand::new(User::Root);
    let ran = stand.run(
        &["--unsafe-no-sandbox"],
        &["sh", "-c", "cat $HOME/.ssh/id_ed25519; env; curl -sS http://example.com/"],
    );
    let ran = ran.expect(0);
    assert!(ran.err.contains("warning: no walls"), "{ran:?}");
    assert!(ran.out.contains("planted-key") && ran.out.contains("way out"), "{ran:?}");
    assert!(!ran.out.contains("planted-agent-key"), "even then, Exeat's own keys stay out: {ran:?}");
    assert_eq!(stand.calls()[0].1["unsafe_no_sandbox"], true);
}

#[test]
fn a_shown_profile_can_be_copied_and_used() {
    let stand = Stand::new(User::Root);
    let show = Command::new(env!("CARGO_BIN_EXE_exeat"))
        .args(["run", "--show-profile", "networked"])
        .output()
        .unwrap();
    let file = stand.dir.path().join("mine.toml");
    fs::write(&file, &show.stdout).unwrap();
    stand.run(&["--profile", file.to_str().unwrap()], &["true"]).expect(0);
    assert_eq!(stand.calls()[0].1["rung"], "networked");
}
