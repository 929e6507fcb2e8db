//! HTTP as bytes: what a client says and hears, without a library that could be too polite.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Either end of a connection.
pub(super) struct Wire {
    io: Box<dyn Io>,
    read: Vec<u8>,
}

/// Something to read from and write to.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A response as it came.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A member of the problem document.
    pub(super) fn problem(&self, member: &str) -> String {
        assert!(self.head.contains("content-type: application/problem+json"), "no problem: {self:?}");
        let document: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        document[member].as_str().unwrap_or_default().to_owned()
    }
}

impl Wire {
    pub(super) fn new(io: impl Io + 'static) -> Self {
        Self { io: Box::new(io), read: Vec::new() }
    }

    /// Gives the connection away. Nothing may have been read ahead.
    pub(super) fn into_inner(self) -> Box<dyn Io> {
        assert!(self.read.is_empty(), "bytes were read ahead");
        self.io
    }

    pub(super) async fn send(&mut self, text: &str) {
        self.send_bytes(text.as_bytes()).await;
    }

    pub(super) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).await.unwrap();
        self.io.flush().await.unwrap();
    }

    /// Says that nothing more will come.
    pub(super) async fn close(mut self) {
        self.io.shutdown().await.unwrap();
    }

    /// Reads up to and with `end`.
    pub(super) async fn until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|window| window == end) {
                return self.read.drain(..at + end.len()).collect();
            }
            assert!(self.more().await, "the connection ended: {:?}", String::from_utf8_lossy(&self.read));
        }
    }

    /// One head.
    pub(super) async fn head(&mut self) -> String {
        String::from_utf8(self.until(b"\r\n\r\n").await).unwrap()
    }

    /// Exactly so many bytes.
    pub(super) async fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.read.len() < length {
            assert!(self.more().await, "the connection ended early");
        }
        self.read.drain(..length).collect()
    }

    /// One response with its body.
    pub(super) async fn answer(&mut self) -> Answer {
        let head = self.head().await.to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = if let Some(length) = value(&head, "content-length") {
            self.exactly(length.parse().unwrap()).await
        } else if value(&head, "transfer-encoding").is_some() {
            self.chunks().await
        } else {
            Vec::new()
        };
        Answer { status, head, body }
    }

    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let chunk = self.chunk().await;
            if chunk.is_empty() {
                return body;
            }
            body.extend(chunk);
        }
    }

    /// One chunk; empty for the last.
    pub(super) async fn chunk(&mut self) -> Vec<u8> {
        let size = String::from_utf8(self.until(b"\r\n").await).unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        let mut chunk = self.exactly(size + 2).await;
        chunk.truncate(size);
        chunk
    }

    /// Whatever still comes until the other end closes or breaks off; the flag says whether it closed cleanly.
    pub(super) async fn rest(&mut self) -> (Vec<u8>, bool) {
        let mut rest = std::mem::take(&mut self.read);
        let clean = self.io.read_to_end(&mut rest).await.is_ok();
        (rest, clean)
    }

    async fn more(&mut self) -> bool {
        let mut space = [0; 4096];
        let length = self.io.read(&mut space).await.unwrap_or(0);
        self.read.extend_from_slice(&space[..length]);
        length > 0
    }
}

/// The value of a field in a lower-case head.
pub(super) fn value<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}
