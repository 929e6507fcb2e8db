//! Load in four shapes. A round takes as long as it says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::client::{Connection, Request, Way};
use crate::claim::{Found, millis, number};

pub(super) const ROUND: Duration = Duration::from_millis(1500);
/// Requests a second where waiting is measured, and on how many connections.
const PACE: u64 = 500;
const PACED: u64 = 8;
/// Who connects anew at once, and who reads large bodies at once.
const ANEW: usize = 8;
const LARGE: usize = 2;

/// Connections that are kept.
pub(super) async fn open(way: &Way, request: &Request, connections: usize) -> Found<Vec<Connection>> {
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        let mut connection = Connection::by(way).await?;
        // The first one pays for the connection behind the proxy.
        connection.ask(request).await?;
        open.push(connection);
    }
    Ok(open)
}

/// Requests a second on connections that are kept.
pub(super) async fn kept(way: &Arc<Way>, request: &Request, connections: usize) -> Found<f64> {
    let open = open(way, request, connections).await?;
    let (began, mut tasks) = (Instant::now(), JoinSet::new());
    for mut connection in open {
        let request = request.clone();
        drop(tasks.spawn(async move {
            let mut count = 0;
            while began.elapsed() < ROUND {
                connection.ask(&request).await?;
                count += 1;
            }
            Found::Ok(count)
        }));
    }
    Ok(sum(tasks).await? / began.elapsed().as_secs_f64())
}

/// So many requests on these connections, shared evenly; gives the connections back.
pub(super) async fn counted(
    open: Vec<Connection>,
    request: &Request,
    count: usize,
) -> Found<Vec<Connection>> {
    let (each, mut tasks) = (count / open.len().max(1), JoinSet::new());
    for mut connection in open {
        let request = request.clone();
        drop(tasks.spawn(async move {
            for _ in 0..each {
                connection.ask(&request).await?;
            }
            Found::Ok(connection)
        }));
    }
    let mut open = Vec::new();
    while let Some(connection) = tasks.join_next().await {
        open.push(connection??);
    }
    Ok(open)
}

/// Milliseconds of each request at a steady pace.
pub(super) async fn paced(way: &Arc<Way>, request: &Request) -> Found<Vec<f64>> {
    let mut tasks = JoinSet::new();
    let every = Duration::from_micros(1_000_000 * PACED / PACE);
    for number in 0..PACED {
        let (way, request) = (Arc::clone(way), request.clone());
        drop(tasks.spawn(async move {
            let mut connection = Connection::by(&way).await?;
            connection.ask(&request).await?;
            let first = tokio::time::Instant::now() + every * u32::try_from(number)? / u32::try_from(PACED)?;
            let mut ticks = tokio::time::interval_at(first, every);
            let (began, mut times) = (Instant::now(), Vec::new());
            while began.elapsed() < ROUND {
                ticks.tick().await;
                let asked = Instant::now();
                connection.ask(&request).await?;
                times.push(millis(asked.elapsed()));
            }
            Found::Ok(times)
        }));
    }
    let mut all = Vec::new();
    while let Some(times) = tasks.join_next().await {
        all.extend(times??);
    }
    Ok(all)
}

/// Requests a second, each on a connection of its own.
pub(super) async fn anew(way: &Arc<Way>, request: &Request) -> Found<f64> {
    each_anew(way, request, ANEW, |_| 1).await
}

/// Megabytes a second of large bodies, each on a connection of its own.
pub(super) async fn large(way: &Arc<Way>, request: &Request) -> Found<f64> {
    Ok(each_anew(way, request, LARGE, |bytes| bytes).await? / 1e6)
}

/// What the bodies count for, in a second.
async fn each_anew(
    way: &Arc<Way>,
    request: &Request,
    at_once: usize,
    counts: fn(usize) -> usize,
) -> Found<f64> {
    let (began, mut tasks) = (Instant::now(), JoinSet::new());
    for _ in 0..at_once {
        let (way, request) = (Arc::clone(way), request.clone());
        drop(tasks.spawn(async move {
            let mut sum = 0;
            while began.elapsed() < ROUND {
                sum += counts(Connection::by(&way).await?.ask(&request).await?);
            }
            Found::Ok(sum)
        }));
    }
    Ok(sum(tasks).await? / began.elapsed().as_secs_f64())
}

/// What the tasks counted, together.
pub(super) async fn sum(mut tasks: JoinSet<Found<usize>>) -> Found<f64> {
    let mut all = 0;
    while let Some(count) = tasks.join_next().await {
        all += count??;
    }
    Ok(number(all))
}
