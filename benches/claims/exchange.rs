//! The exchange over HTTP: against a bare commit of the same disk, and against OpenBao under the same load.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqliteConnection};

use crate::claim::{Found, at_least, at_most, median, millis, note, quantile, skipped};
use crate::http::{Connection, Load, Shot, load};
use crate::openbao::OpenBao;
use crate::process::{Exeat, scratch, text};

/// Exchanges and commits, in turns, so many in a row for one ratio.
const PAIRS: usize = 600;
/// What lies between two requests at low load.
const PAUSE: Duration = Duration::from_millis(3);

const CONNECTIONS: usize = 32;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);

/// Measures both.
pub(crate) async fn run() -> Found {
    let directory = scratch()?;
    let exeat = Exeat::start(&directory.path().join("exeat")).await?;
    let exchange = exeat.exchange(&exeat.approval().await?);
    on_one_thread(|| low_load(&exeat, &exchange, directory.path()))?;
    let openbao = match OpenBao::start(directory.path()).await {
        Ok(openbao) => openbao,
        Err(error) => {
            skipped("exchange and introspection against OpenBao", &error.to_string());
            return Ok(());
        }
    };
    issuing(&exeat, exchange.clone(), &openbao).await?;
    introspecting(&exeat, &exchange, &openbao).await
}

/// Whoever asks sleeps in one thread until the answer is there: that its own threads wake each other is not what is measured.
fn on_one_thread<F: Future<Output = Found>>(work: impl FnOnce() -> F + Send) -> Found {
    let done = std::thread::scope(|scope| {
        let alone = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(work())
        });
        alone.join()
    });
    done.map_err(|_| "the measuring thread panicked")?
}

async fn low_load(exeat: &Exeat, exchange: &Shot, directory: &Path) -> Found {
    let mut bare = bare(&directory.join("bare.db")).await?;
    let mut connection = Connection::to(exeat.agent).await?;
    let (mut ratios, mut exchanges, mut commits) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (mut ours, mut theirs) = pairs(exchange, round * PAIRS, (&mut connection, &mut bare)).await?;
        ratios.push(quantile(&mut ours, 0.99) / quantile(&mut theirs, 0.99));
        exchanges.append(&mut ours);
        commits.append(&mut theirs);
    }
    let (slow, slow_commit) = (quantile(&mut exchanges, 0.99), quantile(&mut commits, 0.99));
    at_most("exchange p99 to bare commit p99, low load", median(&mut ratios), 3.0, "x");
    note("the largest of those ratios", quantile(&mut ratios, 1.0), "x");
    note("exchange median to bare commit median", median(&mut exchanges) / median(&mut commits), "x");
    note("exchange median, low load", median(&mut exchanges), "ms");
    note("exchange p99, low load", slow, "ms");
    note("bare commit median", median(&mut commits), "ms");
    note("bare commit p99", slow_commit, "ms");
    Ok(())
}

/// Milliseconds of exchanges and of bare commits, in turns.
async fn pairs(
    exchange: &Shot,
    first: usize,
    (connection, bare): (&mut Connection, &mut SqliteConnection),
) -> Found<(Vec<f64>, Vec<f64>)> {
    let (mut exchanges, mut commits) = (Vec::new(), Vec::new());
    for pair in first..first + PAIRS {
        let began = Instant::now();
        let (status, body) = connection.ask(exchange).await?;
        exchanges.push(millis(began.elapsed()));
        if status != 200 {
            return Err(format!("exchange: {status} {}", String::from_utf8_lossy(&body)).into());
        }
        tokio::time::sleep(PAUSE).await;
        let began = Instant::now();
        commit(bare, pair).await?;
        commits.push(millis(began.elapsed()));
        tokio::time::sleep(PAUSE).await;
    }
    Ok((exchanges, commits))
}

/// A database with nothing but a row a commit, as durable as Exeat's.
async fn bare(path: &Path) -> Found<SqliteConnection> {
    let mut bare = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging()
        .connect()
        .await?;
    sqlx::query("CREATE TABLE rows (id INTEGER PRIMARY KEY, body BLOB NOT NULL)").execute(&mut bare).await?;
    Ok(bare)
}

async fn commit(bare: &mut SqliteConnection, pair: usize) -> Found {
    let body = vec![7_u8; 500];
    sqlx::query("INSERT INTO rows (id, body) VALUES (?1, ?2)")
        .bind(i64::try_from(pair)?)
        .bind(body)
        .execute(bare)
        .await?;
    Ok(())
}

async fn issuing(exeat: &Exeat, exchange: Shot, openbao: &OpenBao) -> Found {
    let ours = Arc::new(vec![exchange]);
    let theirs = Arc::new(vec![openbao.token()]);
    let mut sides = Sides::default();
    for _ in 0..ROUNDS {
        let ours = load(exeat.agent, CONNECTIONS, ROUND, &ours).await?;
        sides.add(ours, load(openbao.address, CONNECTIONS, ROUND, &theirs).await?)?;
    }
    at_least("exchanges to OpenBao's identity tokens", median(&mut sides.ratio), 3.0, "x");
    sides.notes();
    Ok(())
}

async fn introspecting(exeat: &Exeat, exchange: &Shot, openbao: &OpenBao) -> Found {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut connection = (Connection::to(exeat.agent).await?, Connection::to(openbao.address).await?);
    for _ in 0..64 {
        let (_, answer) = connection.0.ask(exchange).await?;
        ours.push(exeat.introspection(&text(&serde_json::from_slice(&answer)?, "access_token")?));
        let (_, answer) = connection.1.ask(&openbao.token()).await?;
        theirs.push(openbao.introspection(&text(&serde_json::from_slice(&answer)?, "data.token")?));
    }
    let (ours, theirs) = (Arc::new(ours), Arc::new(theirs));
    let mut sides = Sides::default();
    for _ in 0..ROUNDS {
        let ours = load(exeat.agent, CONNECTIONS, ROUND, &ours).await?;
        sides.add(ours, load(openbao.address, CONNECTIONS, ROUND, &theirs).await?)?;
    }
    at_least("introspections to OpenBao's", median(&mut sides.ratio), 8.0, "x");
    sides.notes();
    Ok(())
}

/// Rates and times of both sides, a round each.
#[derive(Default)]
struct Sides {
    ratio: Vec<f64>,
    rates: (Vec<f64>, Vec<f64>),
    slow: (Vec<f64>, Vec<f64>),
}

impl Sides {
    fn add(&mut self, ours: Load, theirs: Load) -> Found {
        let (mut ours, mut theirs) = (ours.clean()?, theirs.clean()?);
        self.ratio.push(ours.rate / theirs.rate);
        self.rates.0.push(ours.rate);
        self.rates.1.push(theirs.rate);
        self.slow.0.push(ours.quantile(0.99));
        self.slow.1.push(theirs.quantile(0.99));
        Ok(())
    }

    fn notes(&mut self) {
        note("Exeat, 32 connections", median(&mut self.rates.0), "/s");
        note("OpenBao, 32 connections", median(&mut self.rates.1), "/s");
        note("Exeat p99", median(&mut self.slow.0), "ms");
        note("OpenBao p99", median(&mut self.slow.1), "ms");
    }
}
