//! Attempts to read and change files that were not granted.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::escape_processes::PRELUDE;
use super::stand::{Stand, USERS};

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
fn e09_reads_no_environment_of_the_first_process() {
    steals_nothing("cat /proc/1/environ /proc/1/cmdline; strings -a /proc/1/mem; echo tried");
}

#[test]
fn e09_reads_no_environment_of_any_process() {
    steals_nothing(
        "env; cat /proc/*/environ /proc/*/cmdline /proc/*/task/*/environ; strings -a /proc/*/mem; echo tried",
    );
}

#[test]
fn proc_root_and_its_like_lead_nowhere() {
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

#[test]
fn leaves_nothing_that_lends_an_identity_to_whoever_runs_it() {
    let script = format!(
        "{PRELUDE}
import shutil
shutil.copy('/bin/true', 'program')
program, here = os.open('program', os.O_RDWR), os.open('.', os.O_RDONLY)
for name, bit in (('user', 0o4755), ('group', 0o2755)):
    attempt(name + ' chmod', lambda: call(90, b'program', bit))
    attempt(name + ' fchmod', lambda: call(91, program, bit))
    attempt(name + ' fchmodat', lambda: call(268, here, b'program', bit))
    attempt(name + ' fchmodat2', lambda: call(452, here, b'program', bit, 0))
    attempt(name + ' open', lambda: call(2, b'new', os.O_CREAT | os.O_RDWR, bit))
    attempt(name + ' openat', lambda: call(257, here, b'new', os.O_CREAT | os.O_RDWR, bit))
    attempt(name + ' nameless', lambda: call(257, here, b'.', os.O_TMPFILE | os.O_RDWR, bit))
    attempt(name + ' creat', lambda: call(85, b'new', bit))
    attempt(name + ' mknod', lambda: call(133, b'new', 0o100000 | bit, 0))
    attempt(name + ' mknodat', lambda: call(259, here, b'new', 0o100000 | bit, 0))
attempt('openat2', lambda: call(437, here, b'new', struct.pack('QQQ', os.O_CREAT | os.O_RDWR, 0o4755, 0), 24))
# A mode that is not asked for says nothing.
call(257, here, b'program', os.O_RDONLY, 0o4755)
call(90, b'program', 0o1755)
"
    );
    let calls = [
        "chmod",
        "fchmod",
        "fchmodat",
        "fchmodat2",
        "open",
        "openat",
        "nameless",
        "creat",
        "mknod",
        "mknodat",
    ];
    let refused: Vec<String> = ["user", "group"]
        .iter()
        .flat_map(|whose| calls.iter().map(move |call| format!("{whose} {call} EPERM\n")))
        .chain(["openat2 ENOSYS\n".to_owned()])
        .collect();
    for user in USERS {
        let stand = Stand::new(user);
        let ran = stand.python(&script).expect(0);
        assert_eq!(ran.out, refused.concat(), "{user:?}: {ran:?}");
        let left = |name: &str| stand.workspace.join(name);
        assert_eq!(fs::metadata(left("program")).unwrap().permissions().mode() & 0o7777, 0o1755);
        assert!(!left("new").exists(), "{user:?}");
    }
}
