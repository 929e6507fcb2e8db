//! Attempts to read and change files that were not granted.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::stand::{Ran, Stand, USERS, User};

const PLANTED: [&str; 4] = ["planted-key", "planted-vault-key", "planted-agent-key", "planted-aws"];

/// Runs a script that prints what it got hold of, as each user; nothing of it was planted.
#[track_caller]
fn steals_nothing(script: &str) {
    for user in USERS {
        let stand = Stand::new(user);
        let ran = stand.shell(&script.replace("DIR", stand.dir.path().to_str().unwrap()));
        for planted in PLANTED {
            assert!(!ran.out.contains(planted) && !ran.err.contains(planted), "{user:?}: {ran:?}");
        }
        assert!(ran.out.contains("tried"), "the attack did not run: {user:?} {ran:?}");
    }
}

#[test]
fn reads_no_ssh_keys() {
    steals_nothing(
        "cat ~/.ssh/id_ed25519 DIR/home/.ssh/id_ed25519 /root/.ssh/* /home/*/.ssh/*; find / -name id_ed25519 -exec cat {} +; echo tried",
    );
}

#[test]
fn reads_nothing_of_the_broker() {
    steals_nothing(
        "cat DIR/broker/vault.key; ls -laR DIR; find / -xdev -name vault.key -exec cat {} +; echo tried",
    );
}

#[test]
fn e09_reads_no_environment_of_any_process() {
    steals_nothing(
        "env; cat /proc/*/environ /proc/1/environ /proc/*/cmdline /proc/*/task/*/environ; strings -a /proc/*/mem; echo tried",
    );
}

#[test]
fn proc_leads_nowhere() {
    steals_nothing(
        "for p in /proc/[0-9]*; do cat $p/root/DIR/home/.ssh/id_ed25519 $p/root/DIR/broker/vault.key $p/cwd/../home/.ssh/id_ed25519; \
         for f in $p/fd/*; do cat $f/DIR/broker/vault.key $f/../home/.ssh/id_ed25519 $f/home/.ssh/id_ed25519; done; done < /dev/null; \
         cat /proc/*/map_files/*; echo tried",
    );
}

#[test]
fn symbolic_links_out_of_the_workspace_lead_nowhere() {
    for user in USERS {
        let stand = Stand::new(user);
        symlink(stand.home.join(".ssh"), stand.workspace.join("keys")).unwrap();
        symlink("../broker/vault.key", stand.workspace.join("vault")).unwrap();
        symlink("/proc/self/root", stand.workspace.join("root")).unwrap();
        let ran = stand.shell("cat keys/id_ed25519 vault root/etc/shadow; ln -s / up; cat up/root/.bashrc up/../etc/shadow; echo tried");
        assert_eq!(ran.out, "tried\n", "{ran:?}");
    }
}

#[test]
fn system_secrets_are_not_shown() {
    for user in USERS {
        let ran = Stand::new(user).shell("cat /etc/shadow /etc/gshadow /etc/sudoers; ls /etc/ssl/private /var/lib /root /home /sys /boot; echo tried");
        assert_eq!(ran.out, "tried\n", "{ran:?}");
    }
}

#[test]
fn the_home_is_empty_and_the_environment_is_the_allow_list() {
    for user in USERS {
        let ran =
            Stand::new(user).shell("ls -A ~ ; env -0 | cut -z -d= -f1 | tr '\\0' '\\n' | sort").expect(0);
        let known = ["HOME", "PATH", "PWD", "NO_PROXY", "HTTPS_PROXY", "SSL_CERT_FILE"];
        assert!(known.iter().all(|name| ran.out.lines().any(|line| line == *name)), "{ran:?}");
        let foreign = ran
            .out
            .lines()
            .find(|line| line.contains("AWS_SECRET") || line.contains("EXEAT") && *line != "EXEAT_RUN");
        assert_eq!((foreign, ran.out.contains("id_ed25519")), (None, false), "{ran:?}");
    }
}

#[test]
fn writes_nowhere_but_where_it_may() {
    for user in USERS {
        let stand = Stand::new(user);
        let ran = stand.shell(
            "for d in / /usr /usr/bin /etc /bin /lib /run /run/exeat /dev /proc /proc/sys/kernel /var /var/lib; do \
             (echo x > $d/planted) 2>/dev/null && echo wrote $d; done; \
             (echo x > /proc/sys/kernel/core_pattern) 2>/dev/null && echo core_pattern; \
             (echo x > /proc/sysrq-trigger) 2>/dev/null && echo sysrq; \
             (echo x >> /etc/passwd) 2>/dev/null && echo passwd; (echo x >> /run/exeat/inside.json) 2>/dev/null && echo inside; \
             for d in . ~ /tmp /dev/shm; do echo x > $d/own || echo cannot $d; done; echo tried",
        );
        assert_eq!(ran.out, "tried\n", "{user:?}: {ran:?}");
        assert_eq!(fs::read_to_string(stand.workspace.join("own")).unwrap(), "x\n");
        assert!(!stand.home.join("own").exists());
    }
}

#[test]
fn a_read_only_workspace_cannot_be_written() {
    for user in USERS {
        let stand = Stand::new(user);
        let script = "echo x > file; echo x > new; rm -f file; mkdir d; chmod 777 file; touch file; ln file other; cat file";
        let ran = stand.run(&["--profile", "read-only"], &["sh", "-c", script]);
        assert_eq!(ran.out, "content", "{ran:?}");
        let names: Vec<_> =
            fs::read_dir(&stand.workspace).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["file"]);
    }
}

/// A repository of a person, with everything that the attacks aim at.
fn repository(user: User) -> Stand {
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

#[test]
fn what_a_person_runs_later_cannot_be_changed_or_made() {
    for user in USERS {
        let stand = repository(user);
        let before = fs::read_to_string(stand.workspace.join(".git/config")).unwrap();
        let ran = stand.shell(
            "w() { (mkdir -p \"$(dirname $1)\" && echo evil > $1) 2>/dev/null && echo \"made $1\"; }
             for f in .git/hooks/pre-commit .git/hooks/post-checkout .git/config .git/config.worktree .git/info/attributes .git/commondir \
               .github/workflows/evil.yml .github/workflows/ci.yml .gitlab-ci.yml .circleci/config.yml .vscode/tasks.json \
               .idea/workspace.xml .envrc .mise.toml .husky/pre-commit .mcp.json .claude/settings.json .devcontainer/devcontainer.json; do w $f; done
             git config core.fsmonitor 'touch /tmp/evil' 2>/dev/null && echo configured
             git config --worktree core.fsmonitor x 2>/dev/null && echo configured
             rm -rf .git/hooks .git/config .github/workflows .vscode .envrc 2>/dev/null && echo removed
             echo '* filter=evil' > .gitattributes; git config filter.evil.clean evil 2>/dev/null && echo filter; echo tried",
        );
        assert_eq!(ran.out, "tried\n", "{user:?}: {ran:?}");
        assert_eq!(fs::read_to_string(stand.workspace.join(".git/config")).unwrap(), before);
        assert!(
            !stand.workspace.join(".envrc").exists() && !stand.workspace.join(".vscode").exists(),
            "plugs are gone"
        );
        assert!(!stand.workspace.join(".git/commondir").exists());
    }
}

#[test]
fn protected_paths_cannot_be_moved_out_of_the_way() {
    for user in USERS {
        let stand = repository(user);
        fs::write(stand.workspace.join(".git/hooks/kept"), "ada's").unwrap();
        stand.hand_over(&stand.workspace);
        let ran = stand.python(
            "import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
os.makedirs('evil/hooks', exist_ok=True)
open('evil/config', 'w').write('[core]\\n\\tfsmonitor = evil\\n')
def attempt(name, call):
    try:
        call(); print('did', name)
    except OSError: pass
for old, new in (('.git', 'moved'), ('.git/hooks', 'moved'), ('.git/hooks', '.git/moved'), ('.git/config', '.git/moved'), ('.github', 'moved'), ('evil/config', '.git/config'), ('evil', '.git')):
    attempt(f'rename {old} {new}', lambda: os.rename(old, new))
def exchange(a, b):
    if libc.renameat2(-100, a.encode(), -100, b.encode(), 2) != 0: raise OSError(ctypes.get_errno(), 'exchange')
for a, b in (('evil', '.git'), ('evil/hooks', '.git/hooks'), ('evil/config', '.git/config')):
    attempt(f'exchange {a} {b}', lambda: exchange(a, b))
attempt('link', lambda: os.link('.git/config', 'config-link'))
attempt('link back', lambda: os.link('evil/config', '.git/hooks/pre-commit'))
attempt('chmod', lambda: os.chmod('.git/config', 0o777))
attempt('mount', lambda: (_ for _ in ()).throw(OSError()) if libc.mount(b'evil', b'.git', None, 4096, None) else None)
attempt('umount', lambda: (_ for _ in ()).throw(OSError()) if libc.umount2(b'.git/config', 2) else None)
attempt('through proc', lambda: open('/proc/self/cwd/.git/config', 'a').write('x'))
attempt('through root', lambda: open('/proc/self/root' + os.getcwd() + '/.git/config', 'a').write('x'))
print('tried')",
        );
        assert_eq!(ran.out, "tried\n", "{user:?}: {ran:?}");
        assert_eq!(fs::read_to_string(stand.workspace.join(".git/hooks/kept")).unwrap(), "ada's");
        assert!(!fs::read_to_string(stand.workspace.join(".git/config")).unwrap().contains("evil"));
    }
}

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
