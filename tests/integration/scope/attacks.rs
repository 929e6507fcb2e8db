//! The attacks of the list that meet the scope language, by number.

use exeat::domain::scope::{HttpTarget, NetworkTarget, subset};
use exeat::domain::upstream::Scheme;
use serde_json::json;

use super::{connection, connects, get, get_target, item, reads, refusal, why};

/// Asserts that each of these hosts is refused wherever a host is read.
fn refused_hosts(hosts: &[&str]) {
    for host in hosts {
        assert_eq!(refusal(&connects(&[&format!("{host}:443")])).pointer(), "/hosts/0", "{host}");
        assert_eq!(NetworkTarget::new(host, 443).unwrap_err().name(), "invalid_host", "{host}");
        let http = HttpTarget::new("api".parse().unwrap(), Scheme::Https, host, 443, "GET", "/");
        assert_eq!(http.unwrap_err().name(), "invalid_host", "{host}");
    }
}

#[test]
fn a07_a_host_has_one_spelling() {
    refused_hosts(&[
        "",
        ".",
        "Example.com",
        "example.com.",
        "user@example.com",
        "a@b",
        "example.com:443",
        "example..com",
        ".com",
        "-a.example.com",
        "a-.example.com",
        "a_b.example.com",
        "exa mple.com",
        "example.com\0",
        "example.com\r\n",
        "a/b",
        "[::0001]",
        "[0:0:0:0:0:0:0:1]",
        "[::1",
        "::1",
        "[FE80::1]",
        "[fe80::1%25eth0]",
        "[127.0.0.1]",
        &"a".repeat(64),
        &"a.".repeat(127),
    ]);
    for port in ["", "0", "0443", "+443", "65536", "443 ", "https"] {
        assert_eq!(refusal(&connects(&[&format!("example.com:{port}")])).pointer(), "/hosts/0", "{port}");
    }
    assert_eq!(refusal(&connects(&["example.com"])).pointer(), "/hosts/0");
}

#[test]
fn a08_a_host_that_only_looks_alike_is_refused_or_another_one() {
    refused_hosts(&["gıthub.com", "gіthub.com", "example。com", "ex\u{200d}ample.com", "bücher.example"]);
    // The ASCII form is one more name, shown as what it is.
    let item = item(&connects(&["xn--bcher-kva.example.com:443"]));
    assert_eq!(item.to_string(), "network xn--bcher-kva.example.com:443");
    assert!(!item.allows(&connection("bcher.example.com", 443)));
}

#[test]
fn a09_a_wildcard_is_exactly_one_label() {
    let item = item(&connects(&["*.example.com:443"]));
    assert!(item.allows(&connection("a.example.com", 443)));
    for host in
        ["example.com", "a.b.example.com", "example.com.evil.com", "evilexample.com", "a.evilexample.com"]
    {
        assert!(!item.allows(&connection(host, 443)), "{host}");
    }
    assert!(!subset(&super::item(&connects(&["*.b.example.com:443"])), &item));
}

#[test]
fn a10_a_pattern_never_crosses_a_separator_or_means_a_regular_expression() {
    for path in [
        "",
        "a",
        "*",
        "**",
        "/v*",
        "/*.json",
        "/a/***",
        "/a/**/b",
        "/**/",
        "/a//b",
        "//a",
        "/a/../b",
        "/a/.",
        "/...",
        "/a?b=1",
        "/a#b",
        "/a%2Fb",
        "/a%2fb",
        "/%61",
        "/a\\b",
        "/a b",
        "/é",
        "/[a-z]",
        "/a|b",
        "/a;b/..;c",
        "/a.",
    ] {
        assert_eq!(refusal(&reads(&[path])).pointer(), "/paths/0", "{path}");
    }
    for host in [
        "a*.example.com",
        "*a.example.com",
        "a.*.com",
        "*.*.example.com",
        "**.example.com",
        "*",
        "*example.com",
    ] {
        assert_eq!(refusal(&connects(&[&format!("{host}:443")])).pointer(), "/hosts/0", "{host}");
    }
    // A dot is a dot, and a star stays within its segment.
    assert!(!item(&reads(&["/a.b"])).allows(&get_target("/axb")));
    assert!(!item(&reads(&["/a/*"])).allows(&get_target("/a/b/c")));
    assert!(!item(&connects(&["a.example.com:443"])).allows(&connection("axexample.com", 443)));
}

#[test]
fn a11_a_wildcard_over_a_public_suffix_is_refused() {
    for suffix in [
        "com",
        "github.io",
        "co.uk",
        "s3.amazonaws.com",
        "ck",
        "kawasaki.jp",
        "localhost",
        "internal",
        "127.0.0.1",
        "xn--p1ai",
        "compute.amazonaws.com.cn",
    ] {
        assert_eq!(refusal(&connects(&[&format!("*.{suffix}:443")])).pointer(), "/hosts/0", "{suffix}");
    }
    item(&connects(&["*.acme.github.io:443"]));
}

#[test]
fn a16_the_port_is_part_of_the_scope() {
    let item = item(&connects(&["a.example.com:443", "*.example.com:8443"]));
    assert!(item.allows(&connection("a.example.com", 443)));
    assert!(item.allows(&connection("b.example.com", 8443)));
    assert!(!item.allows(&connection("a.example.com", 22)));
    assert!(!item.allows(&connection("b.example.com", 443)));
    assert!(!subset(&super::item(&connects(&["a.example.com:80"])), &item));
}

#[test]
fn b01_a_number_is_never_a_host_name() {
    refused_hosts(&[
        "2130706433",
        "0177.0.0.1",
        "0x7f.1",
        "127.1",
        "127.0.0.01",
        "1.2.3.4.5",
        "example.0x7f",
        "example.1",
        "0x7f000001",
        "256.0.0.1",
        "127.0.0.1.",
    ]);
    assert!(
        item(&connects(&["127.0.0.1:443", "[2001:db8::1]:443"])).allows(&connection("[2001:db8::1]", 443))
    );
}

#[test]
fn c08_a_method_outside_the_closed_set_is_refused() {
    for method in ["TRACE", "TRACK", "CONNECT", "get", "GET ", "PROPFIND", "", "G\0T"] {
        let made = HttpTarget::new("api".parse().unwrap(), Scheme::Https, "a.example", 443, method, "/");
        assert_eq!(made.unwrap_err().name(), "unknown_method", "{method}");
    }
}

#[test]
fn c16_line_ends_never_reach_a_request_line_or_a_pattern() {
    assert_eq!(why("/a\r\nX: y"), "forbidden_byte");
    assert_eq!(why("/a%0D%0AX"), "encoded_control");
    assert_eq!(why("/a?b=%00"), "encoded_control");
    assert_eq!(why("/a?b=\n"), "forbidden_byte");
    assert!(super::ScopeItem::parse(&reads(&["/a\n"])).is_err());
}

#[test]
fn d01_dot_segments_and_empty_segments_are_refused() {
    for (raw, reason) in [
        ("/allowed/../secret", "dot_segment"),
        ("/..", "dot_segment"),
        ("/./a", "dot_segment"),
        ("/a/.", "dot_segment"),
        ("/a/...", "dot_segment"),
        ("/a/%2e%2e/b", "lowercase_encoding"),
        ("/a/%2E%2E/b", "encoded_unreserved"),
        ("/a/.%2E/b", "encoded_unreserved"),
        ("//a", "empty_segment"),
        ("/a//b", "empty_segment"),
        ("/a//", "empty_segment"),
        ("/a/..;/b", "dot_segment"),
        ("/a/..;x=1/b", "dot_segment"),
        ("/a/..%3Bx/b", "dot_segment"),
        ("/a/;/b", "empty_segment"),
        ("/secret.", "trailing_dot"),
        ("/secret.;x", "trailing_dot"),
        ("/secret%20", "trailing_dot"),
    ] {
        assert_eq!(why(raw), reason, "{raw}");
    }
}

#[test]
fn d02_what_was_judged_is_what_is_sent() {
    for raw in ["/a/b?x=1&x=2&y", "/a%20b/", "/a?", "/?a+b=%2B"] {
        assert_eq!(get(raw).unwrap().path_and_query(), raw);
    }
}

#[test]
fn d04_an_encoded_separator_is_never_allowed_in_a_path() {
    for raw in ["/a%2Fb", "/a%5Cb", "/a/%2F"] {
        assert_eq!(why(raw), "encoded_separator", "{raw}");
    }
    assert_eq!(why("/a?path=b%2Fc"), "accepted");
}

#[test]
fn d05_every_character_has_one_spelling() {
    for (raw, reason) in [
        ("/%252e%252e/", "double_encoding"),
        ("/a%2541", "double_encoding"),
        ("/a?b=%2525", "double_encoding"),
        ("/%C0%AF", "invalid_utf8"),
        ("/%E0%80%AF", "invalid_utf8"),
        ("/%ED%A0%80", "invalid_utf8"),
        ("/%FF", "invalid_utf8"),
        ("/%c3%A9", "lowercase_encoding"),
        ("/%41", "encoded_unreserved"),
        ("/a?%61=1", "encoded_unreserved"),
        ("/a%", "malformed_encoding"),
        ("/a%4", "malformed_encoding"),
        ("/a%GG", "malformed_encoding"),
        ("/a%u0041", "malformed_encoding"),
        ("/é", "forbidden_byte"),
    ] {
        assert_eq!(why(raw), reason, "{raw}");
    }
}

#[test]
fn d06_only_a_plain_path_is_a_request_target() {
    for (raw, reason) in [
        ("", "not_absolute"),
        ("*", "not_absolute"),
        ("a", "not_absolute"),
        ("?a", "not_absolute"),
        ("https://evil.example/a", "not_absolute"),
        ("evil.example:443", "not_absolute"),
        ("/a\\..\\b", "backslash"),
        ("/a#b", "fragment"),
        ("/a?b#c", "fragment"),
        ("/a?b\\c", "backslash"),
        ("/a b", "forbidden_byte"),
        ("/a\t", "forbidden_byte"),
        ("/a\x7F", "forbidden_byte"),
        ("/<a>", "forbidden_byte"),
    ] {
        assert_eq!(why(raw), reason, "{raw}");
    }
    assert_eq!(why(&format!("/{}", "a".repeat(8192))), "too_long");
    assert_eq!(why(&format!("/{}", "a".repeat(8191))), "accepted");
}

#[test]
fn d07_every_occurrence_of_a_query_name_must_be_allowed() {
    let mut value = reads(&["/a"]);
    value["query"] = json!({"x": ["1", "2"], "q": ["a+b"], "any": ["*"]});
    let item = item(&value);
    for (raw, allowed) in [
        ("/a", true),
        ("/a?x=1", true),
        ("/a?x=1&x=2", true),
        ("/a?x=1&x=3", false),
        ("/a?x=3&x=1", false),
        ("/a?X=1", false),
        ("/a?x", false),
        ("/a?x[]=1", false),
        ("/a?x=1&y=1", false),
        ("/a?x=1&&x=2", false),
        ("/a?q=a+b", true),
        ("/a?q=a%20b", false),
        ("/a?any=&any=%3D%26&any", true),
    ] {
        assert_eq!(item.allows(&get_target(raw)), allowed, "{raw}");
    }
    assert_eq!(why("/a?x=1;y=2"), "query_separator");
    assert_eq!(why("/a?%78=3"), "encoded_unreserved");
}

#[test]
fn j02_names_that_fold_together_never_decide() {
    for upstream in ["API", "api ", " api", "api\0", "api%2f", "ａpi", "api/"] {
        let mut value = reads(&["/a"]);
        value["upstream"] = json!(upstream);
        assert_eq!(refusal(&value).pointer(), "/upstream", "{upstream:?}");
    }
    assert!(!item(&reads(&["/Admin"])).allows(&get_target("/admin")));
    assert!(!item(&reads(&["/a"])).allows(&get_target("/a/")));
    assert!(!item(&reads(&["/a%3Ab"])).allows(&get_target("/a:b")));
    assert_eq!(why("/a%20"), "trailing_dot");
}
