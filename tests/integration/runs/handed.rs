//! What may come with the first line on a run's socket: one TCP connection, over which everything goes from then on.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::shim::preface;
use super::{Run, end, plain, start};
use crate::house::{House, Upstream, hand_over};

const REQUEST: &[u8] = b"GET http://exeat.internal/v1/approvals HTTP/1.1\r\nHost: exeat.internal\r\n\r\n";

/// Both ends of a connection.
fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (near, listener.accept().unwrap().0)
}

fn asynchronous(stream: TcpStream) -> tokio::net::TcpStream {
    stream.set_nonblocking(true).unwrap();
    tokio::net::TcpStream::from_std(stream).unwrap()
}

async fn assert_answered(near: &mut tokio::net::TcpStream) {
    near.write_all(REQUEST).await.unwrap();
    let head = head(near).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
}

/// The head of an answer, and its body is read too.
async fn head(near: &mut tokio::net::TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(near.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().replace("Content-Length", "content-length");
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()).unwrap();
    near.read_exact(&mut vec![0; length.parse().unwrap()]).await.unwrap();
    head
}

/// What comes back on the run's socket itself.
async fn answered(run: &Run, bytes: &[u8], with: &[BorrowedFd<'_>]) -> Vec<u8> {
    let door = UnixStream::connect(&run.socket).unwrap();
    hand_over(&door, bytes, with);
    door.set_nonblocking(true).unwrap();
    let mut answer = Vec::new();
    // A reset is an end too: what was sent was never read.
    drop(tokio::net::UnixStream::from_std(door).unwrap().read_to_end(&mut answer).await);
    answer
}

#[tokio::test]
async fn a_connection_that_is_handed_over_is_the_runs_until_the_run_ends() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let run = start(&house, &agent, plain("read-only")).await;
    let (near, far) = connection();
    let door = UnixStream::connect(&run.socket).unwrap();
    hand_over(&door, preface().as_bytes(), &[far.as_fd()]);
    drop((door, far));
    let mut near = asynchronous(near);
    assert_answered(&mut near).await;
    end(&house, &agent, &run, json!({"cause": "exited", "exit": 0})).await.expect(204);
    drop(near.read_to_end(&mut Vec::new()).await);
}

#[tokio::test]
async fn one_knock_is_enough_for_many_connections() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let run = start(&house, &agent, plain("read-only")).await;
    let (mut door, line) = (UnixStream::connect(&run.socket).unwrap(), preface());
    let mut open = Vec::new();
    for _ in 0..3 {
        let (near, far) = connection();
        // The connection first, and who it is behind it.
        hand_over(&door, &line.as_bytes()[..1], &[far.as_fd()]);
        drop(far);
        let mut near = asynchronous(near);
        near.write_all(REQUEST).await.unwrap();
        door.write_all(&line.as_bytes()[1..]).unwrap();
        assert!(head(&mut near).await.starts_with("HTTP/1.1 200 "));
        open.push(near);
    }
    // A line that says nothing clear ends the knocking, and nothing that is open already.
    door.write_all(b"{\"v\":2}\n").unwrap();
    assert_eq!(tokio::task::spawn_blocking(move || door.read(&mut [0])).await.unwrap().unwrap(), 0);
    for near in &mut open {
        assert_answered(near).await;
    }
    end(&house, &agent, &run, json!({"cause": "exited", "exit": 0})).await.expect(204);
    for mut near in open {
        drop(near.read_to_end(&mut Vec::new()).await);
    }
}

#[tokio::test]
async fn g12_nothing_but_one_tcp_connection_is_taken() {
    let (house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let run = start(&house, &agent, plain("read-only")).await;
    let (near, far) = connection();
    let (_other, second) = connection();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let datagrams = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (unix, _peer) = UnixStream::pair().unwrap();
    let file = tempfile::tempfile().unwrap();
    let line = preface();
    for with in [listener.as_fd(), datagrams.as_fd(), unix.as_fd(), file.as_fd()] {
        assert_eq!(answered(&run, line.as_bytes(), &[with]).await, b"", "no connection");
    }
    assert_eq!(answered(&run, line.as_bytes(), &[far.as_fd(), second.as_fd()]).await, b"", "two of them");
    let both = [line.as_bytes(), REQUEST].concat();
    assert_eq!(answered(&run, &both, &[far.as_fd()]).await, b"", "a second reading behind the line");
    assert_eq!(answered(&run, b"{\"v\":2}\n", &[far.as_fd()]).await, b"", "no preface");
    // None of these was taken: nobody but this test has them.
    near.set_nonblocking(true).unwrap();
    drop(far);
    let end = asynchronous(near).read_to_end(&mut Vec::new()).await.unwrap();
    assert_eq!(end, 0);
}
