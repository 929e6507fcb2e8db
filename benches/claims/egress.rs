//! The way out: the same client to the same TLS upstream, directly and through Exeat, in turns, with client, proxy and upstream on
//! the same processors. Beside it what reverse proxies that only check and set a header take.

mod client;
mod load;
mod peers;

use std::path::Path;
use std::sync::Arc;

use hyper::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use self::client::{Connection, Request, Way};
use self::peers::{Peer, Upstream};
use crate::claim::{Found, at_least, at_most, median, note, skipped};
use crate::http;
use crate::process::{Exeat, Process, exchange, scratch, text};
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
}

impl Named {
    fn new(name: &'static str, way: Way, port: u16, bearer: Option<&str>) -> Self {
        let [request, large] = ["/json", "/large"].map(|path| Request::of(path, port, bearer));
        Self { name, way: Arc::new(way), request, large }
    }
}

pub(crate) async fn run() -> Found {
    let directory = scratch()?;
    let upstream = Upstream::start(directory.path())?;
    let memory = TempDir::with_prefix_in("exeat-claims-", MEMORY)?;
    let (memory_data, disk_data) = (memory.path().join("exeat"), directory.path().join("exeat"));
    let (in_memory, on_disk) = (start(&memory_data, &upstream).await?, start(&disk_data, &upstream).await?);
    let mut ways = vec![direct(&upstream)];
    ways.push(through(CLAIMED, (&in_memory, &memory_data), &upstream).await?);
    ways.push(through("Exeat, on disk", (&on_disk, &disk_data), &upstream).await?);
    let mut peers = Vec::new();
    for peer in [Peer::nginx(directory.path(), &upstream), Peer::haproxy(directory.path(), &upstream)] {
        match peer {
            Ok(peer) => {
                let way = Way::Direct(peer.target(&upstream));
                ways.push(Named::new(peer.name, way, upstream.port(), None));
                peers.push(peer);
            }
            Err(why) => skipped("a peer of the way out", &why.to_string()),
        }
    }
    for way in &ways {
        load::anew(&way.way, &way.request).await.map_err(|error| format!("{}: {error}", way.name))?;
    }
    kept(&ways, FEW, directory.path()).await?;
    kept(&ways, MANY, directory.path()).await?;
    waiting(&ways).await?;
    anew(&ways).await?;
    large(&ways).await?;
    idle(&in_memory.process, ways.iter().find(|way| way.name == CLAIMED).ok_or("no way")?).await
}

/// A figure of each way, round by round.
async fn rounds(ways: &[Named], figure: impl AsyncFn(&Named) -> Found<f64>) -> Found<Vec<Vec<f64>>> {
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

/// The claim, and each way beside it: to the first one, round by round, of which the middle one counts.
fn tell(claim: &str, bound: f64, ways: &[Named], mut rates: Vec<Vec<f64>>, unit: &str) {
    let direct = rates.first().cloned().unwrap_or_default();
    for (way, rates) in ways.iter().zip(&mut rates) {
        let ratio =
            median(&mut rates.iter().zip(&direct).map(|(rate, direct)| rate / direct).collect::<Vec<_>>());
        if way.name == CLAIMED {
            at_least(claim, ratio, bound, "x");
        }
        note(&format!("{}, {ratio:.2} of direct", way.name), median(rates), unit);
    }
}

fn direct(upstream: &Upstream) -> Named {
    Named::new("direct", Way::Direct(upstream.target()), upstream.port(), Some(SECRET))
}

/// An installation that governs the upstream.
async fn start(data: &Path, upstream: &Upstream) -> Found<Exeat> {
    let exeat = Exeat::start(data).await?;
    let installed = json!({"name": "large", "origins": [upstream.origin()], "slot": "bearer",
        "ca_pem": upstream.root, "allow_addresses": ["127.0.0.0/8"]});
    exeat.person(Method::POST, "/v1/upstreams", Some(installed)).await?;
    let credential = json!({"upstream": "large", "identity": "service:ci-bot", "secret": SECRET});
    exeat.person(Method::POST, "/v1/credentials", Some(credential)).await?;
    Ok(exeat)
}

async fn through(name: &'static str, (exeat, data): (&Exeat, &Path), upstream: &Upstream) -> Found<Named> {
    let agent = json!({"name": "loader", "identities": ["service:ci-bot"], "upstreams": ["large"]});
    let agent = exeat.person(Method::POST, "/v1/agents", Some(agent)).await?;
    let key = text(&agent, "key")?;
    let approval = exeat.approved(&key, "large", "/**").await?;
    let (_, answer) = http::Connection::to(exeat.agent).await?.ask(&exchange(&key, &approval)).await?;
    let token = text(&serde_json::from_slice::<Value>(&answer)?, "access_token")?;
    let root = std::fs::read_to_string(data.join("ca.pem"))?;
    let way = Way::tunnel(exeat.proxy, &key, upstream.port(), &root)?;
    Ok(Named::new(name, way, upstream.port(), Some(&token)))
}
