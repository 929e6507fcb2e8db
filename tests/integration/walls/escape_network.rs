//! Attempts to get out over the network, or over anything that is a socket.

use std::net::TcpListener;

use super::stand::{Stand, USERS, User};

const PRELUDE: &str = "
import ctypes, os, errno, socket
def attempt(name, action):
    try:
        action(); print('GOT THROUGH:', name)
    except OSError as error:
        print(name, errno.errorcode.get(error.errno, error))
def connect(family, address, kind=socket.SOCK_STREAM):
    made = socket.socket(family, kind); made.settimeout(5); made.connect(address); made.send(b'x')
";

#[track_caller]
fn attempts(options: &[&str], script: &str, expected: &str) {
    for user in USERS {
        let stand = Stand::new(user);
        let broker = stand.url.rsplit(':').next().unwrap();
        let script = format!("{PRELUDE}\n{}", script.replace("BROKER", broker));
        let ran = stand.run(options, &["/usr/bin/python3", "-c", &script]);
        assert_eq!(ran.out, expected, "{user:?}: {ran:?}");
    }
}

const WRITE: [&str; 2] = ["--profile", "workspace-write"];

/// No socket of these can be made: name, family, type, protocol.
#[track_caller]
fn no_socket(kinds: &[(&str, i32, i32, i32)]) {
    let attempt = |(name, family, kind, protocol): &(&str, i32, i32, i32)| {
        format!("attempt('{name}', lambda: socket.socket({family}, {kind}, {protocol}))\n")
    };
    let script = kinds.iter().map(attempt).collect::<Vec<_>>().concat();
    let expected = kinds.iter().map(|(name, ..)| format!("{name} EPERM\n")).collect::<Vec<_>>().concat();
    attempts(&WRITE, &script, &expected);
}

#[test]
fn opens_no_unix_socket_by_path_or_abstract_name() {
    no_socket(&[
        ("stream", 1, 1, 0),
        ("datagram", 1, 2, 0),
        ("sequenced", 1, 5, 0),
        ("flags", 1, 1 | 0o2_000_000, 0),
    ]);
    attempts(
        &WRITE,
        "
attempt('pair of datagrams', lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
a, b = socket.socketpair()
attempt('pair connected anew', lambda: a.connect('/run/exeat/out/socket'))
attempt('abstract', lambda: a.connect('\\0/tmp/.X11-unix/X0'))
print('pair', b.send(b'x'))
",
        "pair of datagrams EPERM\npair connected anew EISCONN\nabstract ECONNREFUSED\npair 1\n",
    );
}

#[test]
fn opens_no_netlink_socket() {
    no_socket(&[("route", 16, 3, 0), ("audit", 16, 3, 9), ("uevent", 16, 2, 15)]);
}

#[test]
fn opens_no_raw_or_packet_socket() {
    no_socket(&[
        ("packet", 17, 3, 0),
        ("raw", 2, 3, 1),
        ("raw 6", 10, 3, 58),
        ("ping", 2, 2, 1),
        ("ping 6", 10, 2, 58),
    ]);
}

#[test]
fn opens_no_vsock() {
    no_socket(&[("stream", 40, 1, 0), ("datagram", 40, 2, 0)]);
}

#[test]
fn opens_no_socket_of_a_seldom_used_family_or_protocol() {
    no_socket(&[
        ("bluetooth", 31, 1, 0),
        ("alg", 38, 5, 0),
        ("can", 29, 3, 1),
        ("xdp", 44, 3, 0),
        ("tipc", 30, 1, 0),
        ("mptcp", 2, 1, 262),
        ("sctp", 2, 1, 132),
        ("udplite", 2, 2, 136),
    ]);
}

#[test]
fn reaches_nothing_over_ipv6() {
    attempts(
        &WRITE,
        "
for name, address in (('public', ('2606:4700:4700::1111', 443)), ('loopback', ('::1', BROKER)), ('mapped', ('::ffff:1.1.1.1', 443)), ('mapped loopback', ('::ffff:127.0.0.1', BROKER)), ('unique local', ('fd00:ec2::254', 80)), ('nat64', ('64:ff9b::101:101', 443))):
    attempt(name, lambda: connect(10, address))
",
        "public ENETUNREACH\nloopback ECONNREFUSED\nmapped ENETUNREACH\nmapped loopback ECONNREFUSED\nunique local ENETUNREACH\nnat64 ENETUNREACH\n",
    );
}

#[test]
fn b08_connects_to_nothing_past_the_proxy() {
    attempts(
        &WRITE,
        "
for name, family, address in (('broker', 2, ('127.0.0.1', BROKER)), ('public', 2, ('1.1.1.1', 443)), ('private', 2, ('10.0.0.1', 80)), ('metadata', 2, ('169.254.169.254', 80)), ('public 6', 10, ('2606:4700:4700::1111', 443)), ('loopback 6', 10, ('::1', BROKER)), ('mapped', 10, ('::ffff:1.1.1.1', 443))):
    attempt(name, lambda: connect(family, address))
attempt('dns', lambda: connect(2, ('8.8.8.8', 53), socket.SOCK_DGRAM))
attempt('broadcast', lambda: connect(2, ('224.0.0.251', 5353), socket.SOCK_DGRAM))
print([line.split(':')[0].strip() for line in open('/proc/net/dev').readlines()[2:]])
",
        "broker ECONNREFUSED\npublic ENETUNREACH\nprivate ENETUNREACH\nmetadata ENETUNREACH\npublic 6 ENETUNREACH\n\
         loopback 6 ECONNREFUSED\nmapped ENETUNREACH\ndns ENETUNREACH\nbroadcast ENETUNREACH\n['lo']\n",
    );
}

#[test]
fn without_loopback_tcp_goes_only_to_the_shim() {
    attempts(
        &["--profile", "read-only"],
        "
attempt('other', lambda: connect(2, ('127.0.0.1', 8080)))
attempt('other 6', lambda: connect(10, ('::1', 8080)))
connect(2, ('127.0.0.1', 3128))
print('shim')
",
        "other EACCES\nother 6 EACCES\nshim\n",
    );
}

#[test]
fn with_loopback_programs_speak_to_each_other_and_to_nobody_else() {
    attempts(
        &WRITE,
        "
server = socket.create_server(('127.0.0.1', 0))
connect(2, server.getsockname())
print('own server')
",
        "own server\n",
    );
}

#[test]
fn g12_the_runs_loopback_and_the_machines_are_two() {
    let outside = TcpListener::bind("127.0.0.1:0").unwrap();
    outside.set_nonblocking(true).unwrap();
    let port = outside.local_addr().unwrap().port();
    let stand = Stand::new(User::Root);
    let script = format!(
        "{PRELUDE}
attempt('outside', lambda: connect(2, ('127.0.0.1', {port})))
socket.create_server(('127.0.0.1', {port}))
print('the same port is free inside')
"
    );
    let ran = stand.python(&script);
    assert_eq!(ran.out, "outside ECONNREFUSED\nthe same port is free inside\n", "{ran:?}");
    assert!(outside.accept().is_err(), "nobody came");
}

#[test]
fn sees_no_socket_of_another_run() {
    for user in USERS {
        let (stand, other) = (Stand::new(user), Stand::new(user));
        let ran = stand.shell(&format!(
            "ls {}; find / -xdev -type s; cat /run/exeat/out/socket; echo tried",
            other.dir.path().display()
        ));
        assert_eq!(ran.out, "tried\n", "{user:?}: {ran:?}");
    }
}

#[test]
fn i01_the_common_tools_are_told_the_way_out_and_whom_to_trust() {
    let stand = Stand::new(User::Root);
    let ran = stand.shell("env; tail -3 $SSL_CERT_FILE; grep -c BEGIN /run/exeat/ca.pem; cmp $SSL_CERT_FILE /etc/ssl/certs/ca-certificates.crt && echo same");
    let proxy = "http://127.0.0.1:3128";
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"] {
        assert!(ran.out.lines().any(|line| line == format!("{name}={proxy}")), "{name}: {ran:?}");
    }
    for name in [
        "NODE_EXTRA_CA_CERTS",
        "SSL_CERT_FILE",
        "CURL_CA_BUNDLE",
        "REQUESTS_CA_BUNDLE",
        "PIP_CERT",
        "GIT_SSL_CAINFO",
        "CARGO_HTTP_CAINFO",
        "AWS_CA_BUNDLE",
    ] {
        assert!(ran.out.lines().any(|line| line == format!("{name}=/run/exeat/ca.pem")), "{name}: {ran:?}");
    }
    assert!(
        ran.out.contains("AA==") && ran.out.ends_with("same\n"),
        "Exeat's authority stands behind the system's: {ran:?}"
    );
}

#[test]
fn i02_what_a_run_trusts_is_the_systems_authorities_and_exeats() {
    let system = std::fs::read_to_string("/etc/ssl/certs/ca-certificates.crt").unwrap();
    let count = system.matches("BEGIN CERTIFICATE").count();
    assert!(count > 0, "this machine trusts nobody");
    for user in USERS {
        let ran = Stand::new(user).shell("cat $SSL_CERT_FILE").expect(0);
        assert_eq!(ran.out.matches("BEGIN CERTIFICATE").count(), count + 1);
        assert!(ran.out.starts_with(system.trim_end()), "the system's are all there");
    }
}
