//! What the proxy counts. Plain numbers that only grow, except for `open`; whoever exports metrics reads them.

use std::sync::atomic::{AtomicU64, Ordering};

/// The proxy's counters.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections accepted.
    pub connections: Count,
    /// Connections open now.
    pub open: Count,
    /// Tunnels whose TLS was terminated.
    pub tunnels: Count,
    /// Requests read, clean or not.
    pub requests: Count,
    /// Requests and tunnels refused, by the proxy or by the broker.
    pub refused: Count,
    /// Connections of runs to granted hosts.
    pub passages: Count,
    /// Uses begun.
    pub uses: Count,
    /// Uses that broke before their end.
    pub broken: Count,
    /// Body bytes sent to upstreams.
    pub bytes_up: Count,
    /// Body bytes received from upstreams.
    pub bytes_down: Count,
}

/// One number.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// The number now.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn one_more(&self) {
        self.add(1);
    }

    pub(super) fn one_less(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
