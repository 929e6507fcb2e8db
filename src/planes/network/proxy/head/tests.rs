use proptest::prelude::*;

use super::*;

/// A clean request with `lines` added.
fn with(lines: &str) -> Result<Head, Refused> {
    check(format!("POST /a?b=c HTTP/1.1\r\nHost: api.example.com\r\n{lines}\r\n").as_bytes())
}

fn reason(result: Result<Head, Refused>) -> &'static str {
    result.expect_err("the head was accepted").name()
}

fn line(line: &str) -> Result<Head, Refused> {
    check(format!("{line}\r\nHost: a\r\n\r\n").as_bytes())
}

#[test]
fn a_clean_head_is_read_once() {
    let head = with("Content-Length: 12\r\nAccept: */*\r\n").unwrap();
    assert_eq!(head.method, Method::POST);
    assert_eq!(head.target, Form::Origin("/a?b=c".to_owned()));
    assert_eq!(head.host.to_string(), "api.example.com");
    assert_eq!(head.framing, Framing::Length(12));
    assert_eq!(with("").unwrap().framing, Framing::Length(0));
    assert_eq!(with("Transfer-Encoding: chunked\r\n").unwrap().framing, Framing::Chunked);
}

#[test]
fn absolute_and_authority_forms_are_told_apart() {
    let head = check(b"GET http://a:8080/x HTTP/1.1\r\nHost: a:8080\r\n\r\n").unwrap();
    assert!(matches!(head.target, Form::Absolute { tls: false, ref path, .. } if path == "/x"));
    let head = check(b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n").unwrap();
    assert!(matches!(head.target, Form::Authority(ref host) if host.port() == Some(443)));
}

#[test]
fn i01_a_tunnel_as_old_python_asks_for_it() {
    let head = check(b"CONNECT a.example:443 HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(head.host.to_string(), "a.example:443");
    assert_eq!(reason(check(b"CONNECT a:443 HTTP/1.0\r\nHost: b:443\r\n\r\n")), "host_is_not_target");
    assert_eq!(reason(check(b"CONNECT a:443 HTTP/1.0\r\nHost: a:443\r\nHost: a:443\r\n\r\n")), "two_hosts");
}

#[test]
fn c01_two_lengths_or_an_odd_one() {
    for (lines, expected) in [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "length_and_encoding"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "length_and_encoding"),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", "two_lengths"),
        ("Content-Length: 5\r\ncontent-length: 6\r\n", "two_lengths"),
        ("Content-Length: +5\r\n", "content_length"),
        ("Content-Length: -5\r\n", "content_length"),
        ("Content-Length: 5, 5\r\n", "content_length"),
        ("Content-Length: 5 5\r\n", "content_length"),
        ("Content-Length: 0x5\r\n", "content_length"),
        ("Content-Length: 05\r\n", "content_length"),
        ("Content-Length:\r\n", "content_length"),
        ("Content-Length:  5\r\n", "content_length"),
        ("Content-Length: 5 \r\n", "content_length"),
        ("Content-Length:\t5\t\r\n", "content_length"),
        ("Content-Length: 5.0\r\n", "content_length"),
        ("Content-Length: 99999999999999999999\r\n", "content_length"),
    ] {
        assert_eq!(reason(with(lines)), expected, "{lines:?}");
    }
}

#[test]
fn c02_any_transfer_encoding_but_one_chunked() {
    for lines in [
        "Transfer-Encoding: chunkedx\r\n",
        "Transfer-Encoding:  chunked\r\n",
        "Transfer-Encoding: chunked \r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding:\r\n",
    ] {
        assert_eq!(reason(with(lines)), "transfer_encoding", "{lines:?}");
    }
    let twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n";
    assert_eq!(reason(with(twice)), "two_encodings");
    assert_eq!(reason(with("Transfer-Encoding: \x0bchunked\r\n")), "control_byte");
    assert_eq!(reason(with("Transfer-Encoding : chunked\r\n")), "header_name");
    assert_eq!(
        reason(check(b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")),
        "http_1_0"
    );
}

#[test]
fn c03_bytes_that_are_no_part_of_a_head() {
    for (bytes, expected) in [
        (&b"GET / HTTP/1.1\nHost: a\n\n"[..], "bare_lf"),
        (b"GET / HTTP/1.1\r\nHost: a\n\r\n", "bare_lf"),
        (b"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", "bare_cr"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", "control_byte"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n", "control_byte"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: \xff\r\n\r\n", "byte_beyond_ascii"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa9\r\n\r\n", "byte_beyond_ascii"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", "folded_line"),
        (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", "folded_line"),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "header_name"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", "header_name"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n", "header_name"),
        (b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "empty_line_before_request"),
        (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "request_line"),
        (b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", "request_line"),
        (b"GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", "request_line"),
        (b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "request_line"),
        (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", "http_version"),
        (b"\x16\x03\x01\x02\x00\x01", "control_byte"),
    ] {
        assert_eq!(reason(check(bytes)), expected, "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn a07_one_host_in_one_reading() {
    assert_eq!(reason(with("Host: api.example.com\r\n")), "two_hosts");
    assert_eq!(reason(check(b"GET / HTTP/1.1\r\nX: y\r\n\r\n")), "host_missing");
    for host in ["a@b", "a.", "a:", "a:0", "a b", "a,b", "0x7f.1", "127.1", "[::1", ""] {
        let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(reason(check(head.as_bytes())), "host", "{host:?}");
    }
    let head = check(b"GET / HTTP/1.1\r\nHost: API.Example.com\r\n\r\n").unwrap();
    assert_eq!(head.host.host(), "api.example.com");
}

#[test]
fn c06_no_other_protocol() {
    assert_eq!(reason(check(b"PRI * HTTP/2.0\r\n\r\n")), "http2_preface");
    let h2c = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";
    assert_eq!(reason(with(h2c)), "upgrade");
    assert_eq!(reason(with("Upgrade: websocket\r\n")), "upgrade");
}

#[test]
fn c08_methods_that_echo_or_that_nobody_knows() {
    for method in ["TRACE", "TRACK", "get", "FOO", "PROPFIND", "GET:"] {
        let refused = line(&format!("{method} / HTTP/1.1")).unwrap_err();
        assert_eq!(refused.status(), 405, "{method}");
    }
}

#[test]
fn d06_targets_that_are_not_a_path() {
    for target in
        ["*", "a", "//a\\b", "/a#b", "ftp://a/", "HTTP://a/", "http:/a", "http://a", "/a\"b", "/<a>"]
    {
        assert_eq!(reason(line(&format!("GET {target} HTTP/1.1"))), "target", "{target}");
    }
    assert_eq!(reason(line("GET http://b/ HTTP/1.1")), "host_is_not_target");
    assert_eq!(reason(line("GET http://x@a/ HTTP/1.1")), "host");
    assert_eq!(reason(line("CONNECT a HTTP/1.1")), "port_missing");
    assert_eq!(reason(line("CONNECT b:443 HTTP/1.1")), "host_is_not_target");
}

#[test]
fn c13_an_expectation_nobody_can_meet() {
    assert!(with("Expect: 100-Continue\r\n").is_ok());
    assert_eq!(reason(with("Expect: 200-ok\r\n")), "expectation");
}

#[test]
fn j12_a_head_is_bounded() {
    let many = "X: y\r\n".repeat(MAX_HEADERS);
    assert_eq!(with(&many).unwrap_err().status(), 431);
    let long = format!("X: {}\r\n", "y".repeat(MAX_HEAD_BYTES));
    assert_eq!(with(&long).unwrap_err().status(), 431);
    let endless = "GET /".to_owned() + &"a".repeat(MAX_HEAD_BYTES);
    assert_eq!(find_end(endless.as_bytes(), 0).unwrap_err().status(), 431);
}

proptest! {
    /// A head that arrives in pieces is judged as the same head at once.
    #[test]
    fn pieces_make_no_difference(cut in 0_usize..60, tail in "[ -~\r\n]{0,40}") {
        let bytes = format!("GET / HTTP/1.1\r\nHost: a\r\n{tail}\r\n\r\n").into_bytes();
        let cut = cut.min(bytes.len());
        let whole = find_end(&bytes, 0);
        let pieces = match find_end(&bytes[..cut], 0) {
            Ok(None) => find_end(&bytes, cut),
            early => early,
        };
        prop_assert_eq!(whole, pieces);
    }

    /// Whatever the bytes, an answer comes, and what is accepted has one host and one framing.
    #[test]
    fn every_input_has_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = check(&bytes);
    }

    #[test]
    fn what_passes_is_what_another_parser_reads(lines in proptest::collection::vec("[a-zA-Z-]{1,12} ?:[ -~]{0,12}", 0..6)) {
        let text = format!("GET /p HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n", lines.join("\r\n"));
        let text = text.replace("\r\n\r\n\r\n", "\r\n\r\n");
        if check(text.as_bytes()).is_ok() {
            let mut storage = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut other = httparse::Request::new(&mut storage);
            prop_assert!(other.parse(text.as_bytes()).unwrap().is_complete());
            prop_assert_eq!(other.headers.len(), lines.len() + 1);
        }
    }
}
