//! Heads at random, through our reader and through nginx: what both take means the same to both, down to where the next request begins
//! (C01–C06, D02). What is sent behind a head would be a request of its own to whoever frames it in another way.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use exeat::planes::network::proxy::form::Form;
use exeat::planes::network::proxy::head::{Framing, Head, check, find_end};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::house::Nginx;

/// Heads that are made; of these, at least so many have to be taken by both for the comparison to say something.
const HEADS: usize = 20_000;
const COMPARED: usize = 2_000;

const NEXT: &str = "GET /next HTTP/1.1\r\nHost: next\r\nConnection: close\r\n\r\n";
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: hidden\r\n\r\n";

/// What one reader understood.
#[derive(Debug, PartialEq, Eq)]
struct Understood {
    method: String,
    host: String,
    target: String,
}

/// Answers every request with what it understood.
const TELLS: &str =
    r#"add_header Understood "$request_method $host $request_uri" always; location / { return 200 seen; }"#;

/// What it made of these bytes, request by request; none for one that it refused.
fn understands(nginx: &Nginx, bytes: &[u8]) -> Vec<Option<Understood>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, nginx.port)).unwrap();
    // It may have closed already; what it said is still there.
    drop(stream.write_all(bytes));
    let mut answers = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answers) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    let answers = String::from_utf8(answers).unwrap();
    let heads = answers.split("HTTP/1.1 ").skip(1).filter(|head| !head.starts_with("100 "));
    heads.map(|head| if head.starts_with("200 ") { understood(head) } else { None }).collect()
}

fn understood(head: &str) -> Option<Understood> {
    let line = head.lines().find_map(|line| line.strip_prefix("Understood: "))?;
    let mut words = line.split(' ').map(str::to_owned);
    Some(Understood { method: words.next()?, host: words.next()?, target: words.next()? })
}

fn ours(head: &Head) -> Option<Understood> {
    let target = match &head.target {
        Form::Origin(path) | Form::Absolute { path, .. } => path.clone(),
        // nginx is no proxy of this kind.
        Form::Authority(_) => return None,
    };
    Some(Understood { method: head.method.to_string(), host: head.host.host().to_owned(), target })
}

fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(words).prop_map(str::to_owned)
}

/// The good one nine times of ten, else one of the others.
fn mostly(good: &'static str, others: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![9 => Just(good.to_owned()), 1 => one_of(others)]
}

fn target() -> impl Strategy<Value = String> {
    let path = "/[a-c0-9%./;:@?&=+~*'(),!$\\[\\]_-]{0,12}";
    prop_oneof![
        8 => path,
        1 => one_of(&["/%2e%2e/", "/a//b", "/a/../b", "/a%00", "/a\\b", "/a#b", "/a|b", "/a^", "//b/c", "/?", "/a?b?c#d", "/%", "/%zz", "*", "a", "", "?a"]),
        1 => (one_of(&["http://a", "https://a", "HTTP://a", "http://A:80", "http://b", "http://a@b", "http://", "http:/", "http://a?", "ftp://a"]), path)
            .prop_map(|(origin, path)| origin + &path),
    ]
}

fn field() -> impl Strategy<Value = String> {
    let name = one_of(&[
        "Host",
        "host",
        "Content-Length",
        "content-length",
        "Content_Length",
        "Transfer-Encoding",
        "Connection",
        "Expect",
        "Upgrade",
        "X",
        "X_y",
        "Content-Length ",
        " X",
        "",
        "Trailer",
        "TE",
        "Proxy-Connection",
        "Keep-Alive",
    ]);
    let value = prop_oneof![
        3 => one_of(&[
            "a", "A", "a:80", "a.", "b", "0", "5", "05", "+5", "5, 5", "5,", "0x5", "41", "chunked", "Chunked", "chunked ", " chunked", "gzip, chunked",
            "chunked, identity", "identity", "close", "keep-alive", "100-continue", "websocket", "h2c", "trailers", "", "\t5", "5\t",
        ]),
        1 => "[ -~]{0,8}",
    ];
    let colon = mostly(": ", &[":", " : ", ":  ", ":\t", "", "::"]);
    (name, colon, value).prop_map(|(name, colon, value)| name + &colon + &value)
}

fn head() -> impl Strategy<Value = String> {
    let end = || mostly("\r\n", &["\n", "\r", "\r\r\n", " \r\n", "\r\n ", "\0\r\n"]);
    let method = prop_oneof![
        9 => one_of(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
        1 => one_of(&["get", "TRACE", "CONNECT", "PURGE", "G\tET", ""]),
    ];
    let version =
        mostly("HTTP/1.1", &["HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "http/1.1", "HTTP/1.1 x", "HTTP/01.1", ""]);
    let line = (method, mostly(" ", &["  ", "\t"]), target(), mostly(" ", &["  ", "\t"]), version)
        .prop_map(|(method, one, target, two, version)| method + &one + &target + &two + &version);
    let host = mostly(
        "Host: a",
        &[
            "Host: A:80",
            "Host: [::1]",
            "Host: 127.0.0.1",
            "Host: a_b",
            "Host:a",
            "Host: a ",
            "Host: ",
            "X: y",
        ],
    );
    let fields = prop::collection::vec((field(), end()), 0..3);
    (line, end(), host, fields, end()).prop_map(|(line, end, host, fields, last)| {
        let fields: String = fields.into_iter().map(|(field, end)| field + &end).collect();
        line + &end + &host + "\r\n" + &fields + &last
    })
}

#[test]
fn c06_what_nginx_takes_too_it_reads_in_the_same_way() {
    let nginx = Nginx::start("", TELLS, &[]);
    let (heads, mut runner, mut compared) = (head(), TestRunner::deterministic(), 0);
    for _ in 0..HEADS {
        let text = heads.new_tree(&mut runner).unwrap().current();
        let Ok(Some(end)) = find_end(text.as_bytes(), 0) else { continue };
        let head = &text[..end];
        let Ok(judged) = check(head.as_bytes()) else { continue };
        let Some(ours) = ours(&judged) else { continue };
        let body = match judged.framing {
            Framing::Length(length @ 0..=100_000) => {
                HIDDEN.repeat(2_500)[..usize::try_from(length).unwrap()].to_owned()
            }
            Framing::Length(_) => continue,
            Framing::Chunked => format!("{:x}\r\n{HIDDEN}\r\n0\r\n\r\n", HIDDEN.len()),
        };
        let all = format!("{head}{body}{NEXT}");
        let theirs = understands(&nginx, all.as_bytes());
        let Some(Some(first)) = theirs.first() else { continue };
        assert_eq!(first, &ours, "{head:?}");
        compared += 1;
        let closes = head.to_ascii_lowercase().contains("close");
        match &theirs[1..] {
            [] => assert!(closes, "{head:?}"),
            [Some(next)] => assert_eq!(next.target, "/next", "{head:?}"),
            more => panic!("{head:?}: {more:?}"),
        }
    }
    assert!(compared >= COMPARED, "only {compared} heads were taken by both");
}
