use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use serde_json::{Value, json};

use super::*;
use crate::domain::upstream::Slot;

fn framed(value: &Value) -> Vec<u8> {
    let text = value.to_string();
    [&u32::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat()
}

fn said(frame: &[u8]) -> Value {
    let mut read = frame.to_vec();
    let value = serde_json::from_slice(&next(&mut read).unwrap().unwrap()).unwrap();
    assert!(read.is_empty());
    value
}

fn held(change: impl FnOnce(&mut Value)) -> Result<Held, Violation> {
    let mut request = json!({"t": "req", "id": 1, "method": "GET", "host": "api.example.com", "port": 443,
        "hostHeader": "api.example.com", "sni": "api.example.com", "path": "/a", "query": "b=c",
        "headers": {"authorization": ["Bearer t"], "connection": ["close"]}});
    change(&mut request);
    match Said::read(request.to_string().as_bytes())? {
        Said::Req(held) => Ok(held),
        Said::Hello { .. } => unreachable!(),
    }
}

fn origins() -> Vec<Origin> {
    ["https://api.example.com", "https://[::1]:8443", "http://127.0.0.1:8080"]
        .map(|text| text.parse().unwrap())
        .into()
}

#[test]
fn a_request_is_read_as_it_was_said() {
    let held = held(|_| {}).unwrap();
    assert_eq!(held.target(), "/a?b=c");
    assert!(!format!("{held:?}").contains("Bearer"), "e09");
    let origins = origins();
    assert_eq!(held.origin(origins.iter()), Ok(&origins[0]));
    let headers = held.question().unwrap();
    assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["authorization"]);
    assert_eq!(Said::read(br#"{"t":"hello","proto":1}"#), Ok(Said::Hello { proto: 1 }));
}

#[test]
fn whatever_is_not_known_breaks_the_conversation() {
    for text in [
        "",
        "[]",
        "null",
        r#"{"t":"hello","proto":2}"#,
        r#"{"t":"hello","proto":1,"more":1}"#,
        r#"{"t":"hello","proto":1,"proto":1}"#,
        r#"{"t":"body","id":1,"data":""}"#,
        r#"{"proto":1}"#,
    ] {
        assert!(Said::read(text.as_bytes()).is_err(), "{text}");
    }
    let changes: [fn(&mut Value); 6] = [
        |request| request["id"] = json!(0),
        |request| request["id"] = json!(1_u64 << 53),
        |request| request["port"] = json!(65_536),
        |request| request["sni"] = Value::Null,
        |request| request["more"] = json!(1),
        |request| request["headers"] = json!({"a": "b"}),
    ];
    for change in changes {
        assert!(held(change).is_err());
    }
    let twice =
        r#"{"t":"req","id":1,"method":"GET","host":"a","port":1,"path":"/","headers":{"a":[],"a":[]}}"#;
    assert!(Said::read(twice.as_bytes()).is_err());
}

#[test]
fn a01_a_request_is_for_the_host_that_tls_and_host_name() {
    let origins = origins();
    let refused = |change: fn(&mut Value)| held(change).unwrap().origin(origins.iter()).is_err();
    assert!(refused(|request| request["host"] = json!("evil.com")));
    assert!(refused(|request| request["port"] = json!(8443)));
    assert!(refused(|request| request["sni"] = json!("evil.com")));
    assert!(refused(|request| drop(request.as_object_mut().unwrap().remove("sni"))), "in the clear");
    assert!(refused(|request| request["hostHeader"] = json!("evil.com")));
    assert!(refused(|request| request["hostHeader"] = json!("api.example.com:8443")));
    assert!(refused(|request| request["hostHeader"] = json!("a@api.example.com")));
    let literal = |host: &str, port: u16| {
        held(|request| {
            (request["host"], request["port"]) = (json!(host), json!(port));
            let members = request.as_object_mut().unwrap();
            drop((members.remove("sni"), members.remove("hostHeader")));
        })
    };
    assert_eq!(literal("::1", 8443).unwrap().origin(origins.iter()), Ok(&origins[1]));
    assert_eq!(literal("127.0.0.1", 8080).unwrap().origin(origins.iter()), Ok(&origins[2]));
}

#[test]
fn a_verdict_is_what_the_protocol_says() {
    let answer = |name: &str, value: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        headers
    };
    let placing = |slot: &str, origin: &str| Placing::of(&slot.parse().unwrap(), &[origin.parse().unwrap()]);
    let api = "https://api.example.com";
    let bearer = placing("bearer", api).unwrap();
    assert_eq!(
        said(&bearer.allow(7, &answer("authorization", "Bearer s3")).unwrap()),
        json!({"t": "verdict", "id": 7, "action": "allow", "cred": "exeat", "credential": "s3"})
    );
    assert_eq!(
        said(&bearer.allow(7, &HeaderMap::new()).unwrap()),
        json!({"t": "verdict", "id": 7, "action": "allow", "removeHeaders": ["authorization"]})
    );
    assert_eq!(
        said(&placing("header:X-Token", api).unwrap().allow(8, &answer("x-token", "s3")).unwrap()),
        json!({"t": "verdict", "id": 8, "action": "allow", "setHeaders": {"x-token": ["s3"]}})
    );
    let github = placing("basic:x-access-token", "https://github.com").unwrap();
    assert_eq!(
        said(&github.allow(9, &answer("authorization", "Basic eC1hY2Nlc3MtdG9rZW46czM=")).unwrap()),
        json!({"t": "verdict", "id": 9, "action": "allow", "cred": "github", "credential": "s3"})
    );
    assert!(bearer.allow(7, &answer("authorization", "Bearer a b")).is_err());
    assert!(bearer.allow(7, &answer("authorization", "Basic s3")).is_err());
    for (slot, origin) in [
        ("basic:u", api),
        ("basic:x-access-token", api),
        ("query:key", api),
        ("header:X-Api-Key", api),
        ("header:x_api_key", api),
        ("header:cookie", api),
    ] {
        assert_eq!(placing(slot, origin), None, "{slot}");
    }
    let hosts = origins();
    assert_eq!(
        said(&hello(hosts.iter()).unwrap()),
        json!({"t": "hello", "proto": 1, "deniedDomains": [],
            "allowedDomains": ["127.0.0.1:8080", "[::1]:8443", "api.example.com:443"]})
    );
    assert!(matches!(Placing::of(&Slot::Bearer, &hosts), Some(Placing::Bearer)));
}

#[test]
fn c16_a_reason_is_short_and_without_control_characters() {
    let denied = said(&deny(3, 403, &format!("a\r\n\u{85}b{}", "\u{e9}".repeat(2_000))).unwrap());
    let reason = denied["reason"].as_str().unwrap();
    assert!(reason.starts_with("ab\u{e9}") && reason.len() <= 1024 && !reason.contains(char::is_control));
    assert_eq!(said(&deny(3, 403, "\n").unwrap())["reason"], "refused");
}

proptest! {
    /// However the bytes come, the same frames are taken from them, and nothing is read beyond one.
    #[test]
    fn frames_are_taken_whole_however_they_come(
        frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..6),
        cuts in proptest::collection::vec(1_usize..9, 1..40),
    ) {
        let sent: Vec<u8> = frames.iter()
            .flat_map(|frame| [&u32::try_from(frame.len()).unwrap().to_be_bytes()[..], frame].concat()).collect();
        let (mut read, mut taken, mut rest) = (Vec::new(), Vec::new(), &sent[..]);
        for cut in cuts.iter().cycle() {
            while let Some(frame) = next(&mut read).unwrap() {
                taken.push(frame);
            }
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            read.extend_from_slice(now);
            rest = later;
        }
        prop_assert_eq!(taken, frames);
        prop_assert!(read.is_empty());
    }

    #[test]
    fn whatever_is_read_is_read_or_refused(frame in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Said::read(&frame);
        let mut read = framed(&json!({"t": "hello", "proto": 1}));
        prop_assert!(next(&mut read).unwrap().is_some());
        prop_assert!(next(&mut [0xff, 0, 0, 0].to_vec()).is_err());
    }
}
