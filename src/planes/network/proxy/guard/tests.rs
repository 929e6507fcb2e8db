use futures_util::FutureExt;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

const CLEAN: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

fn limits(milliseconds: u64) -> Limits {
    let limit = Duration::from_millis(milliseconds);
    Limits { head: limit, idle: limit, body: limit, floor: 1, linger: limit }
}

fn guarded(limits: Limits) -> (DuplexStream, Guard<DuplexStream>, Verdicts) {
    let (client, server) = duplex(64 * 1024);
    let verdicts = Verdicts::default();
    (client, Guard::new(server, limits, verdicts.clone()), verdicts)
}

/// What hyper would see of `input`, and what the phases would.
async fn seen(input: &[u8]) -> (Result<String, io::ErrorKind>, Vec<Result<Head, Refused>>) {
    let (mut client, mut guard, verdicts) = guarded(Limits::default());
    client.write_all(input).await.unwrap();
    drop(client);
    let mut bytes = Vec::new();
    let mut read = Ok(());
    while let Some(piece) = guard.read_buf(&mut bytes).now_or_never() {
        match piece {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => {
                read = Err(error);
                break;
            }
        }
    }
    let mut told = Vec::new();
    while verdicts.is_busy() {
        told.push(verdicts.next().0);
    }
    (read.map(|()| String::from_utf8(bytes).unwrap()).map_err(|error| error.kind()), told)
}

#[tokio::test]
async fn clean_requests_pass_byte_for_byte() {
    let input =
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nHost: a\r\n\r\n";
    let (bytes, told) = seen(input.as_bytes()).await;
    assert_eq!(bytes.unwrap(), input);
    assert!(told.len() == 2 && told.iter().all(Result::is_ok));
}

#[tokio::test]
async fn c04_a_hidden_second_request_is_judged_by_itself() {
    let input = format!("{CLEAN}GET /b HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n{CLEAN}");
    let (bytes, told) = seen(input.as_bytes()).await;
    assert_eq!(bytes.unwrap(), format!("{CLEAN}{}", String::from_utf8_lossy(IN_PLACE)));
    assert!(told[0].is_ok());
    assert_eq!(told[1], Err(Refused::ambiguous("two_hosts")));
    assert_eq!(told.len(), 2, "nothing is read after a refusal");
}

#[tokio::test]
async fn c09_connect_among_requests_is_refused() {
    let input = format!("{CLEAN}CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n");
    let (_, told) = seen(input.as_bytes()).await;
    assert_eq!(told[1], Err(Refused::CONNECT_INSIDE));
}

#[tokio::test]
async fn c13_a_violation_inside_a_body_breaks_the_stream() {
    let input = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\na\r\n0\r\n\r\n";
    let (bytes, _) = seen(input).await;
    assert_eq!(bytes, Err(io::ErrorKind::InvalidData));
}

#[tokio::test]
async fn a_head_that_never_ends_is_not_passed() {
    let (bytes, told) = seen(b"GET / HTTP/1.1\r\nHost: a\r\n").await;
    assert_eq!((bytes.unwrap().as_str(), told.len()), ("", 0));
}

#[tokio::test]
async fn j12_a_slow_head_is_refused_and_an_idle_client_is_let_go() {
    let (mut client, mut guard, verdicts) = guarded(limits(20));
    client.write_all(b"GET / HT").await.unwrap();
    let mut bytes = vec![0; IN_PLACE.len()];
    guard.read_exact(&mut bytes).await.unwrap();
    assert_eq!(bytes, IN_PLACE);
    assert_eq!(verdicts.next().0, Err(Refused::TOO_SLOW));

    let (_client, mut guard, verdicts) = guarded(limits(20));
    assert_eq!(guard.read(&mut [0; 9]).await.unwrap(), 0);
    assert!(!verdicts.is_busy());
}

#[tokio::test]
async fn j12_a_slow_body_breaks_the_stream() {
    let (mut client, mut guard, verdicts) = guarded(limits(20));
    client.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc").await.unwrap();
    let error = guard.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert_eq!(verdicts.in_body(), Some(Refused::TOO_SLOW));
}

#[tokio::test(start_paused = true)]
async fn j12_a_body_that_only_drips_breaks_the_stream() {
    for (piece, outcome) in [("a", Some(Refused::TOO_SLOW)), ("0123456789", None)] {
        let (mut client, mut guard, verdicts) = guarded(Limits { floor: 100, ..limits(1000) });
        let drips = async move {
            let length = 40 * piece.len();
            let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
            client.write_all(head.as_bytes()).await?;
            for _ in 0..40 {
                tokio::time::sleep(Duration::from_millis(90)).await;
                client.write_all(piece.as_bytes()).await?;
            }
            client.shutdown().await
        };
        let mut passed = Vec::new();
        let reads = async move {
            let read = guard.read_to_end(&mut passed).await;
            (read.is_err(), passed)
        };
        let ((broke, passed), _) = tokio::join!(reads, drips);
        let refused = verdicts.in_body();
        assert_eq!((broke, refused), (outcome.is_some(), outcome), "{piece}");
        assert_eq!(passed.ends_with(&piece.repeat(40).into_bytes()), outcome.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn j12_a_client_that_takes_nothing_is_let_go() {
    let (mut client, mut guard, _) = guarded(limits(1000));
    let much = vec![b'a'; 256 * 1024];
    let error = guard.write_all(&much).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);

    let (mut taker, mut guard, _) = guarded(limits(1000));
    let takes = async {
        let mut space = vec![0; 1024];
        for _ in 0..256 {
            tokio::time::sleep(Duration::from_millis(900)).await;
            taker.read_exact(&mut space).await.unwrap();
        }
    };
    let (written, ()) = tokio::join!(guard.write_all(&much), takes);
    written.unwrap();
    drop(client.shutdown().await);
}

#[tokio::test]
async fn a_client_that_waits_for_its_response_is_not_idle() {
    let (mut client, mut guard, verdicts) = guarded(limits(10));
    client.write_all(CLEAN.as_bytes()).await.unwrap();
    let mut head = vec![0; CLEAN.len()];
    guard.read_exact(&mut head).await.unwrap();
    let (_, turn) = verdicts.next();
    let mut more = [0; 9];
    {
        let mut waiting = Box::pin(guard.read(&mut more));
        let still_waiting = tokio::time::timeout(Duration::from_millis(60), &mut waiting).await;
        assert!(still_waiting.is_err(), "the guard gave up while a response was on its way");
        drop(turn);
    }
    assert_eq!(guard.read(&mut more).await.unwrap(), 0);
}

#[tokio::test]
async fn the_first_head_can_be_read_ahead() {
    let (mut client, mut guard, _) = guarded(Limits::default());
    client.write_all(b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n").await.unwrap();
    let head = guard.first_head().await.unwrap().unwrap().unwrap();
    assert_eq!(head.method, Method::CONNECT);
    assert!(guard.into_tunnel().is_ok());

    let (mut client, mut guard, _) = guarded(Limits::default());
    client.write_all(b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\nearly").await.unwrap();
    guard.first_head().await.unwrap().unwrap().unwrap();
    assert!(matches!(guard.into_tunnel(), Err((_, refused)) if refused.name() == "bytes_after_connect"));
}

#[tokio::test]
async fn a_head_read_ahead_passes_afterwards() {
    let (mut client, mut guard, verdicts) = guarded(Limits::default());
    client.write_all(CLEAN.as_bytes()).await.unwrap();
    guard.first_head().await.unwrap().unwrap().unwrap();
    assert!(!verdicts.is_busy());
    let mut head = vec![0; CLEAN.len()];
    guard.read_exact(&mut head).await.unwrap();
    assert_eq!(head, CLEAN.as_bytes());
    assert!(verdicts.next().0.is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// However a conversation is cut into pieces, hyper sees the same.
    #[test]
    fn pieces_make_no_difference(sizes in proptest::collection::vec(1_usize..40, 1..20)) {
        let input = format!(
            "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n{CLEAN}GET / HTTP/1.1\n"
        );
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (whole, told) = seen(input.as_bytes()).await;
            let (mut client, mut guard, verdicts) = guarded(Limits::default());
            let whole = whole.unwrap();
            let mut bytes = vec![0; whole.len()];
            let (mut rest, mut sizes) = (input.as_bytes(), sizes.iter().cycle());
            let write = async {
                while !rest.is_empty() {
                    let (piece, after) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
                    client.write_all(piece).await.unwrap();
                    tokio::task::yield_now().await;
                    rest = after;
                }
                drop(client);
            };
            let ((), read) = tokio::join!(write, guard.read_exact(&mut bytes));
            read.unwrap();
            assert_eq!(String::from_utf8(bytes).unwrap(), whole);
            for verdict in told {
                assert_eq!(verdicts.next().0, verdict);
            }
        });
    }
}
