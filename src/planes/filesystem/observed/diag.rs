//! From the two addresses of a connection to its socket, as the kernel answers it (`sock_diag(7)`). The table in `/proc/net/tcp` says the
//! same, but goes through every bucket in which there could be a connection: with much memory that takes milliseconds.

use std::net::SocketAddrV4;
use std::os::fd::OwnedFd;

use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
};

/// `SOCK_DIAG_BY_FAMILY`: what is asked, and what an answer is that is no error.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST`.
const REQUEST: u16 = 1;
const INET: u8 = 2;
const TCP: u8 = 6;
/// A header and an `inet_diag_req_v2`.
const QUESTION: u32 = 16 + 56;
/// Where in the answer the inode stands: behind a header and all else of an `inet_diag_msg`.
const INODE: usize = 16 + 68;
/// Answers to earlier questions that are passed over.
const STALE: usize = 8;

/// A line to the kernel.
#[derive(Debug)]
pub(super) struct Diag {
    line: OwnedFd,
    sequence: u32,
}

impl Diag {
    /// None where this kernel has none, or a filter takes it away.
    pub(super) fn open() -> Option<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let line = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(SOCK_DIAG)).ok()?;
        // Nobody but the kernel is heard.
        connect(&line, &SocketAddrNetlink::new(0, 0)).ok()?;
        Some(Self { line, sequence: 0 })
    }

    /// The inode of the socket whose own address is `here` and whose other end is `there`. The kernel answers at once, or not at all.
    pub(super) fn inode(&mut self, here: SocketAddrV4, there: SocketAddrV4) -> Option<u64> {
        self.sequence = self.sequence.wrapping_add(1);
        send(&self.line, &question(self.sequence, here, there), SendFlags::empty()).ok()?;
        let mut answer = [0; 512];
        for _ in 0..STALE {
            let (length, _) = recv(&self.line, answer.as_mut_slice(), RecvFlags::empty()).ok()?;
            let answer = answer.get(..length)?;
            if number(answer, 8) == Some(self.sequence) {
                return inode(answer);
            }
        }
        None
    }
}

fn question(sequence: u32, here: SocketAddrV4, there: SocketAddrV4) -> Vec<u8> {
    let mut asked = Vec::new();
    asked.extend(QUESTION.to_ne_bytes());
    asked.extend(BY_FAMILY.to_ne_bytes());
    asked.extend(REQUEST.to_ne_bytes());
    asked.extend(sequence.to_ne_bytes());
    asked.extend([0; 4]);
    // Nothing beside the socket itself, in whichever state it is.
    asked.extend([INET, TCP, 0, 0]);
    asked.extend(u32::MAX.to_ne_bytes());
    asked.extend(here.port().to_be_bytes());
    asked.extend(there.port().to_be_bytes());
    for address in [here.ip(), there.ip()] {
        asked.extend(address.octets());
        asked.extend([0; 12]);
    }
    // On any interface; no cookie.
    asked.extend([0; 4]);
    asked.extend([0xff; 8]);
    asked
}

/// A socket that belongs to nobody any more has none.
fn inode(answer: &[u8]) -> Option<u64> {
    let kind = answer.get(4..6)?.try_into().ok().map(u16::from_ne_bytes)?;
    if kind != BY_FAMILY {
        return None;
    }
    number(answer, INODE).map(u64::from).filter(|inode| *inode != 0)
}

fn number(answer: &[u8], at: usize) -> Option<u32> {
    answer.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
    use std::os::fd::AsRawFd as _;

    use proptest::prelude::*;

    use super::*;

    fn v4(address: SocketAddr) -> SocketAddrV4 {
        match address.ip().to_canonical() {
            std::net::IpAddr::V4(ip) => SocketAddrV4::new(ip, address.port()),
            std::net::IpAddr::V6(_) => unreachable!(),
        }
    }

    #[test]
    fn the_kernel_knows_the_socket_of_a_connection() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut diag = Diag::open().unwrap();
        let plain = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let mapped = TcpStream::connect((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), port)).unwrap();
        assert!(
            matches!(mapped.local_addr().unwrap().ip(), std::net::IpAddr::V6(ip) if ip != Ipv6Addr::LOCALHOST)
        );
        for stream in [plain, mapped] {
            let link = std::fs::read_link(format!("/proc/self/fd/{}", stream.as_raw_fd())).unwrap();
            let (here, there) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
            let found = diag.inode(v4(here), v4(there)).unwrap();
            assert_eq!(link.to_str().unwrap(), format!("socket:[{found}]"));
            drop(stream);
            assert_eq!(diag.inode(v4(here), v4(there)), None, "whoever has gone is nobody");
        }
    }

    proptest! {
        #[test]
        fn an_answer_of_any_shape_names_a_socket_or_none(answer in prop::collection::vec(any::<u8>(), 0..200)) {
            let found = inode(&answer);
            prop_assert!(found.is_none() || answer.len() >= INODE + 4);
            prop_assert!(found != Some(0));
        }
    }
}
