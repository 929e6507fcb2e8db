//! What a run opens is seen, by whichever of its programs, and told at its end.

use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use super::lifecycle::started;
use super::remains::{gone, kill};
use super::stand::{Ran, Stand, USERS, User};

#[test]
fn what_is_read_and_written_is_told() {
    for user in USERS {
        let stand = Stand::new(user);
        stand.write("src/lib", "text");
        stand.write("untouched", "text");
        let script = "cat file src/lib src/lib; cd src; cat ../file; echo a > made; mv made moved; mkdir -p deep/er; \
            rm moved; rmdir deep/er; chmod 600 lib; ln lib hard; ln -s lib soft; :> lib; truncate -s 3 lib";
        let ran = stand.shell(script).expect(0);
        assert_eq!(ran.err, "", "{user:?}");
        let read = |path: &str| stand.opened("read", path, false);
        let wrote = |path: &str| stand.opened("write", path, false);
        assert_eq!((read("file"), read("src/lib"), read("untouched")), (2, 2, 0), "{user:?}");
        assert_eq!((wrote("src/made"), wrote("src/moved")), (2, 2), "made and renamed, renamed and removed");
        assert_eq!((wrote("src/deep"), wrote("src/deep/er")), (1, 2));
        assert_eq!((wrote("src/lib"), wrote("src/hard"), wrote("src/soft")), (3, 1, 1));
        assert_eq!((wrote("file"), read("/usr/bin/cat")), (0, 2), "programs that are run are read");
        assert!(stand.told_at_the_end().get("files_unseen").is_none());
    }
}

#[test]
fn what_the_walls_refuse_is_told_as_refused() {
    for user in USERS {
        let stand = Stand::new(user);
        stand.write(".git/config", "[core]\n");
        let key = stand.home.join(".ssh/id_ed25519").display().to_string();
        let elsewhere = stand.dir.path().join("broker/vault.key").display().to_string();
        symlink(&elsewhere, stand.workspace.join("link")).unwrap();
        let script = format!(
            "cat {key}; cat {elsewhere}; cat ../broker/ca.pem; cat link; echo a > .git/config; echo a > .git/hooks/post-commit; \
             echo a > /usr/made; mv .git away; rm .git/config; mkdir /usr/dir; cat missing; rm missing; cat /proc/self/maps; :"
        );
        let ran = stand.shell(&script).expect(0);
        assert!(!ran.out.contains("planted"), "{ran:?}");
        let refused = |access: &str, path: &str| stand.opened(access, path, true);
        let outside = std::fs::canonicalize(stand.dir.path()).unwrap().join("broker/ca.pem");
        assert_eq!(refused("read", &key), 1, "{user:?}");
        assert_eq!((refused("read", &elsewhere), refused("read", outside.to_str().unwrap())), (1, 1));
        assert_eq!((refused("write", ".git/config"), refused("write", ".git/hooks/post-commit")), (2, 1));
        assert_eq!(
            (refused("write", ".git"), refused("write", "/usr/made"), refused("write", "/usr/dir")),
            (1, 1, 1)
        );
        let told = stand.told_at_the_end().to_string();
        assert!(!told.contains("missing"), "what is not there is neither used nor refused: {told}");
        for (access, path) in [("read", key.as_str()), ("write", ".git/config"), ("write", "/usr/made")] {
            assert_eq!(stand.opened(access, path, false), 0, "{path}");
        }
    }
}

#[test]
fn a_read_only_workspace_is_read_and_every_write_to_it_refused() {
    for user in USERS {
        let stand = Stand::new(user);
        stand
            .run(&["--profile", "read-only"], &["sh", "-c", "cat file; echo a > file; echo a > new; :"])
            .expect(0);
        assert_eq!(stand.opened("read", "file", false), 1);
        assert_eq!(
            (stand.opened("write", "file", true), stand.opened("write", "new", true)),
            (1, 1),
            "{user:?}"
        );
        assert_eq!((stand.opened("write", "file", false), stand.opened("write", "new", false)), (0, 0));
    }
}

#[test]
fn whichever_program_of_the_run_opens_it_is_seen() {
    for user in USERS {
        let stand = Stand::new(user);
        let script = "
import os, threading, subprocess, time
for n in range(8): open(f'f{n}', 'w').close()
threads = [threading.Thread(target=lambda n=n: [open(f'f{n}').close() for _ in range(50)]) for n in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
subprocess.run(['sh', '-c', 'cat f4'])
os.chdir('/tmp'); directory = os.open(os.environ['PWD'], os.O_PATH)
os.close(os.open('f5', 0, dir_fd=directory))
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while os.getppid() != 1: time.sleep(0.001)
        os.close(os.open('f6', 0, dir_fd=directory)); os.write(write, b'x')
    os._exit(0)
os.read(read, 1)
os.wait()
program = os.memfd_create('program'); os.write(program, open('/bin/true', 'rb').read())
if os.fork() == 0: os.execve(program, ['true'], {})
os.wait()
if os.fork() == 0: os.execve(os.open('/usr/bin/env', os.O_PATH), ['env', 'true'], {'PATH': '/usr/bin'})
os.wait()
";
        assert_eq!(stand.python(script).expect(0).err, "");
        for (name, count) in
            [("f0", 50), ("f1", 50), ("f2", 50), ("f3", 50), ("f4", 1), ("f5", 1), ("f6", 1), ("f7", 0)]
        {
            assert_eq!(stand.opened("read", name, false), count, "{user:?} {name}");
            assert_eq!(stand.opened("write", name, false), 1, "{user:?} {name}");
        }
        assert_eq!(stand.opened("read", "/usr/bin/env", false), 1, "by its descriptor");
        assert!(!stand.told_at_the_end().to_string().contains("memfd"), "what has no name is not told");
    }
}

#[test]
fn an_interrupted_open_counts_once() {
    let stand = Stand::new(User::Nobody);
    let script = "
import os, signal
heard = opened = 0
def hear(*_):
    global heard; heard += 1
signal.signal(signal.SIGALRM, hear)
signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
while heard < 200: os.close(os.open('file', os.O_RDONLY)); opened += 1
signal.setitimer(signal.ITIMER_REAL, 0)
print(opened)
";
    let opened: u64 = stand.python(script).expect(0).out.trim().parse().unwrap();
    assert_eq!(stand.opened("read", "file", false), opened);
}

#[test]
fn a_run_that_cannot_be_watched_does_not_start() {
    let stand = Stand::new(User::Root);
    // Something else that wants to hear of calls, around `exeat run`: the kernel knows one at a time.
    let around = "
import ctypes, os, struct, sys
libc = ctypes.CDLL(None)
libc.prctl(38, 1, 0, 0, 0)
rule = struct.pack('HBBI', 6, 0, 0, 0x7fff0000)
class Program(ctypes.Structure): _fields_ = [('length', ctypes.c_ushort), ('rules', ctypes.c_char_p)]
os.set_inheritable(libc.syscall(317, 1, 8, ctypes.byref(Program(1, rule))), True)
os.execv(sys.argv[1], sys.argv[1:])
";
    let unwatched =
        stand.profile("workspace-write", |text| text.replace("observe = true", "observe = false"));
    for (profile, code) in [("workspace-write", 125), (unwatched.as_str(), 0)] {
        let run = stand.command(&["--profile", profile], &["touch", "made"]);
        let mut wrapped = std::process::Command::new("/usr/bin/python3");
        wrapped.args(["-c", around]).arg(run.get_program()).args(run.get_args()).env_clear();
        for (name, value) in run.get_envs() {
            wrapped.env(name, value.unwrap());
        }
        let ran = Ran::of(&wrapped.current_dir(&stand.workspace).output().unwrap()).expect(code);
        assert_eq!(
            ran.err.contains("cannot be watched") && ran.err.contains("files.observe"),
            code == 125,
            "{ran:?}"
        );
        assert_eq!(stand.workspace.join("made").exists(), code == 0);
    }
}

#[test]
fn a_run_cannot_shut_the_eyes_that_watch_it() {
    for user in USERS {
        let stand = Stand::new(user);
        // Filters of its own: one that would hear of the same calls, one that lets everything pass.
        let script = "
import ctypes, errno, os, struct
libc = ctypes.CDLL(None, use_errno=True)
def install(flags, answer):
    rule = struct.pack('HBBI', 6, 0, 0, answer)
    class Program(ctypes.Structure): _fields_ = [('length', ctypes.c_ushort), ('rules', ctypes.c_char_p)]
    if libc.syscall(317, 1, flags, ctypes.byref(Program(1, rule))) < 0: return errno.errorcode[ctypes.get_errno()]
    return 'made'
print(install(8, 0x7fc00000), install(0, 0x7fff0000))
open('file').close()
";
        assert_eq!(stand.python(script).expect(0).out, "EBUSY made\n", "{user:?}");
        assert_eq!(stand.opened("read", "file", false), 1);
        // Memory that nobody may look into: the opens are counted, and that they were not seen is told.
        let script = "
import ctypes
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
for _ in range(7): open('file').close()
";
        stand.python(script).expect(0);
        let told = stand.told_at_the_end();
        assert!(told["files_unseen"].as_u64().unwrap() >= 7, "{user:?}: {told}");
        assert_eq!(stand.opened("read", "file", false), 0);
    }
}

#[test]
fn f14_names_that_mislead_and_names_without_end_close_the_run_all_the_same() {
    let stand = Stand::new(User::Nobody);
    let script = "
import os
os.makedirs('many/a'); os.makedirs('many/b')
for n in range(600): open(f'many/{\"ab\"[n % 2]}/{n:0200}', 'w').close()
os.close(os.open(b'x\\xff\\x1b[2K\\xe2\\x80\\xae*', os.O_CREAT | os.O_WRONLY))
path = '.'
for _ in range(100):
    os.mkdir('d'); os.chdir('d')
open('bottom', 'w').close()
";
    assert_eq!(stand.python(script).expect(0).err, "");
    let told = stand.told_at_the_end();
    let lines = told["files"].as_array().unwrap();
    assert!(lines.len() <= 200 && told.to_string().len() < 60_000, "{}", lines.len());
    let count = |start: &str, what: &str| -> u64 {
        let start = stand.workspace.join(start).display().to_string();
        let under =
            |line: &&Value| line["path"].as_str().unwrap().starts_with(&start) && line["access"] == what;
        lines.iter().filter(under).map(|line| line["count"].as_u64().unwrap()).sum()
    };
    assert_eq!(count("many", "write"), 603, "each file and three directories, however folded");
    assert_eq!(count("d", "write"), 101);
    assert_eq!(count("x\\u{fffd}\\u{1b}[2K\\u{202e}\\*", "write"), 1, "{told}");
}

#[test]
fn a_profile_may_leave_it_out_and_then_nothing_is_told() {
    let stand = Stand::new(User::Nobody);
    let profile = stand.profile("workspace-write", |text| text.replace("observe = true", "observe = false"));
    stand.run(&["--profile", &profile], &["cat", "file"]).expect(0);
    assert_eq!(stand.told_at_the_end(), json!({"cause": "exited", "exit": 0}));
    for (profile, observed) in [(profile.as_str(), false), ("workspace-write", true)] {
        let explained = stand.run(&["--profile", profile, "--explain", "--json"], &[]).expect(0).out;
        let explained: Value = serde_json::from_str(&explained).unwrap();
        assert_eq!(explained["filesystem"]["observed"], observed);
    }
}

#[test]
fn without_the_watcher_nothing_is_opened_and_nothing_hangs() {
    for user in USERS {
        let stand = Stand::new(user);
        let script = format!(
            ": {}\nexec 2> /dev/null; echo started; while :; do cat file > copy; done",
            stand.workspace.display()
        );
        let (mut child, _out) = started(&stand, &["--profile", "workspace-write"], &script);
        kill(&stand.workspace, |line| line.first().is_some_and(|program| program == "/run/exeat/exeat"));
        assert_eq!(child.wait().unwrap().code(), Some(125), "{user:?}");
        gone(&stand.workspace);
        assert_eq!(stand.end()["cause"], "shim_crashed");
        assert!(stand.told_at_the_end().get("files").is_none(), "what was seen is gone with who saw it");
    }
}
