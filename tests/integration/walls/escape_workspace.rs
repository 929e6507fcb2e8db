//! Attempts on what in a writable workspace a person's own tools would run, outside, later.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::stand::{Stand, USERS, User};

/// A repository of a person, with everything that the attacks aim at.
pub(super) fn repository(user: User) -> Stand {
    let stand = Stand::new(user);
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "safe.directory=*"])
            .args(arguments)
            .current_dir(&stand.workspace)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin");
        assert!(git.env("HOME", &stand.home).output().unwrap().status.success(), "{arguments:?}");
    };
    git(&["init", "-q", "."]);
    stand.write(".github/workflows/ci.yml", "on: push\n");
    git(&["add", "."]);
    git(&["-c", "user.name=ada", "-c", "user.email=ada@example.com", "commit", "-qm", "first"]);
    stand.hand_over(&stand.workspace);
    stand
}

/// Tries to make or change each of these; none comes to be.
#[track_caller]
fn cannot_make(paths: &[&str], more: &str) {
    for user in USERS {
        let stand = repository(user);
        let before = fs::read_to_string(stand.workspace.join(".git/config")).unwrap();
        let ran = stand.shell(&format!(
            "for f in {}; do (mkdir -p \"$(dirname $f)\" && echo evil > $f) 2>/dev/null && echo \"made $f\"
             rm -rf $f 2>/dev/null; [ -s $f ] && grep -q evil $f && echo \"left $f\"; done
             {more}; echo tried",
            paths.join(" ")
        ));
        assert_eq!(ran.out, "tried\n", "{user:?}: {ran:?}");
        assert_eq!(fs::read_to_string(stand.workspace.join(".git/config")).unwrap(), before);
        let made = |path: &&str| {
            fs::read_to_string(stand.workspace.join(path)).is_ok_and(|text| text.contains("evil"))
        };
        assert_eq!(paths.iter().find(|path| made(path)), None);
        for gone in [".vscode", ".envrc", ".git/commondir"] {
            assert!(!stand.workspace.join(gone).exists(), "what stood at {gone} is gone");
        }
    }
}

#[test]
fn plants_no_git_hook() {
    cannot_make(
        &[".git/hooks/pre-commit", ".git/hooks/post-checkout", ".git/commondir", ".husky/pre-commit"],
        "git config core.hooksPath /tmp 2>/dev/null && echo configured; rm -rf .git/hooks 2>/dev/null && echo removed",
    );
}

#[test]
fn plants_no_git_configuration() {
    cannot_make(
        &[".git/config", ".git/config.worktree"],
        "git config core.fsmonitor 'touch /tmp/evil' 2>/dev/null && echo configured
         git config --worktree core.fsmonitor x 2>/dev/null && echo configured; git config alias.st '!evil' 2>/dev/null && echo alias",
    );
}

#[test]
fn gives_no_command_to_a_filter_of_gitattributes() {
    cannot_make(
        &[".git/info/attributes"],
        "echo '* filter=evil' > .gitattributes; git config filter.evil.clean evil 2>/dev/null && echo filter
         git config diff.evil.textconv evil 2>/dev/null && echo textconv; git config merge.evil.driver evil 2>/dev/null && echo driver",
    );
}

#[test]
fn plants_no_editor_configuration() {
    cannot_make(
        &[
            ".vscode/tasks.json",
            ".idea/workspace.xml",
            ".zed/tasks.json",
            ".exrc",
            ".nvim.lua",
            ".dir-locals.el",
            ".devcontainer/devcontainer.json",
            ".devcontainer.json",
            ".envrc",
            ".mise.toml",
            "mise.toml",
        ],
        "true",
    );
}

#[test]
fn changes_no_pipeline_and_no_agent_configuration() {
    cannot_make(
        &[
            ".github/workflows/evil.yml",
            ".github/workflows/ci.yml",
            ".github/actions/evil/action.yml",
            ".gitlab-ci.yml",
            ".circleci/config.yml",
            "Jenkinsfile",
            "azure-pipelines.yml",
            ".pre-commit-config.yaml",
            ".mcp.json",
            ".claude/settings.json",
            ".codex/config.toml",
            ".cursor/mcp.json",
            ".exeat/profile.toml",
        ],
        "rm -rf .github/workflows 2>/dev/null && echo removed",
    );
}

const PRELUDE: &str = "import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
os.makedirs('evil/hooks', exist_ok=True)
open('evil/config', 'w').write('[core]\\n\\tfsmonitor = evil\\n')
def attempt(name, call):
    try:
        call(); print('did', name)
    except OSError: pass
def raw(result):
    if result != 0: raise OSError(ctypes.get_errno(), 'refused')
";

/// Python, in a repository with a hook of the person's, as each user; nothing of it succeeds.
#[track_caller]
fn attempts(script: &str) {
    for user in USERS {
        let stand = repository(user);
        fs::write(stand.workspace.join(".git/hooks/kept"), "ada's").unwrap();
        stand.hand_over(&stand.workspace);
        let ran = stand.python(&format!("{PRELUDE}{script}\nprint('tried')"));
        assert_eq!(ran.out, "tried\n", "{user:?}: {ran:?}");
        assert_eq!(fs::read_to_string(stand.workspace.join(".git/hooks/kept")).unwrap(), "ada's");
        assert!(!fs::read_to_string(stand.workspace.join(".git/config")).unwrap().contains("evil"));
    }
}

#[test]
fn renames_nothing_protected_and_nothing_over_it() {
    attempts(
        "for old, new in (('.git', 'moved'), ('.git/hooks', 'moved'), ('.git/hooks', '.git/moved'), ('.git/config', '.git/moved'), ('.github', 'moved'), ('evil/config', '.git/config'), ('evil', '.git')):
    attempt(f'rename {old} {new}', lambda: os.rename(old, new))
for a, b in (('evil', '.git'), ('evil/hooks', '.git/hooks'), ('evil/config', '.git/config')):
    attempt(f'exchange {a} {b}', lambda: raw(libc.renameat2(-100, a.encode(), -100, b.encode(), 2)))",
    );
}

#[test]
fn links_nothing_into_or_out_of_what_is_protected() {
    attempts(
        "attempt('link', lambda: os.link('.git/config', 'config-link'))
attempt('link back', lambda: os.link('evil/config', '.git/hooks/pre-commit'))
for path in ('/usr/bin/env', '/run/exeat/exeat', '/run/exeat/inside.json', '/etc/passwd'):
    attempt('link ' + path, lambda: os.link(path, 'linked'))
attempt('link by descriptor', lambda: os.link(f'/proc/self/fd/{os.open(\".git/config\", os.O_RDONLY)}', 'linked', follow_symlinks=True))
attempt('symlink', lambda: os.symlink('../evil', '.git/hooks/evil'))
attempt('mode', lambda: os.chmod('.git/config', 0o777))",
    );
}

#[test]
fn mounts_nothing_over_and_takes_no_mount_away() {
    attempts(
        "attempt('mount', lambda: raw(libc.mount(b'evil', b'.git', None, 4096, None)))
attempt('remount', lambda: raw(libc.mount(None, b'.git/config', None, 32 | 4096, None)))
attempt('umount', lambda: raw(libc.umount2(b'.git/config', 2)))
attempt('through proc', lambda: open('/proc/self/cwd/.git/config', 'a').write('x'))
attempt('through root', lambda: open('/proc/self/root' + os.getcwd() + '/.git/config', 'a').write('x'))",
    );
}

#[test]
fn a_race_of_renames_inside_changes_nothing_protected() {
    attempts(
        "import threading
stop = False
def swap():
    while not stop:
        for a, b in (('evil', 'other'), ('other', 'evil')):
            try: os.rename(a, b)
            except OSError: pass
thread = threading.Thread(target=swap); thread.start()
for n in range(3000):
    for path in ('evil/../.git/hooks/x', 'other/../.git/config', 'evil/link/config'):
        try: open(path, 'w').write('evil'); print('did', path)
        except OSError: pass
    try:
        os.symlink('../.git', 'evil/link')
    except OSError: pass
stop = True; thread.join()",
    );
}

#[test]
fn i09_the_profile_and_the_program_cannot_be_changed_by_the_run() {
    let stand = Stand::new(User::Root);
    let outer = stand.profile("workspace-write", |text| text.replacen("seconds = 14400", "seconds = 60", 1));
    let inner = stand.workspace.join("mine.toml");
    fs::rename(outer, &inner).unwrap();
    let before = fs::read(&inner).unwrap();
    let ran = stand.run(
        &["--profile", "./mine.toml"],
        &["sh", "-c", "echo evil > mine.toml; rm -f mine.toml; mv file mine.toml; echo tried"],
    );
    assert_eq!(ran.out, "tried\n", "{ran:?}");
    assert_eq!(fs::read(&inner).unwrap(), before);
}

#[test]
fn what_is_swapped_for_a_link_while_a_run_starts_leads_nowhere() {
    let stand = Stand::new(User::Root);
    let (path, target) = (stand.workspace.join(".vscode"), stand.home.join(".ssh"));
    let stop = Arc::new(AtomicBool::new(false));
    let swapping = std::thread::spawn({
        let (stop, path) = (Arc::clone(&stop), path.clone());
        move || {
            // Each step may fail against the other: a plug, a mount, the last swap.
            while !stop.load(Ordering::Relaxed) {
                let _ = symlink(&target, &path);
                let _ = fs::remove_file(&path);
                let _ = fs::create_dir(&path);
                let _ = fs::remove_dir(&path);
            }
        }
    });
    for _ in 0..30 {
        let ran = stand.shell("cat .vscode/id_ed25519; touch .vscode/evil && echo wrote");
        assert!(!ran.out.contains("planted-key"), "{ran:?}");
    }
    stop.store(true, Ordering::Relaxed);
    swapping.join().unwrap();
    assert_eq!(fs::read_dir(stand.home.join(".ssh")).unwrap().count(), 1);
}
