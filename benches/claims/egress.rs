//! The way out: the same client to the same TLS upstream, directly and through Exeat, in turns, with client, proxy and upstream on
//! the same processors. Beside it what other proxies take, which set a header and keep no record.

mod client;
mod governed;
mod http2;
pub(crate) mod interceptor;
mod interceptors;
mod load;
pub(crate) mod million;
mod peers;
mod programs;
mod upstream;

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use self::client::{Connection, Request, Way};
use self::governed::Governed;
use self::peers::Peer;
use self::upstream::Upstream;
use crate::claim::{Found, at_least, at_most, median, note, skipped};
use crate::process::{Process, scratch};
use crate::uses::one_sync;

/// Rounds, each way once in each.
const ROUNDS: usize = 5;
/// Connections that are kept.
const FEW: usize = 32;
const MANY: usize = 256;
const IDLE: usize = 1_000;
/// A directory in memory.
const MEMORY: &str = "/dev/shm";

/// What the upstream expects to be sent in the end.
const SECRET: &str = "a-secret-of-the-bench";

/// The way that is claimed something about.
const CLAIMED: &str = "Exeat, in memory";

/// One way to the upstream, under its name.
struct Named {
    name: &'static str,
    way: Arc<Way>,
    request: Request,
    large: Request,
    /// Answered well only if the secret came with it.
    checked: Request,
}

impl Named {
    fn new(name: &'static str, way: Way, port: u16, bearer: Option<&str>) -> Self {
        let [request, large, checked] =
            ["/json", "/large", "/checked"].map(|path| Request::of(path, port, bearer));
        Self { name, way: Arc::new(way), request, large, checked }
    }

    /// Fails unless the secret arrives: what a way takes that forgets it is no figure.
    async fn checked(&self) -> Found {
        Connection::by(&self.way).await?.ask(&self.checked).await?;
        Ok(())
    }
}

pub(crate) async fn run() -> Found {
    let directory = scratch()?;
    let upstream = Upstream::start(directory.path())?;
    let memory = TempDir::with_prefix_in("exeat-claims-", MEMORY)?;
    let in_memory = Governed::start(&memory.path().join("exeat"), &upstream).await?;
    let on_disk = Governed::start(&directory.path().join("exeat"), &upstream).await?;
    let mut ways = vec![direct(&upstream)];
    for (name, exeat) in [(CLAIMED, &in_memory), ("Exeat, on disk", &on_disk)] {
        ways.push(Named::new(name, exeat.way(upstream.port())?, upstream.port(), Some(&exeat.token)));
    }
    for way in &ways {
        way.checked().await.map_err(|error| format!("{}: {error}", way.name))?;
    }
    let mut peers = Vec::new();
    for (name, start) in peers::ALL {
        match beside(name, start(directory.path(), &upstream), upstream.port()).await {
            Ok((way, peer)) => {
                ways.push(way);
                peers.push(peer);
            }
            Err(why) => skipped(&format!("the way out through {name}"), &why.to_string()),
        }
    }
    kept(&ways, FEW, directory.path()).await?;
    kept(&ways, MANY, directory.path()).await?;
    waiting(&ways).await?;
    anew(&ways).await?;
    large(&ways).await?;
    idle(&in_memory.exeat.process, ways.iter().find(|way| way.name == CLAIMED).ok_or("no way")?).await?;
    http2::measure(&upstream, &in_memory).await
}

/// A peer as one of the ways, if what it sends is what the upstream expects.
async fn beside(name: &'static str, peer: Found<Peer>, port: u16) -> Found<(Named, Peer)> {
    let peer = peer?;
    let way = Named::new(name, peer.way.clone(), port, None);
    way.checked().await?;
    Ok((way, peer))
}

/// A figure of each way, round by round.
async fn rounds<W>(ways: &[W], figure: impl AsyncFn(&W) -> Found<f64>) -> Found<Vec<Vec<f64>>> {
    let mut figures = vec![Vec::new(); ways.len()];
    for _ in 0..ROUNDS {
        for (way, figures) in ways.iter().zip(&mut figures) {
            figures.push(figure(way).await?);
        }
    }
    Ok(figures)
}

/// Requests on kept connections.
async fn kept(ways: &[Named], connections: usize, disk: &Path) -> Found {
    let rates = rounds(ways, async |way| load::kept(&way.way, &way.request, connections).await).await?;
    tell(&format!("requests in memory, {connections} connections, to direct"), 0.40, ways, rates, "/s");
    note("one sync of this disk", one_sync(disk)?, "ms");
    Ok(())
}

/// What one request waits at 500 a second.
async fn waiting(ways: &[Named]) -> Found {
    let figure = async |way: &Named| Ok(median(&mut load::paced(&way.way, &way.request).await?) * 1000.0);
    let mut times = rounds(ways, figure).await?;
    let mut middles = times.iter_mut().map(|times| median(times));
    let direct = middles.next().unwrap_or(f64::NAN);
    for (way, middle) in ways.iter().skip(1).zip(middles) {
        if way.name == CLAIMED {
            at_most("added median at 500 requests a second", middle - direct, 200.0, "µs");
        } else {
            note(&format!("the same, {}", way.name), middle - direct, "µs");
        }
    }
    note("the median of direct", direct, "µs");
    Ok(())
}

/// A connection for each request.
async fn anew(ways: &[Named]) -> Found {
    let rates = rounds(ways, async |way| load::anew(&way.way, &way.request).await).await?;
    tell("new connections, to direct", 0.80, ways, rates, "/s");
    Ok(())
}

/// Bodies of 10 MB.
async fn large(ways: &[Named]) -> Found {
    let rates = rounds(ways, async |way| load::large(&way.way, &way.large).await).await?;
    tell("10 MB answers, scrubbed, to direct", 0.50, ways, rates, "MB/s");
    Ok(())
}

/// What a connection that waits costs.
async fn idle(process: &Process, way: &Named) -> Found {
    let before = process.resident()?;
    let mut open = Vec::with_capacity(IDLE);
    for _ in 0..IDLE {
        let mut connection = Connection::by(&way.way).await?;
        connection.ask(&way.request).await?;
        open.push(connection);
    }
    let grown = (process.resident()? - before) * 1024.0 / crate::claim::number(IDLE);
    at_most("memory of an idle connection", grown, 64.0, "KiB");
    Ok(())
}

/// The claim, and each way beside it.
fn tell(claim: &str, bound: f64, ways: &[Named], rates: Vec<Vec<f64>>, unit: &str) {
    for (way, (rate, ratio)) in ways.iter().zip(told(rates)) {
        if way.name == CLAIMED {
            at_least(claim, ratio, bound, "x");
        }
        note(&format!("{}, {ratio:.2} of direct", way.name), rate, unit);
    }
}

/// Of each way the middle figure, and the middle one of its ratios to the first way, round by round.
fn told(rates: Vec<Vec<f64>>) -> Vec<(f64, f64)> {
    let direct = rates.first().cloned().unwrap_or_default();
    let ratio = |rates: &[f64]| {
        median(&mut rates.iter().zip(&direct).map(|(rate, direct)| rate / direct).collect::<Vec<_>>())
    };
    rates
        .into_iter()
        .map(|mut rates| (ratio(&rates), median(&mut rates)))
        .map(|(ratio, rate)| (rate, ratio))
        .collect()
}

fn direct(upstream: &Upstream) -> Named {
    Named::new("direct", Way::Direct(upstream.target()), upstream.port(), Some(SECRET))
}
