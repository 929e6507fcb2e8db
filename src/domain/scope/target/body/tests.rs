use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

const LIMIT: usize = 64 * 1024;

fn read_as(content_type: &str, body: &[u8]) -> Result<BodyFacts, BodyFault> {
    BodyFacts::read(Label { content_type: &[content_type.as_bytes()], encoding: &[] }, body, LIMIT)
}

fn json(body: &str) -> Result<BodyFacts, BodyFault> {
    read_as("application/json", body.as_bytes())
}

fn fault(body: &str) -> BodyFault {
    json(body).expect_err("a body that must be refused")
}

fn zipped(encoding: &[&[u8]], body: &[u8], limit: usize) -> Result<BodyFacts, BodyFault> {
    BodyFacts::read(Label { content_type: &[b"application/json"], encoding }, body, limit)
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn summary(body: &str) -> String {
    json(body).unwrap().summary()
}

fn document(text: &str) -> String {
    serde_json::json!({ "query": text }).to_string()
}

#[test]
fn d08_a_json_body_has_one_value_and_each_name_once() {
    assert_eq!(fault(r#"{"a":1,"a":2}"#), BodyFault::RepeatedName);
    assert_eq!(
        fault(r#"{"a":1,"\u0061":2}"#),
        BodyFault::RepeatedName,
        "compared as names, not as spellings"
    );
    assert_eq!(fault(r#"{"method":1,"Method":2}"#), BodyFault::RepeatedName, "some readers do not mind case");
    assert_eq!(fault("{\"task\":1,\"ta\u{17f}k\":2}"), BodyFault::RepeatedName, "Go folds the long s");
    assert_eq!(fault("{\"k\":1,\"\u{212a}\":2}"), BodyFault::RepeatedName, "and the Kelvin sign");
    assert_eq!(fault(r#"{"x":{"b":{"a":1,"A":1}}}"#), BodyFault::RepeatedName);
    for bad in
        ["", "{} {}", "{},", "\u{feff}{}", "{'a':1}", "{\"a\":1,}", "NaN", "1e999", "\"\\ud800\"", "// x\n{}"]
    {
        assert_eq!(fault(bad), BodyFault::Json, "{bad:?}");
    }
    assert_eq!(fault(&"[".repeat(200)), BodyFault::Json);
    assert_eq!(fault(&format!("[{}0]", "0,".repeat(100_000))), BodyFault::TooLong);
    let many = format!("[{}0]", "0,".repeat(100_000));
    let wide = BodyFacts::read(
        Label { content_type: &[b"application/json"], encoding: &[] },
        many.as_bytes(),
        1 << 20,
    );
    assert_eq!(wide.unwrap_err(), BodyFault::TooMany);
    assert_eq!(read_as("application/json", b"{\"a\":\"\xff\"}").unwrap_err(), BodyFault::Utf8);
    assert_eq!(read_as("application/json", b"\xff\xfe{\0}\0").unwrap_err(), BodyFault::Utf8);
}

#[test]
fn d12_only_types_with_one_reading() {
    for good in ["application/json", "Application/JSON; charset=utf-8", "application/vnd.github+json"] {
        assert!(read_as(good, b"{}").is_ok(), "{good}");
    }
    for bad in
        ["", "text/plain", "multipart/form-data; boundary=x", "application/graphql", "text/x+json", "*/*"]
    {
        assert!(read_as(bad, b"{}").is_err(), "{bad}");
    }
    let parameter = read_as("application/json; charset=utf-16", b"{}").unwrap_err();
    assert_eq!(parameter, BodyFault::TypeParameter);
    let two: &[&[u8]] = &[b"application/json", b"multipart/form-data"];
    assert_eq!(
        BodyFacts::read(Label { content_type: two, encoding: &[] }, b"{}", LIMIT).unwrap_err(),
        BodyFault::Type
    );
}

#[test]
fn d12_a_form_has_each_name_once() {
    let form = |text: &str| read_as("application/x-www-form-urlencoded", text.as_bytes());
    assert_eq!(form("a=1&b=x%20y").unwrap().summary(), "[form a b]");
    assert!(form("").is_ok());
    for bad in
        ["a=1&a=2", "a=1&A=2", "a=1&a[]=2", "a=1&a%5B%5D=2", "a=1;b=2", "a=%41", "a=1&&b=2", "=1", "a=\n"]
    {
        assert_eq!(form(bad).unwrap_err(), BodyFault::Form, "{bad}");
    }
}

#[test]
fn d08_what_is_packed_is_unpacked_within_the_limit_or_refused() {
    let body = gzip(b"{\"a\":1}");
    assert!(zipped(&[b"gzip"], &body, LIMIT).is_ok());
    assert_eq!(zipped(&[], &body, LIMIT).unwrap_err(), BodyFault::Utf8, "not judged as what it is not");
    assert_eq!(zipped(&[b"gzip"], b"{\"a\":1}", LIMIT).unwrap_err(), BodyFault::Gzip);
    assert_eq!(zipped(&[b"gzip"], &[&body[..], &body[..]].concat(), LIMIT).unwrap_err(), BodyFault::Gzip);
    assert_eq!(zipped(&[b"gzip"], &[&body[..], b"x"].concat(), LIMIT).unwrap_err(), BodyFault::Gzip);
    assert_eq!(zipped(&[b"gzip"], &body[..body.len() - 1], LIMIT).unwrap_err(), BodyFault::Gzip);
    for encoding in [&b"br"[..], b"deflate", b"gzip, gzip", b"identity", b""] {
        assert_eq!(zipped(&[encoding], &body, LIMIT).unwrap_err(), BodyFault::Encoding);
    }
    assert_eq!(zipped(&[b"gzip", b"gzip"], &body, LIMIT).unwrap_err(), BodyFault::Encoding);
    let bomb = gzip(&vec![b' '; 4 * LIMIT]);
    assert!(bomb.len() < LIMIT);
    assert_eq!(zipped(&[b"gzip"], &bomb, LIMIT).unwrap_err(), BodyFault::TooLong);
    assert_eq!(zipped(&[], &vec![b' '; LIMIT + 1], LIMIT).unwrap_err(), BodyFault::TooLong);
}

#[test]
fn d10_every_operation_and_every_root_field_of_a_graphql_body_counts() {
    assert_eq!(summary(&document("{ a { b } alias: c }")), "[graphql query a c]");
    assert_eq!(summary(&document("query Q { a } mutation M { b }")), "[graphql query Q a mutation M b]");
    assert_eq!(
        summary(&document("{ ...F ... on Query { c } } fragment F on Query { d ...F }")),
        "[graphql query c d]"
    );
    let batch = format!("[{},{}]", document("{ a }"), document("mutation { b }"));
    assert_eq!(summary(&batch), "[graphql query a mutation b]");
    let hash = r#"{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"abc"}}}"#;
    assert_eq!(summary(hash), "[graphql persisted]");
    assert_eq!(summary(r#"{"documentId":"sha256:1","operationName":"A"}"#), "[graphql persisted]");
}

#[test]
fn d10_what_is_not_graphql_as_a_whole_is_not_graphql() {
    let deep = format!("{}a{}", "{a".repeat(100), "}".repeat(100));
    for bad in [
        document("{ a"),
        document("{ a } type Query { a: Int }"),
        document("{ ...Missing }"),
        document("fragment F on Q { a }"),
        document("{ ...F } fragment F on Q { a } fragment F on Q { b }"),
        document(""),
        document(&deep),
        document(&format!("{{ {} }}", "a ".repeat(30_000))),
        r#"{"query":"{ a }","id":"1"}"#.to_owned(),
        r#"{"query":["{ a }"]}"#.to_owned(),
        r#"{"query":"{ a }","documentId":"1","extensions":{"persistedQuery":{"sha256Hash":"2"}}}"#.to_owned(),
        r#"{"query":"{ a }","extensions":{"PersistedQuery":{"sha256Hash":"2"}}}"#.to_owned(),
        r#"{"operationName":"A"}"#.to_owned(),
        "[]".to_owned(),
    ] {
        let facts = BodyFacts::read(
            Label { content_type: &[b"application/json"], encoding: &[] },
            bad.as_bytes(),
            1 << 20,
        )
        .unwrap();
        assert!(!facts.summary().starts_with("[graphql"), "{bad:.80}");
    }
}

#[test]
fn calls_are_strict() {
    assert_eq!(
        summary(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search"}}"#),
        "[json_rpc tools/call search]"
    );
    for bad in [
        r#"{"id":1,"method":"a"}"#,
        r#"{"jsonrpc":"2.0","method":"tools/call"}"#,
        r#"{"jsonrpc":"2.0","method":"tools/call","params":{"Name":"x"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        r#"{"jsonrpc":"2.0","method":"a","extra":1}"#,
        r#"[{"jsonrpc":"2.0","method":"a"},{"method":"b"}]"#,
        "[]",
    ] {
        assert!(!summary(bad).starts_with("[json_rpc"), "{bad}");
    }
}

#[test]
fn i11_a_summary_is_short_and_holds_no_value() {
    let secret = format!("{{\"{}\":\"hidden\",\"b c\":1,\"ok\":\"hidden\"}}", "s".repeat(60));
    assert_eq!(summary(&secret), "[json *** ok ***]");
    let many: Vec<_> = (0..20).map(|n| format!("\"n{n}\":0")).collect();
    let shown = summary(&format!("{{{}}}", many.join(",")));
    assert!(shown.len() < 80 && shown.ends_with("+12]"), "{shown}");
    assert_eq!(format!("{:?}", json(r#"{"a":"hidden"}"#).unwrap()), "BodyFacts([json a])");
}

mod pushes {
    use proptest::prelude::*;

    use super::super::push::{Push, RefChange};
    use super::super::{BodyFacts, BodyFault};

    const OLD: &str = "1111111111111111111111111111111111111111";
    const NEW: &str = "2222222222222222222222222222222222222222";
    const NONE: &str = "0000000000000000000000000000000000000000";

    fn packets(lines: &[String]) -> Vec<u8> {
        let lines = lines.iter().map(|line| format!("{:04x}{line}", line.len() + 4));
        format!("{}0000PACK\0\0\0\x02", lines.collect::<String>()).into_bytes()
    }

    fn read(lines: &[&str]) -> Result<Option<Push>, BodyFault> {
        Push::read(&packets(&lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>()))
    }

    #[test]
    fn what_a_push_changes_is_read_and_its_pack_is_not() {
        let first = format!("{NONE} {NEW} refs/heads/a\0 report-status side-band-64k agent=x");
        let (shallow, more) = (format!("shallow {OLD}"), format!("{OLD} {NONE} refs/tags/v1\n"));
        let push = read(&[&shallow, &first, &more]).unwrap().unwrap();
        let seen: Vec<_> = push.updates().iter().map(|one| (one.change, one.name.as_str())).collect();
        assert_eq!(seen, [(RefChange::Create, "refs/heads/a"), (RefChange::Delete, "refs/tags/v1")]);
        assert!(push.has("report-status") && !push.has("report") && !push.has("atomic"));
        assert_eq!(BodyFacts::push(push).summary(), "[git create refs/heads/a delete refs/tags/v1]");
        assert!(read(&[]).unwrap().unwrap().updates().is_empty(), "a question whether one may push");
    }

    #[test]
    fn d13_what_can_be_read_in_two_ways_or_says_more_is_refused() {
        let update = |name: &str| format!("{OLD} {NEW} {name}");
        let refused = |lines: &[&str], fault| assert_eq!(read(lines), Err(fault), "{lines:?}");
        refused(&["push-cert\0 report-status"], BodyFault::PushSigned);
        refused(&[&format!("{}\0 push-options", update("refs/heads/a"))], BodyFault::PushOptions);
        refused(&[&update("refs/heads/a"), &update("refs/heads/a")], BodyFault::Push);
        refused(&[&update("refs/heads/a"), &format!("{}\0x", update("refs/heads/b"))], BodyFault::Push);
        for name in [
            "",
            "HEAD",
            "heads/a",
            "refs/heads/",
            "refs//a",
            "/refs/heads/a",
            "refs/heads/../main",
            "refs/heads/a.lock",
            "refs/heads/.a",
            "refs/heads/a b",
            "refs/heads/a\u{200b}",
            "refs/heads/a\tb",
            "refs/heads/*",
            "refs/heads/a~1",
            "refs/heads/@{1}",
            "refs/heads/a ",
            "refs/heads/a\n\n",
        ] {
            refused(&[&update(name)], BodyFault::Push);
        }
        for line in [
            format!("{NONE} {NONE} refs/heads/a"),
            format!("{} {NEW} refs/heads/a", &OLD[1..]),
            format!("{OLD} {NEW}{NEW} refs/heads/a"),
            format!("{} {NEW} refs/heads/a", "A".repeat(40)),
            format!("{OLD}  {NEW} refs/heads/a"),
            "shallow 1".to_owned(),
        ] {
            refused(&[&line], BodyFault::Push);
        }
        for bytes in [&b"0001"[..], b"0002", b"0003", b"0004", b"000g", b"fff5x", b"\xff\xff\xff\xff"] {
            assert_eq!(Push::read(bytes), Err(BodyFault::Push), "{bytes:?}");
        }
        let many: Vec<_> = (0..257).map(|number| update(&format!("refs/heads/a{number}"))).collect();
        assert_eq!(Push::read(&packets(&many)), Err(BodyFault::Push));
    }

    proptest! {
        #[test]
        fn the_beginning_of_a_push_is_no_other_push(names in prop::collection::btree_set("[a-z]{1,6}", 0..5), cut: prop::sample::Index) {
            let lines: Vec<_> = names.iter().map(|name| format!("{OLD} {NEW} refs/heads/{name}")).collect();
            let bytes = packets(&lines);
            let whole = Push::read(&bytes);
            let begun = Push::read(&bytes[..cut.index(bytes.len())]);
            prop_assert!(begun == Ok(None) || begun == whole);
        }

        #[test]
        fn any_bytes_are_a_push_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Push::read(&bytes);
        }
    }
}
