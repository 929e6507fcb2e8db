//! The process behind a connection, as the shim sees it: the *observed* step.
//!
//! The kernel says which socket a connection belongs to (`sock_diag(7)`, else `/proc/net/tcp`), and each process which sockets it has
//! open. The most recent processes are asked first, after those that were found before. What ends before it is looked at stays
//! unknown; a process that forbids looking into it does too.

mod chain;
mod diag;
mod owner;
mod process;

use std::net::SocketAddr;

use serde::Serialize;

use chain::Parents;
use owner::Owners;

use crate::domain::step::ObservedStep;

/// The longest preface, in bytes, with its line break.
pub const LONGEST: usize = 4096;
/// How many parents are named.
const PARENTS: usize = 8;

/// Names the processes behind connections, and remembers whom it met.
#[derive(Debug, Default)]
pub struct Observer {
    owners: Owners,
    parents: Parents,
}

impl Observer {
    /// Who opened the connection that came from `peer` to `port` on loopback.
    #[must_use]
    pub fn preface(&mut self, peer: SocketAddr, port: u16) -> Preface {
        let step = self.owners.of(peer, port).and_then(|process| self.parents.step(process));
        Preface { v: 1, step }
    }
}

/// The line that goes before everything else to the run's socket.
#[derive(Debug, Serialize)]
pub struct Preface {
    v: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<ObservedStep>,
}

impl Preface {
    /// As it is sent.
    #[must_use]
    pub fn line(mut self) -> Vec<u8> {
        loop {
            let mut line = serde_json::to_vec(&self).unwrap_or_else(|_| br#"{"v":1}"#.to_vec());
            line.push(b'\n');
            if line.len() <= LONGEST {
                return line;
            }
            // The farthest parent is the least telling.
            if self.step.as_mut().and_then(|step| step.parents.pop()).is_none() {
                self.step = None;
            }
        }
    }
}
