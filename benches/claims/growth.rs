//! A log of a million entries: whether appending to it is slower, and how long a report takes.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use exeat::base::clock::Clock as _;
use exeat::base::id::{ApprovalId, TokenId};
use exeat::base::random::SystemRandomness;
use exeat::base::secret::Secret;
use exeat::base::tasks::Tasks;
use exeat::boot::DataDir;
use exeat::broker::open_key;
use exeat::domain::approval::Exchange;
use exeat::domain::ledger::{Entry, Event, KeyPurpose};
use exeat::domain::usage::{Outcome, UseStart};
use exeat::planes::secrets::vault::Vault;
use exeat::store::sqlite::{Signer, SqliteFile};
use hyper::Method;

use crate::bed::{Bed, open};
use crate::claim::{Found, at_most, median, millis, note};
use crate::process::{Exeat, init, scratch};

const ENTRIES: u64 = 1_000_000;
/// Uses of one made-up token before the next one's.
const USES: usize = 20;
/// Uses of the token that the report is about.
const REPORTED: usize = 200;
const CALLERS: usize = 64;
const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(700);

/// Measures a long log beside a short one, in turns.
pub(crate) async fn run() -> Found {
    let directory = scratch()?;
    let data = directory.path().join("exeat");
    let review_key = init(&data)?;
    let long = Arc::new(installed(&data).await?);
    let token = long.token().await?;
    for _ in 0..REPORTED {
        used(&long, &token).await?;
    }
    fill(&long, &token).await?;
    let (mut early, mut late, mut ratio) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Each short log ends well below 50,000 entries.
        let short = Arc::new(Bed::in_file(&directory.path().join(format!("short-{round}.db"))).await?);
        let first = short.uses(CALLERS, ROUND).await?;
        let last = long.uses(CALLERS, ROUND).await?;
        early.push(first);
        late.push(last);
        ratio.push((first / last - 1.0) * 100.0);
    }
    at_most("an append after 1,000,000 entries is slower by", median(&mut ratio), 10.0, "%");
    note("appends, 0 to 50,000 entries", median(&mut early), "/s");
    note("appends, after 1,000,000 entries", median(&mut late), "/s");
    Arc::into_inner(long).ok_or("the store is in use")?.closed().await;
    report(&data, review_key, token.token()).await
}

/// The store of an installation, furnished.
async fn installed(data: &Path) -> Found<Bed> {
    let random = SystemRandomness::default();
    let dir = DataDir::open(data)?;
    let vault = Vault::load(&dir.key_file(), None::<&Secret>, &random)?;
    let file = SqliteFile::open(&dir.store_file()).await?;
    let key = open_key(KeyPurpose::Ledger, &file.keys(KeyPurpose::Ledger).await?, &vault)?;
    let origin = file.origin().await?.ok_or("no log")?;
    let tasks = Tasks::new();
    let store = Arc::new(file.start(Signer { origin, key }, &tasks).await?);
    Bed::furnished(store, tasks).await
}

/// One use, begun and ended.
async fn used(bed: &Bed, token: &Exchange) -> Found {
    let start = bed.begun(token)?;
    bed.store.start_use(start.clone()).await?;
    bed.store.finish_use(open(&start), Some(outcome()), bed.clock.now()).await?;
    Ok(())
}

fn outcome() -> Outcome {
    Outcome { status: Some(200), bytes_up: 0, bytes_down: 4096, broken: None, masked: None }
}

/// Uses of other tokens, until there are a million entries.
async fn fill(bed: &Bed, like: &Exchange) -> Found {
    while bed.store.head().await?.size < ENTRIES {
        let mut entries = Vec::new();
        for _ in 0..25 {
            let (approval, token) =
                (ApprovalId::new(&bed.clock, &bed.random)?, TokenId::new(&bed.clock, &bed.random)?);
            for _ in 0..USES {
                let start = UseStart { approval, token, ..bed.begun(like)? };
                let at = start.at;
                entries.push(Entry { at, event: Event::UseStarted(start.clone()) });
                entries.push(Entry { at, event: finished(&start) });
            }
        }
        bed.store.append(entries).await?;
    }
    Ok(())
}

fn finished(start: &UseStart) -> Event {
    let UseStart { id, approval, token, agent, run, .. } = *start;
    Event::UseFinished { id, token, approval, agent, run, outcome: outcome() }
}

async fn report(data: &Path, review_key: String, token: TokenId) -> Found {
    let exeat = Exeat::serve(data, review_key)?;
    let mut times = Vec::new();
    for _ in 0..21 {
        let began = Instant::now();
        let report = exeat.person(Method::GET, &format!("/v1/reports/{token}"), None).await?;
        times.push(millis(began.elapsed()));
        if report.pointer("/used/0/count") != Some(&REPORTED.into()) {
            return Err(format!("not the report: {report}").into());
        }
    }
    at_most("report for one token, 1,000,000 entries present", median(&mut times), 50.0, "ms");
    Ok(())
}
