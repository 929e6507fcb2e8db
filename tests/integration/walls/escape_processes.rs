//! Attempts on other processes, on the kernel and on the machine.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use super::stand::{Ran, Stand, USERS, User};

/// Attempts are functions that end without an error when they got through.
const PRELUDE: &str = "
import ctypes, os, sys, errno, resource, signal, socket, fcntl, struct
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    result = libc.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    if result < 0: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
def attempt(name, action):
    try:
        action(); print('GOT THROUGH:', name)
    except OSError as error:
        print(name, errno.errorcode[error.errno])
    except MemoryError: print(name, 'MEMORY')
";

/// Runs attempts as each user; gives what each ended with.
#[track_caller]
fn attempts(script: &str, expected: &str) {
    for user in USERS {
        attempts_as(user, script, expected);
    }
}

#[track_caller]
fn attempts_as(user: User, script: &str, expected: &str) {
    let stand = Stand::new(user);
    let ran =
        stand.python(&format!("{PRELUDE}\n{}", script.replace("HOSTPID", &std::process::id().to_string())));
    assert_eq!(ran.out, expected, "{user:?}: {ran:?}");
}

#[test]
fn looks_into_no_process_outside_its_walls() {
    attempts(
        "
shim = os.getppid()
buffer = ctypes.create_string_buffer(8)
class iovec(ctypes.Structure): _fields_ = [('base', ctypes.c_void_p), ('len', ctypes.c_size_t)]
local = iovec(ctypes.cast(buffer, ctypes.c_void_p), 8)
attempt('ptrace', lambda: call(101, 16, shim, 0, 0))
attempt('ptrace self', lambda: call(101, 0, 0, 0, 0))
attempt('readv', lambda: call(310, shim, ctypes.byref(local), 1, ctypes.byref(local), 1, 0))
attempt('writev', lambda: call(311, shim, ctypes.byref(local), 1, ctypes.byref(local), 1, 0))
attempt('getfd', lambda: call(438, os.pidfd_open(shim), 0, 0))
attempt('mem', lambda: open(f'/proc/{shim}/mem', 'rb'))
attempt('environ', lambda: open(f'/proc/{shim}/environ', 'rb').read())
attempt('fd', lambda: [os.open(f'/proc/{shim}/fd/{n}', 0) for n in range(3, 12)])
attempt('fd link', lambda: [os.readlink(f'/proc/{shim}/fd/{n}') for n in range(3, 12)])
attempt('root', lambda: os.listdir(f'/proc/{shim}/root'))
",
        "ptrace EPERM\nptrace self EPERM\nreadv EPERM\nwritev EPERM\ngetfd EPERM\nmem EACCES\nenviron EACCES\nfd EACCES\nfd link EACCES\nroot EACCES\n",
    );
}

#[test]
fn signals_neither_the_shim_nor_anything_outside() {
    attempts(
        "
attempt('shim', lambda: os.kill(os.getppid(), 9))
attempt('first', lambda: os.kill(1, 9))
os.kill(-1, 9)
attempt('pidfd', lambda: signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 9))
attempt('outside', lambda: os.kill(HOSTPID, 9) if HOSTPID > 100 else os.kill(99999, 9))
os.kill(os.getpid(), 0)
print('goes on')
",
        "shim EPERM\nfirst EPERM\npidfd EPERM\noutside ESRCH\ngoes on\n",
    );
}

#[test]
fn types_into_no_terminal() {
    attempts(
        "
attempt('TIOCSTI', lambda: fcntl.ioctl(0, 0x5412, b'x'))
attempt('TIOCLINUX', lambda: fcntl.ioctl(0, 0x541C, b'x'))
attempt('high bits', lambda: call(16, 0, 0x5412 | (1 << 32), ctypes.create_string_buffer(b'x')))
attempt('tty', lambda: open('/dev/tty', 'w'))
",
        "TIOCSTI EPERM\nTIOCLINUX EPERM\nhigh bits EPERM\ntty ENXIO\n",
    );
}

#[test]
fn makes_no_namespace_and_no_mount() {
    attempts(
        "
for name, flag in (('user', 0x10000000), ('mount', 0x20000), ('network', 0x40000000)):
    attempt('unshare ' + name, lambda: call(272, flag))
    attempt('clone ' + name, lambda: call(56, flag | 17, 0, 0, 0, 0))
attempt('clone3', lambda: call(435, ctypes.create_string_buffer(88), 88))
attempt('setns', lambda: call(308, os.open('/proc/self/ns/net', 0), 0))
attempt('mount', lambda: call(165, b'none', b'/tmp', b'tmpfs', 0, 0))
attempt('umount', lambda: call(166, b'/tmp', 2))
attempt('open_tree', lambda: call(428, -100, b'/', 0))
attempt('fsopen', lambda: call(430, b'tmpfs', 0))
attempt('pivot_root', lambda: call(155, b'/', b'/tmp'))
attempt('chroot', lambda: os.chroot('/tmp'))
",
        "unshare user EPERM\nclone user EPERM\nunshare mount EPERM\nclone mount EPERM\nunshare network EPERM\nclone network EPERM\n\
         clone3 ENOSYS\nsetns EPERM\nmount EPERM\numount EPERM\nopen_tree EPERM\nfsopen EPERM\npivot_root EPERM\nchroot EPERM\n",
    );
}

#[test]
fn reaches_no_dangerous_corner_of_the_kernel() {
    attempts(
        "
for name, number in (('bpf', 321), ('userfaultfd', 323), ('perf', 298), ('keyctl', 250), ('add_key', 248), ('request_key', 249), ('kexec', 246), ('init_module', 175), ('finit_module', 313), ('by handle', 304), ('iopl', 172)):
    attempt(name, lambda: call(number, 0, 0, 0, 0, 0))
attempt('io_uring', lambda: call(425, 1, ctypes.create_string_buffer(120)))
attempt('personality', lambda: call(135, 0x0040000))
attempt('x32', lambda: call(0x40000000 + 41, 1, 1, 0))
",
        "bpf EPERM\nuserfaultfd EPERM\nperf EPERM\nkeyctl EPERM\nadd_key EPERM\nrequest_key EPERM\nkexec EPERM\ninit_module EPERM\n\
         finit_module EPERM\nby handle EPERM\niopl EPERM\nio_uring ENOSYS\npersonality EPERM\nx32 ENOSYS\n",
    );
}

#[test]
fn a_program_for_another_architecture_is_ended() {
    // int 0x80 is the 32-bit door: there, number 359 is socket().
    let code = "
import ctypes, mmap
memory = mmap.mmap(-1, 4096, prot=7)
memory.write(bytes.fromhex('b867010000bb01000000b901000000ba00000000cd80c3'))
print('before', flush=True)
print(ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))())
";
    if cfg!(target_arch = "x86_64") {
        let ran = Stand::new(User::Root).python(code).expect(128 + 31);
        assert_eq!(ran.out, "before\n");
    }
}

#[test]
fn gains_no_privileges_from_set_uid_programs() {
    for user in USERS {
        let ran = Stand::new(user).shell(
            "grep -E 'Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp:' /proc/self/status; grep -c -v nosuid /proc/self/mountinfo; \
             find /usr/bin -perm -4000 | head -1 | grep -q . && su -c 'echo became root' < /dev/null",
        );
        let caps = "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\n";
        assert_eq!(ran.out, format!("{caps}NoNewPrivs:\t1\nSeccomp:\t2\n0\n"), "{user:?}: {ran:?}");
    }
}

#[test]
fn a_crash_reaches_no_handler_outside() {
    // A limit of 1 and nothing else keeps the kernel from piping a dump to a handler (core(5)).
    attempts(
        "
print(resource.getrlimit(resource.RLIMIT_CORE))
attempts = [lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)), lambda: resource.prlimit(0, resource.RLIMIT_CORE, (0, 0))]
for one in attempts: one()
print(resource.getrlimit(resource.RLIMIT_CORE))
attempt('raise', lambda: call(302, os.getpid() + 1, 4, ctypes.create_string_buffer(b'\\xff' * 16), 0) and None)
print(resource.getrlimit(resource.RLIMIT_CORE))
",
        "(1, 1)\n(1, 1)\nGOT THROUGH: raise\n(1, 1)\n",
    );
}

#[test]
fn inherits_no_descriptors() {
    for user in USERS {
        let stand = Stand::new(user);
        let run = stand.command(
            &["--profile", "workspace-write"],
            &["sh", "-c", "ls -l /proc/self/fd; ls /proc/self/fd/9/"],
        );
        let script = format!(
            "exec 9< {}; exec 8> {}/leak; exec \"$@\"",
            stand.home.display(),
            stand.dir.path().display()
        );
        let mut shell = Command::new("bash");
        shell.args(["-c", &script, "bash"]).arg(run.get_program()).args(run.get_args()).env_clear();
        shell
            .envs(run.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .current_dir(&stand.workspace);
        let ran = Ran::of(&shell.stdin(std::process::Stdio::null()).output().unwrap());
        let numbers: Vec<&str> =
            ran.out.lines().filter_map(|line| line.split_once(" -> ")?.0.rsplit(' ').next()).collect();
        // The fourth is the directory that `ls` itself reads.
        assert_eq!(numbers, ["0", "1", "2", "3"], "{user:?}: {ran:?}");
        assert!(ran.out.contains("3 -> /proc/"), "{ran:?}");
    }
}

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

#[test]
fn a_memory_hog_and_a_disk_filler_are_stopped() {
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
attempt('memory', lambda: bytearray(1 << 30))
attempt('file', lambda: fill('big', 16))
attempt('tmp', lambda: fill('/tmp/big', 16))
attempt('shm', lambda: fill('/dev/shm/big', 16))
attempt('home', lambda: fill(os.environ['HOME'] + '/big', 16))
for path in ('/big', '/dev/big', '/run/big', '/var/big'): attempt(path, lambda: fill(path, 1))
"
        );
        let ran = stand.run(&["--profile", &profile], &["/usr/bin/python3", "-c", &script]);
        let said = "memory MEMORY\nfile EFBIG\ntmp ENOSPC\nshm ENOSPC\nhome ENOSPC\n/big EROFS\n/dev/big EROFS\n/run/big EROFS\n/var/big EROFS\n";
        assert_eq!(ran.out, said, "{user:?}: {ran:?}");
        assert!(fs::metadata(stand.workspace.join("big")).unwrap().len() <= 8 << 20);
    }
}

#[test]
fn the_walls_hold_in_a_run_that_was_started_with_many_groups() {
    let stand = Stand::new(User::Root);
    let mut command =
        stand.command(&["--profile", "workspace-write"], &["sh", "-c", "cat /etc/shadow; id -u"]);
    let ran = Ran::of(&command.gid(0).output().unwrap());
    assert_eq!(ran.out, "0\n", "{ran:?}");
}
