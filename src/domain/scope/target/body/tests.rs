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
