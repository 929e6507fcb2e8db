//! How long clients may take (J12).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For one head, from its first byte.
    pub head: Duration,
    /// Between two requests, and before the first.
    pub idle: Duration,
    /// Between two pieces of a body, and to take what waits for it.
    pub body: Duration,
    /// What a body brings in that time at least, in bytes: a piece so small that it only keeps the clock going does not.
    pub floor: usize,
    /// To go on reading after a refusal, so that the answer is not lost to a reset (RFC 9112 §9.6).
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { head: seconds(10), idle: seconds(60), body: seconds(60), floor: 480, linger: seconds(2) }
    }
}

/// What a body has brought since its clock was set.
#[derive(Debug, Default)]
pub(super) struct Brought(usize);

impl Brought {
    /// So many bytes came: whether the clock is to be set anew. Where the time was over before anybody looked, it was not the client
    /// that was slow.
    pub(super) fn suffices(&mut self, bytes: usize, limits: &Limits, clock: &Sleep) -> bool {
        self.0 += bytes;
        self.0 >= limits.floor || clock.is_elapsed()
    }
}

/// Ends writing to a client that takes nothing.
#[derive(Debug, Default)]
pub(super) struct Untaken(Option<Pin<Box<Sleep>>>);

impl Untaken {
    /// What writing came to, or an error when it has come to nothing for so long.
    pub(super) fn within<T>(
        &mut self,
        limit: Duration,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.0 = None;
            return written;
        }
        let timer = self.0.get_or_insert_with(|| Box::pin(sleep(limit)));
        timer.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}
