//! Attempts on other processes, on the kernel and on the machine.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use super::stand::{Ran, Stand, USERS, User};

/// Attempts are functions that end without an error when they got through.
pub(super) const PRELUDE: &str = "
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
fn traces_neither_the_shim_nor_itself() {
    attempts(
        "
shim = os.getppid()
attempt('attach', lambda: call(101, 16, shim, 0, 0))
attempt('seize', lambda: call(101, 0x4206, shim, 0, 0))
attempt('self', lambda: call(101, 0, 0, 0, 0))
",
        "attach EPERM\nseize EPERM\nself EPERM\n",
    );
}

#[test]
fn reads_and_writes_no_memory_of_the_shim() {
    attempts(
        "
shim = os.getppid()
buffer = ctypes.create_string_buffer(8)
class iovec(ctypes.Structure): _fields_ = [('base', ctypes.c_void_p), ('len', ctypes.c_size_t)]
local = iovec(ctypes.cast(buffer, ctypes.c_void_p), 8)
attempt('readv', lambda: call(310, shim, ctypes.byref(local), 1, ctypes.byref(local), 1, 0))
attempt('writev', lambda: call(311, shim, ctypes.byref(local), 1, ctypes.byref(local), 1, 0))
attempt('mem', lambda: open(f'/proc/{shim}/mem', 'rb'))
attempt('environ', lambda: open(f'/proc/{shim}/environ', 'rb').read())
",
        "readv EPERM\nwritev EPERM\nmem EACCES\nenviron EACCES\n",
    );
}

#[test]
fn takes_no_descriptor_of_the_shim() {
    attempts(
        "
shim = os.getppid()
attempt('getfd', lambda: call(438, os.pidfd_open(shim), 0, 0))
attempt('fd', lambda: [os.open(f'/proc/{shim}/fd/{n}', 0) for n in range(3, 12)])
attempt('fd link', lambda: [os.readlink(f'/proc/{shim}/fd/{n}') for n in range(3, 12)])
attempt('root', lambda: os.listdir(f'/proc/{shim}/root'))
",
        "getfd EPERM\nfd EACCES\nfd link EACCES\nroot EACCES\n",
    );
}

#[test]
fn signals_no_shim() {
    attempts(
        "
attempt('shim', lambda: os.kill(os.getppid(), 9))
attempt('first', lambda: os.kill(1, 9))
os.kill(-1, 9)
attempt('pidfd', lambda: signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 9))
print('goes on')
",
        "shim EPERM\nfirst EPERM\npidfd EPERM\ngoes on\n",
    );
}

#[test]
fn signals_no_broker() {
    // The broker's id means nothing inside: there are few processes, and none of them has it.
    attempts(
        "
attempt('broker', lambda: os.kill(HOSTPID if HOSTPID > 100 else 99999, 9))
attempt('group', lambda: os.killpg(HOSTPID if HOSTPID > 100 else 99999, 9))
print(len([name for name in os.listdir('/proc') if name.isdigit()]) < 6)
",
        "broker ESRCH\ngroup ESRCH\nTrue\n",
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
fn the_walls_hold_in_a_run_that_was_started_with_many_groups() {
    let stand = Stand::new(User::Root);
    let mut command =
        stand.command(&["--profile", "workspace-write"], &["sh", "-c", "cat /etc/shadow; id -u"]);
    let ran = Ran::of(&command.gid(0).output().unwrap());
    assert_eq!(ran.out, "0\n", "{ran:?}");
}
