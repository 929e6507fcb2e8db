//! Uses on record: many callers share a commit and a sync, one caller has them to itself.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::bed::Bed;
use crate::claim::{Found, at_least, median, millis, note};
use crate::process::scratch;

const CALLERS: usize = 64;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(1500);

/// Measures in turns, on the disk that holds the build.
pub(crate) async fn run() -> Found {
    let directory = scratch()?;
    let bed = Arc::new(Bed::in_file(&directory.path().join("uses.db")).await?);
    let (mut many, mut one, mut ratio, mut sync) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let alone = bed.uses(1, ROUND).await?;
        let together = bed.uses(CALLERS, ROUND).await?;
        one.push(alone);
        many.push(together);
        ratio.push(together / alone);
        sync.push(one_sync(directory.path())?);
    }
    let sync = median(&mut sync);
    let bound = if sync > 2.0 { 20.0 } else { 3.0 };
    at_least("durable uses, 64 callers to one use a commit", median(&mut ratio), bound, "x");
    note("one sync of this disk", sync, "ms");
    note("durable uses, 64 callers", median(&mut many), "/s");
    note("durable uses, one caller", median(&mut one), "/s");
    let bed = Arc::new(Bed::in_memory().await?);
    let mut memory = Vec::new();
    for _ in 0..ROUNDS {
        memory.push(bed.uses(CALLERS, ROUND).await?);
    }
    at_least("uses in memory, 64 callers", median(&mut memory), 15_000.0, "/s");
    Ok(())
}

/// Milliseconds to append 4 KiB and sync them, as the middle one of many.
pub(crate) fn one_sync(directory: &Path) -> Found<f64> {
    let mut file = File::create(directory.join("sync"))?;
    let mut times = Vec::new();
    for _ in 0..50 {
        file.write_all(&[7; 4096])?;
        let began = Instant::now();
        file.sync_data()?;
        times.push(millis(began.elapsed()));
    }
    Ok(median(&mut times))
}
