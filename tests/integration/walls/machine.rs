//! Machines on which runs cannot be walled: it is said, with what to do, and nothing runs.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::stand::{Ran, Stand, User};

#[test]
fn a_missing_or_old_bubblewrap_is_refused() {
    let stand = Stand::new(User::Root);
    let empty = stand.dir.path().join("bin");
    fs::create_dir(&empty).unwrap();
    let run = || Ran::of(&stand.command(&[], &["true"]).env("PATH", &empty).output().unwrap()).expect(3);
    let ran = run();
    assert!(ran.err.contains("not installed") && ran.err.contains("apt-get install bubblewrap"), "{ran:?}");
    let old = empty.join("bwrap");
    fs::write(&old, "#!/bin/sh\necho bubblewrap 0.6.1\n").unwrap();
    fs::set_permissions(&old, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let ran = run();
    assert!(ran.err.contains("0.6.1") && ran.err.contains("0.8.0 or newer"), "{ran:?}");
    assert!(stand.calls().is_empty());
}

#[test]
fn where_user_namespaces_are_forbidden_it_says_so_and_how_to_allow_them() {
    let stand = Stand::new(User::Root);
    let run = stand.command(&["--profile", "read-only"], &["true"]);
    // In a user namespace of its own, this setting is its own.
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$0\" \"$@\"";
    let mut forbidden = Command::new("unshare");
    forbidden.args(["-Ur", "sh", "-c", script]).arg(run.get_program()).args(run.get_args()).env_clear();
    forbidden
        .envs(run.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(&stand.workspace);
    let ran = Ran::of(&forbidden.stdin(Stdio::null()).output().unwrap()).expect(3);
    assert!(
        ran.err.contains("user namespaces") && ran.err.contains("sysctl user.max_user_namespaces"),
        "{ran:?}"
    );
    assert!(stand.calls().is_empty());
}

#[test]
fn walls_that_cannot_be_built_close_the_run_and_say_what_to_try() {
    let stand = Stand::new(User::Root);
    let bin = stand.dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let broken = "#!/bin/sh\n[ \"$1\" = --version ] && echo bubblewrap 0.8.0 && exit\necho 'bwrap: Operation not permitted' >&2\nexit 1\n";
    fs::write(bin.join("bwrap"), broken).unwrap();
    fs::set_permissions(bin.join("bwrap"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let ran = Ran::of(&stand.command(&[], &["true"]).env("PATH", path).output().unwrap()).expect(125);
    assert!(ran.err.contains("could not be built") && ran.err.contains("AppArmor"), "{ran:?}");
    assert_eq!(stand.end()["cause"], "shim_crashed");
}

#[test]
fn a_kernel_without_what_the_walls_need_is_refused() {
    let stand = Stand::new(User::Root);
    let run = stand.command(&["--profile", "read-only"], &["true"]);
    // A filter that answers ENOSYS to openat2(2) makes this kernel as old as one before 5.6.
    let older = "
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
program = b''.join(struct.pack('HBBI', *line) for line in ((0x20, 0, 0, 0), (0x15, 0, 1, 437), (6, 0, 0, 0x50000 | 38), (6, 0, 0, 0x7fff0000)))
kept = ctypes.create_string_buffer(program)
libc.prctl(38, 1, 0, 0, 0)
assert libc.prctl(22, 2, struct.pack('HxxxxxxP', 4, ctypes.addressof(kept)), 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])";
    let mut old = Command::new("/usr/bin/python3");
    old.args(["-c", older]).arg(run.get_program()).args(run.get_args()).env_clear();
    old.envs(run.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(&stand.workspace);
    let ran = Ran::of(&old.stdin(Stdio::null()).output().unwrap()).expect(3);
    assert!(ran.err.contains("openat2") && ran.err.contains("Linux 5.6"), "{ran:?}");
    assert!(stand.calls().is_empty());
}

/// What `exeat doctor` finds of the walls, as this user, in this environment: check, state, what was found and what to do.
fn doctor(user: User, wrap: &[&str], path: &str) -> Vec<(String, String, String)> {
    let exeat = env!("CARGO_BIN_EXE_exeat");
    let nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let who: &[&str] = if user == User::Root { &[] } else { &nobody };
    let line = [who, wrap, &[exeat, "doctor", "--json", "--data-dir", "/no/such"]].concat();
    let told =
        Command::new("/usr/bin/env").args(["-i", &format!("PATH={path}")]).args(&line).output().unwrap();
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = told["findings"].as_array().unwrap().iter();
    let walls = ["user namespaces", "bubblewrap", "seccomp", "landlock"];
    all.filter(|finding| walls.contains(&finding["check"].as_str().unwrap()))
        .map(|finding| {
            let found = format!("{} | {}", text(&finding["found"]), text(&finding["remedy"]));
            (text(&finding["check"]), text(&finding["state"]), found)
        })
        .collect()
}

#[test]
fn doctor_says_what_the_walls_are_built_of_and_what_to_do() {
    const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
    for user in [User::Root, User::Nobody] {
        let found = doctor(user, &[], PATH);
        let states: Vec<&str> = found.iter().map(|(check, ..)| check.as_str()).collect();
        assert_eq!(states, ["user namespaces", "bubblewrap", "seccomp", "landlock"]);
        assert!(found.iter().all(|(_, state, _)| state == "ok"), "{user:?}: {found:?}");
        assert!(found[1].2.starts_with("0.") && found[3].2.starts_with("ABI "), "{found:?}");
        let none = doctor(user, &["/usr/bin/env", "PATH=/no/such"], PATH);
        assert_eq!((none[1].1.as_str(), none[0].1.as_str()), ("weak", "ok"));
        assert!(none[1].2.contains("apt-get install bubblewrap"), "{none:?}");
    }
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$0\" \"$@\"";
    let forbidden = doctor(User::Root, &["unshare", "-Ur", "sh", "-c", script], PATH);
    assert_eq!(forbidden[0].1, "weak");
    assert!(forbidden[0].2.contains("sysctl user.max_user_namespaces"), "{forbidden:?}");
}
