//! A million requests through one process: whether it holds more memory after them than after the first hundred thousand.

use std::time::Instant;

use tempfile::TempDir;

use super::client::Request;
use super::governed::Governed;
use super::load::{counted, open};
use super::upstream::Upstream;
use super::{FEW, MEMORY};
use crate::claim::{Found, at_most, note, number, rate, skipped};
use crate::process::scratch;

const REQUESTS: usize = 1_000_000;
/// When everything is warm.
const WARM: usize = 100_000;
/// Room that the record takes, in bytes.
const ROOM: u64 = 4_000_000_000;
/// What may be added, in MiB.
const BOUND: f64 = 8.0;

/// Measures one process over its life. The record is in a directory in memory, so that no disk is waited for; it is no memory of the
/// process.
pub(crate) async fn run() -> Found {
    let found = rustix::fs::statvfs(MEMORY)?;
    if found.f_bavail * found.f_frsize < ROOM {
        skipped("a million requests", &format!("{MEMORY} has no room for {ROOM} bytes"));
        return Ok(());
    }
    let (directory, memory) = (scratch()?, TempDir::with_prefix_in("exeat-claims-", MEMORY)?);
    let upstream = Upstream::start(directory.path())?;
    let governed = Governed::start(&memory.path().join("exeat"), &upstream).await?;
    let request = Request::of("/json", upstream.port(), Some(&governed.token));
    let connections = open(&governed.way(upstream.port())?, &request, FEW).await?;
    let began = Instant::now();
    let connections = counted(connections, &request, WARM).await?;
    let (warm, early) = (began.elapsed(), governed.exeat.process.resident()?);
    let began = Instant::now();
    let _connections = counted(connections, &request, REQUESTS - WARM).await?;
    let (rest, late) = (began.elapsed(), governed.exeat.process.resident()?);
    at_most("memory added by requests 100,000 to 1,000,000", late - early, BOUND, "MiB");
    note("the same for each of them", (late - early) * 1_048_576.0 / number(REQUESTS - WARM), "bytes");
    note("memory after 100,000 requests", early, "MiB");
    note("memory after 1,000,000 requests", late, "MiB");
    note("requests, the first 100,000", rate(WARM, warm), "/s");
    note("requests, the others", rate(REQUESTS - WARM, rest), "/s");
    Ok(())
}
