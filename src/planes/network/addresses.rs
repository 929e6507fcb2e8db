//! Which addresses may be dialled: one resolution, every candidate judged, and only judged addresses leave.
//!
//! A name that resolves to any refused address is refused as a whole: a mixed answer is an attack or a mistake, and
//! both look the same from here. Called by the proxy's destination phase. It never dials and never caches.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::BoxFuture;
use ipnet::IpNet;

/// Answers a host name with addresses. A trait so that the one resolution there is can be watched.
pub trait Resolver: Send + Sync + 'static {
    /// Every address of `host`, each with `port`.
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;
}

/// The system's resolver, given so long to answer.
#[derive(Debug)]
pub struct SystemResolver(pub Duration);

impl Default for SystemResolver {
    fn default() -> Self {
        Self(Duration::from_secs(10))
    }
}

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        let lookup = tokio::net::lookup_host((host, port));
        Box::pin(async move { Ok(tokio::time::timeout(self.0, lookup).await??.collect()) })
    }
}

/// Addresses that were judged together. The only thing the proxy dials.
#[derive(Clone, Debug)]
pub struct Checked {
    first: SocketAddr,
    all: Vec<SocketAddr>,
}

impl Checked {
    /// The address that is dialled first.
    #[must_use]
    pub fn first(&self) -> SocketAddr {
        self.first
    }

    /// The addresses, in the resolver's order. Never empty.
    #[must_use]
    pub fn as_slice(&self) -> &[SocketAddr] {
        &self.all
    }
}

/// Why a host is not dialled.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// The name or one of its addresses is refused.
    #[error("the destination is {0}, which is refused")]
    Refused(Kind),
    /// The name has no address.
    #[error("the host has no address")]
    NoAddress,
    /// The resolver failed.
    #[error("the host could not be resolved")]
    Resolve(#[source] io::Error),
}

/// What kind of address was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `127.0.0.0/8` or `::1`.
    Loopback,
    /// RFC 1918 or a unique local address (RFC 4193).
    Private,
    /// `169.254.0.0/16` or `fe80::/10`.
    LinkLocal,
    /// A cloud's instance metadata, by address or by name.
    Metadata,
    /// An IPv6 form that carries a refused IPv4 address.
    Embedded,
    /// Any other range of the IANA special-purpose registries, or not global unicast.
    Special,
    /// One of Exeat's own listeners.
    Own,
}

impl Kind {
    /// Its name in a problem document.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loopback => "loopback_address",
            Self::Private => "private_address",
            Self::LinkLocal => "link_local_address",
            Self::Metadata => "metadata_address",
            Self::Embedded => "embedded_address",
            Self::Special => "special_address",
            Self::Own => "own_address",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "a cloud metadata address",
            Self::Embedded => "an IPv6 form of a refused IPv4 address",
            Self::Special => "a special-purpose address",
            Self::Own => "Exeat itself",
        })
    }
}

/// Names that stand for instance metadata whatever they resolve to (B04).
const METADATA_NAMES: [&str; 5] =
    ["metadata.google.internal", "metadata.goog", "metadata", "instance-data", "instance-data.ec2.internal"];

/// Resolves `host` once and judges every answer.
///
/// `allow` comes from one upstream's definition and opens loopback and private addresses for it, nothing else (B10).
/// `own` are Exeat's listeners, refused always (B11).
///
/// # Errors
/// When the name or any of its addresses is refused, when there is none, or when resolving failed.
pub async fn resolve(
    resolver: &dyn Resolver,
    (host, port): (&str, u16),
    allow: &[IpNet],
    own: &[SocketAddr],
) -> Result<Checked, AddressError> {
    if METADATA_NAMES.contains(&host) {
        return Err(AddressError::Refused(Kind::Metadata));
    }
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let candidates = match literal {
        Ok(ip) => vec![SocketAddr::new(ip, port)],
        Err(_) => resolver.resolve(host, port).await.map_err(AddressError::Resolve)?,
    };
    let first = *candidates.first().ok_or(AddressError::NoAddress)?;
    for candidate in &candidates {
        judge(*candidate, allow, own).map_err(AddressError::Refused)?;
    }
    Ok(Checked { first, all: candidates })
}

/// Judges one address.
///
/// # Errors
/// The kind of address it is, when it may not be dialled.
pub fn judge(address: SocketAddr, allow: &[IpNet], own: &[SocketAddr]) -> Result<(), Kind> {
    if own.iter().any(|listener| is_own(*listener, address)) {
        return Err(Kind::Own);
    }
    match kind(address.ip()) {
        None => Ok(()),
        Some(Kind::Loopback | Kind::Private) if allow.iter().any(|net| net.contains(&address.ip())) => Ok(()),
        Some(kind) => Err(kind),
    }
}

/// Judges a range that an upstream's definition wants opened: it must lie within loopback or private ranges as a whole.
///
/// # Errors
/// What else the range holds.
pub fn judge_allowance(range: &IpNet) -> Result<(), Kind> {
    let openable = LOOPBACK.iter().chain(&PRIVATE).any(|net| net.contains(range));
    if !openable {
        return Err(kind(range.network()).unwrap_or(Kind::Special));
    }
    if METADATA.contains(range) { Err(Kind::Metadata) } else { Ok(()) }
}

/// A listener on the unspecified address answers on every local one; those that are not public are refused here, and
/// the dialler refuses a connection that turns out to lead to the machine itself.
fn is_own(listener: SocketAddr, address: SocketAddr) -> bool {
    listener.port() == address.port()
        && (listener.ip() == address.ip().to_canonical()
            || (listener.ip().is_unspecified() && kind(address.ip()).is_some()))
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> IpNet {
    IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix)
}

const fn v6(segments: [u16; 4], prefix: u8) -> IpNet {
    let [a, b, c, d] = segments;
    IpNet::new_assert(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)), prefix)
}

const LOOPBACK: [IpNet; 2] = [v4(127, 0, 0, 0, 8), IpNet::new_assert(IpAddr::V6(Ipv6Addr::LOCALHOST), 128)];

const PRIVATE: [IpNet; 4] =
    [v4(10, 0, 0, 0, 8), v4(172, 16, 0, 0, 12), v4(192, 168, 0, 0, 16), v6([0xfc00, 0, 0, 0], 7)];

/// AWS, Azure, Google and Alibaba.
const METADATA: [IpNet; 5] = [
    v4(169, 254, 169, 254, 32),
    v4(168, 63, 129, 16, 32),
    v4(100, 100, 100, 200, 32),
    IpNet::new_assert(IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)), 128),
    IpNet::new_assert(IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)), 128),
];

const LINK_LOCAL: [IpNet; 2] = [v4(169, 254, 0, 0, 16), v6([0xfe80, 0, 0, 0], 10)];

/// IANA special-purpose registries (RFC 6890 and its successors). What is inside `2000::/3` for IPv6; the rest of IPv6 is
/// refused for not being global unicast.
const SPECIAL: [IpNet; 16] = [
    v4(0, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 31, 196, 0, 24),
    v4(192, 52, 193, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 175, 48, 0, 24),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
    v6([0x2001, 0xdb8, 0, 0], 32),
    v6([0x3fff, 0, 0, 0], 20),
    v6([0x2001, 0, 0, 0], 23),
];

const GLOBAL_V6: IpNet = v6([0x2000, 0, 0, 0], 3);

/// The kind of a refused address; `None` for a public one.
fn kind(ip: IpAddr) -> Option<Kind> {
    let within = |nets: &[IpNet]| nets.iter().any(|net| net.contains(&ip));
    if within(&METADATA) {
        return Some(Kind::Metadata);
    }
    if within(&LOOPBACK) {
        return Some(Kind::Loopback);
    }
    if let IpAddr::V6(ip) = ip
        && let Some((inner, plain)) = embedded(ip)
    {
        let refused = !plain || kind(IpAddr::V4(inner)).is_some();
        return refused.then_some(Kind::Embedded);
    }
    if within(&LINK_LOCAL) {
        return Some(Kind::LinkLocal);
    }
    if within(&PRIVATE) {
        return Some(Kind::Private);
    }
    (within(&SPECIAL) || (ip.is_ipv6() && !GLOBAL_V6.contains(&ip))).then_some(Kind::Special)
}

/// The IPv4 address inside an IPv6 one, and whether the form is still in honest use: IPv4-mapped (RFC 4291 §2.5.5.2) and
/// NAT64 (RFC 6052 §2.1) are; IPv4-compatible (RFC 4291 §2.5.5.1), 6to4 (RFC 7526) and Teredo (RFC 4380 §4) are not.
fn embedded(ip: Ipv6Addr) -> Option<(Ipv4Addr, bool)> {
    let join = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match ip.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some((join(high, low), true))
        }
        [0, 0, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Some((join(high, low), false)),
        [0x2001, 0, _, _, _, _, high, low] => Some((join(!high, !low), false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
