//! From a connection to the process that has it open.

use std::collections::VecDeque;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

use rustix::fs::{Dir, OFlags};

use super::diag::Diag;
use super::process::Process;

/// How many processes are asked, and how many descriptors of each.
const PROCESSES: usize = 4096;
const DESCRIPTORS: usize = 4096;
/// How many are remembered that were found before.
const REMEMBERED: usize = 8;

/// A process, and by which descriptor it had its last connection.
#[derive(Debug)]
struct Recent {
    process: Process,
    number: u32,
}

/// Finds owners, and remembers who they were.
#[derive(Debug)]
pub(super) struct Owners {
    own: u32,
    recent: VecDeque<Recent>,
    diag: Option<Diag>,
}

impl Default for Owners {
    fn default() -> Self {
        Self { own: std::process::id(), recent: VecDeque::new(), diag: Diag::open() }
    }
}

impl Owners {
    /// The process that opened the connection from `peer` to `port` on loopback.
    #[must_use]
    pub(super) fn of(&mut self, peer: SocketAddr, port: u16) -> Option<&Process> {
        let link = format!("socket:[{}]", self.inode(peer, port)?);
        let found = match self.again(&link) {
            Some(found) => found,
            None => self.among_all(&link)?,
        };
        self.recent.retain(|recent| recent.process.pid != found.process.pid);
        self.recent.truncate(REMEMBERED - 1);
        self.recent.push_front(found);
        self.recent.front().map(|recent| &recent.process)
    }

    /// Whoever was found before, where its next connection would be: by the same descriptor, or by the next one.
    fn again(&mut self, link: &str) -> Option<Recent> {
        let (at, number) = self.recent.iter().enumerate().find_map(|(at, recent)| {
            let mut numbers = [recent.number, recent.number + 1].into_iter();
            numbers.find(|number| is(&recent.process, *number, link)).map(|number| (at, number))
        })?;
        self.recent.remove(at).map(|recent| Recent { number, ..recent })
    }

    /// Whoever was found before is asked first, and anew: a number may be another's by now.
    fn among_all(&self, link: &str) -> Option<Recent> {
        let recent: Vec<u32> = self.recent.iter().map(|recent| recent.process.pid).collect();
        let others = processes().into_iter().filter(|pid| *pid != self.own && !recent.contains(pid));
        recent.iter().copied().chain(others).find_map(|pid| {
            let process = Process::open(pid)?;
            let number = descriptor(&process, link)?;
            Some(Recent { process, number })
        })
    }

    /// The socket at the other end of a connection from `peer`.
    fn inode(&mut self, peer: SocketAddr, port: u16) -> Option<u64> {
        let IpAddr::V4(address) = peer.ip().to_canonical() else { return None };
        let (here, there) =
            (SocketAddrV4::new(address, peer.port()), SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
        let told = self.diag.as_mut().and_then(|diag| diag.inode(here, there));
        told.or_else(|| in_tables(here, port))
    }
}

/// The socket at the other end, as the tables have it. A program may have made it for IPv6 and mapped the address.
fn in_tables(peer: SocketAddrV4, port: u16) -> Option<u64> {
    // proc_pid_net(5): the address is the four bytes read as one number in the order of the machine.
    let (here, there) = (u32::from_ne_bytes(peer.ip().octets()), u32::from_ne_bytes([127, 0, 0, 1]));
    let plain = (format!("{here:08X}:{:04X}", peer.port()), format!("{there:08X}:{port:04X}"));
    let mapped = |address: u32, port: u16| {
        format!("{:08X}{:08X}{:08X}{address:08X}:{port:04X}", 0, 0, u32::from_ne_bytes([0, 0, 0xff, 0xff]))
    };
    let mapped = (mapped(here, peer.port()), mapped(there, port));
    row("/proc/net/tcp", &plain).or_else(|| row("/proc/net/tcp6", &mapped))
}

fn row(table: &str, (here, there): &(String, String)) -> Option<u64> {
    let table = fs::read_to_string(table).ok()?;
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let ours = fields.next() == Some(here) && fields.next() == Some(there);
        ours.then(|| fields.nth(6)?.parse().ok()).flatten()
    })
}

/// The most recent first.
fn processes() -> Vec<u32> {
    let names = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    let mut all: Vec<u32> = names.filter_map(|name| name.parse().ok()).collect();
    all.sort_unstable_by(|a, b| b.cmp(a));
    all.truncate(PROCESSES);
    all
}

/// By which descriptor it has this, the highest first: that is the newest as a rule.
fn descriptor(process: &Process, link: &str) -> Option<u32> {
    let all = Dir::new(process.opened("fd", OFlags::RDONLY | OFlags::DIRECTORY)?).ok()?;
    let numbers = all.flatten().filter_map(|entry| entry.file_name().to_str().ok()?.parse().ok());
    let mut numbers: Vec<u32> = numbers.take(DESCRIPTORS).collect();
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    numbers.into_iter().find(|number| is(process, *number, link))
}

fn is(process: &Process, number: u32, link: &str) -> bool {
    process.link(&format!("fd/{number}")).is_some_and(|to| to.as_bytes() == link.as_bytes())
}
