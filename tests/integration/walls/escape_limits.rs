//! Attempts to take the machine down.

use std::fs;

use super::escape_processes::PRELUDE;
use super::stand::{Stand, USERS, User};

#[test]
fn a_fork_bomb_stays_small() {
    let stand = Stand::new(User::Nobody);
    let profile = stand.profile("workspace-write", |text| text.replace("processes = 512", "processes = 40"));
    let script = format!(
        "{PRELUDE}
made = 0
try:
    while made < 1000:
        if os.fork() == 0: signal.pause()
        made += 1
except BlockingIOError: print('stopped', made < 40)
"
    );
    let ran = stand.run(&["--profile", &profile], &["/usr/bin/python3", "-c", &script]);
    assert_eq!(ran.out, "stopped True\n", "{ran:?}");
}

/// Attempts under small limits, as each user.
#[track_caller]
fn limited(script: &str, expected: &str) {
    for user in USERS {
        let stand = Stand::new(user);
        let profile = stand.profile("workspace-write", |text| {
            text.replace("memory_mib = 4096", "memory_mib = 256")
                .replace("file_mib = 1024", "file_mib = 8")
                .replace("scratch_mib = 1024", "scratch_mib = 4")
        });
        let script = format!(
            "{PRELUDE}
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def fill(path, most):
    with open(path, 'wb') as file:
        for _ in range(most): file.write(b'x' * 1048576); file.flush()
{script}"
        );
        let ran = stand.run(&["--profile", &profile], &["/usr/bin/python3", "-c", &script]);
        assert_eq!(ran.out, expected, "{user:?}: {ran:?}");
        assert!(fs::metadata(stand.workspace.join("big")).map_or(0, |found| found.len()) <= 8 << 20);
    }
}

#[test]
fn a_memory_hog_is_stopped() {
    limited("attempt('memory', lambda: bytearray(1 << 30))", "memory MEMORY\n");
}

#[test]
fn a_disk_filler_is_stopped() {
    limited(
        "
attempt('file', lambda: fill('big', 16))
attempt('tmp', lambda: fill('/tmp/big', 16))
attempt('shm', lambda: fill('/dev/shm/big', 16))
attempt('home', lambda: fill(os.environ['HOME'] + '/big', 16))
for path in ('/big', '/dev/big', '/run/big', '/var/big'): attempt(path, lambda: fill(path, 1))
",
        "file EFBIG\ntmp ENOSPC\nshm ENOSPC\nhome ENOSPC\n/big EROFS\n/dev/big EROFS\n/run/big EROFS\n/var/big EROFS\n",
    );
}
