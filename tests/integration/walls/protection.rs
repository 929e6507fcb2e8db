//! What is protected in the workspace stays so for as long as the run lasts, and work goes on around it.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use super::escape_workspace::repository;
use super::stand::{Ran, Stand, USERS, User};

#[test]
fn git_works_within_the_protection() {
    for user in USERS {
        let stand = repository(user);
        let ran = stand.shell(
            "git status --short && echo more > new && git add new && git -c user.name=a -c user.email=a@b commit -qm second \
             && git checkout -qb topic && git log --oneline | wc -l",
        );
        assert_eq!(ran.expect(0).out, "2\n");
        assert!(stand.workspace.join("new").exists());
    }
}

#[test]
fn a_worktrees_git_file_stays_as_it_is() {
    let stand = Stand::new(User::Root);
    stand.write(".git", "gitdir: /elsewhere\n");
    stand.shell("echo 'gitdir: evil' > .git; rm -f .git; mv .git x").code.ne(&0).then_some(()).unwrap();
    assert_eq!(fs::read_to_string(stand.workspace.join(".git")).unwrap(), "gitdir: /elsewhere\n");
}

#[test]
fn when_somebody_outside_replaces_what_is_protected_the_run_ends() {
    let stand = repository(User::Root);
    let mut command =
        stand.command(&["--profile", "workspace-write"], &["sh", "-c", "echo started; exec sleep 1000"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let config = Command::new("git")
        .args(["config", "core.abbrev", "12"])
        .current_dir(&stand.workspace)
        .status()
        .unwrap();
    assert!(config.success());
    let ran = Ran::of(&child.wait_with_output().unwrap()).expect(125);
    assert!(ran.err.contains(".git/config was replaced"), "{ran:?}");
}

#[test]
fn two_runs_in_one_workspace_keep_each_others_protection() {
    let stand = Stand::new(User::Root);
    let script = "echo started; read go; mkdir .vscode 2>/dev/null && echo made; touch .git/hooks/x 2>/dev/null && echo hooked; echo tried";
    let mut command = stand.command(&["--profile", "workspace-write"], &["sh", "-c", script]);
    let mut first = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(first.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    // The second comes and goes while the first goes on.
    stand.shell("exit 0").expect(0);
    first.stdin.take().unwrap().write_all(b"go\n").unwrap();
    line.clear();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "tried\n");
    assert!(first.wait().unwrap().success());
    assert!(!stand.workspace.join(".vscode").exists() && !stand.workspace.join(".git").exists());
}
