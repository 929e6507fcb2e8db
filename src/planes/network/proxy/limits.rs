//! How long clients may take (J12).

use std::time::Duration;

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For one head, from its first byte.
    pub head: Duration,
    /// Between two requests, and before the first.
    pub idle: Duration,
    /// Between two pieces of a body.
    pub body: Duration,
    /// To go on reading after a refusal, so that the answer is not lost to a reset (RFC 9112 §9.6).
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { head: seconds(10), idle: seconds(60), body: seconds(60), linger: seconds(2) }
    }
}
