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
use crate::http::{self, call};
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
    ways.push(through("Exeat, in memory", (&in_memory, &memory_data), &upstream).await?);
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
    idle(&in_memory.process, ways.get(1).ok_or("no way")?).await
}

/// Requests on kept connections.
async fn kept(ways: &[Named], connections: usize, disk: &Path) -> Found {
    let mut rates = vec![Vec::new(); ways.len()];
    let mut syncs = Vec::new();
    for _ in 0..ROUNDS {
        for (way, rates) in ways.iter().zip(&mut rates) {
            rates.push(load::kept(&way.way, &way.request, connections).await?);
        }
        syncs.push(one_sync(disk)?);
    }
    let ratios = ratios(&mut rates);
    let title = |what: &str| format!("{what}, {connections} connections, to direct");
    at_least(&title("requests in memory"), ratio_of(ways, &ratios, 1), 0.40, "x");
    note("one sync of this disk", median(&mut syncs), "ms");
    tell(ways, &mut rates, &ratios, "/s");
    Ok(())
}

/// What one request waits at 500 a second.
async fn waiting(ways: &[Named]) -> Found {
    let mut times = vec![Vec::new(); ways.len()];
    for _ in 0..ROUNDS {
        for (way, times) in ways.iter().zip(&mut times) {
            let mut waited = load::paced(&way.way, &way.request).await?;
            times.push(median(&mut waited) * 1000.0);
        }
    }
    let mut middles = times.iter_mut().map(|times| median(times));
    let direct = middles.next().unwrap_or(f64::NAN);
    for (way, middle) in ways.iter().skip(1).zip(middles) {
        if way.name == "Exeat, in memory" {
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
    let mut rates = vec![Vec::new(); ways.len()];
    for _ in 0..ROUNDS {
        for (way, rates) in ways.iter().zip(&mut rates) {
            rates.push(load::anew(&way.way, &way.request).await?);
        }
    }
    let ratios = ratios(&mut rates);
    at_least("new connections to direct", ratio_of(ways, &ratios, 1), 0.80, "x");
    tell(ways, &mut rates, &ratios, "/s");
    Ok(())
}

/// Bodies of 10 MB.
async fn large(ways: &[Named]) -> Found {
    let mut rates = vec![Vec::new(); ways.len()];
    for _ in 0..ROUNDS {
        for (way, rates) in ways.iter().zip(&mut rates) {
            rates.push(load::large(&way.way, &way.large).await?);
        }
    }
    let ratios = ratios(&mut rates);
    at_least("10 MB answers, scrubbed, to direct", ratio_of(ways, &ratios, 1), 0.50, "x");
    tell(ways, &mut rates, &ratios, "MB/s");
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

/// To the first way, round by round, of which the middle one counts.
fn ratios(rates: &mut [Vec<f64>]) -> Vec<f64> {
    let direct = rates.first().cloned().unwrap_or_default();
    let to_direct = |rates: &Vec<f64>| {
        median(&mut rates.iter().zip(&direct).map(|(rate, direct)| rate / direct).collect::<Vec<_>>())
    };
    rates.iter().map(to_direct).collect()
}

fn ratio_of(ways: &[Named], ratios: &[f64], at: usize) -> f64 {
    debug_assert!(at < ways.len());
    ratios.get(at).copied().unwrap_or(f64::NAN)
}

fn tell(ways: &[Named], rates: &mut [Vec<f64>], ratios: &[f64], unit: &str) {
    for ((way, rates), ratio) in ways.iter().zip(rates).zip(ratios) {
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
    let asked = json!({"identity": "service:ci-bot", "reason": "to measure",
        "items": [{"type": "http", "upstream": "large", "methods": ["GET"], "paths": ["/**"]}]});
    let caller = ("authorization", format!("Bearer {key}"));
    let asked = call(exeat.agent, Method::POST, "/v1/approvals", caller, Some(asked)).await?;
    let approval = text(&asked, "id")?;
    let decision = json!({"statement_digest": text(&asked, "statement_digest")?,
        "items": [{"index": 0, "decision": "approve"}]});
    exeat.person(Method::POST, &format!("/v1/approvals/{approval}/decision"), Some(decision)).await?;
    let (_, answer) = http::Connection::to(exeat.agent).await?.ask(&exchange(&key, &approval)).await?;
    let token = text(&serde_json::from_slice::<Value>(&answer)?, "access_token")?;
    let root = std::fs::read_to_string(data.join("ca.pem"))?;
    let way = Way::tunnel(exeat.proxy, &key, upstream.port(), &root)?;
    Ok(Named::new(name, way, upstream.port(), Some(&token)))
}
