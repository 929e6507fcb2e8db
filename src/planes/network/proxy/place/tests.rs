use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::*;
use crate::domain::upstream::Scheme;

fn target(path: &str) -> HttpTarget {
    HttpTarget::new("api".parse().unwrap(), Scheme::Https, "api.example.com", 443, "GET", path).unwrap()
}

fn placement(slot: &str, secret: &[u8]) -> Result<Placement, Refused> {
    let (target, _) = target("/a?b=c&key=token").without_query("key").unwrap();
    Placement::new(&slot.parse().unwrap(), &Secret::new(secret.to_vec()), "alice", &target)
}

fn placed(slot: &str) -> String {
    let head = b"GET /a?b=c&key= HTTP/1.1\r\nhost: a\r\n\r\n";
    let bytes = placement(slot, b"s3cr&t").unwrap().placed(head).unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_credential_stands_in_its_slot() {
    let line = |line: &str| format!("GET /a?b=c&key= HTTP/1.1\r\nhost: a\r\n{line}\r\n\r\n");
    assert_eq!(placed("bearer"), line("authorization: Bearer s3cr&t"));
    assert_eq!(placed("header:x-key"), line("x-key: s3cr&t"));
    assert_eq!(placed("basic:git"), line(&format!("authorization: Basic {}", STANDARD.encode("git:s3cr&t"))));
    assert_eq!(placed("basic:"), line(&format!("authorization: Basic {}", STANDARD.encode("alice:s3cr&t"))));
    assert_eq!(placed("query:key"), "GET /a?b=c&key=s3cr%26t HTTP/1.1\r\nhost: a\r\n\r\n");
}

#[test]
fn c16_a_credential_with_a_line_end_is_not_placed() {
    for secret in [&b"a\r\nX: y"[..], b"a\nb", b"a\0b", b"a\x7fb", b""] {
        for slot in ["bearer", "basic:git", "header:x-key", "query:key"] {
            assert_eq!(placement(slot, secret).err(), Some(Refused::NOT_PLACEABLE), "{slot} {secret:?}");
        }
    }
}

#[tokio::test]
async fn nothing_leaves_before_a_credential_is_armed() {
    let (io, _upstream) = duplex(1024);
    let mut placing = Placing::new(io, Armed::default());
    let error = placing.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn each_head_gets_its_own_credential_and_bodies_get_none() {
    let (io, mut upstream) = duplex(64);
    let armed = Armed::default();
    let mut placing = Placing::new(io, armed.clone());
    let write = async move {
        for (secret, piece) in [(&b"one"[..], 1), (b"two", 7)] {
            armed.arm(placement("bearer", secret).unwrap());
            for bytes in b"POST / HTTP/1.1\r\nhost: a\r\n\r\nbody\r\n\r\n".chunks(piece) {
                placing.write_all(bytes).await.unwrap();
            }
            placing.flush().await.unwrap();
        }
        placing.shutdown().await.unwrap();
    };
    let mut seen = String::new();
    let (read, ()) = tokio::join!(upstream.read_to_string(&mut seen), write);
    read.unwrap();
    let request = |secret: &str| {
        format!("POST / HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {secret}\r\n\r\nbody\r\n\r\n")
    };
    assert_eq!(seen, request("one") + &request("two"));
}
