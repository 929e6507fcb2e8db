//! One database, opened: locked for this process, its schema brought up to date, not yet written to.
//!
//! The key that signs the log is itself kept in the database, sealed. So a store opens in two stages: [`SqliteFile`] gives the
//! sealed keys, and [`SqliteFile::start`] takes the opened one.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqlitePool};
use tokio::sync::mpsc;

use super::changes;
use super::error::corrupt;
use super::line::Tree;
use super::lookup::Lookup;
use super::read;
use super::store::SqliteStore;
use super::writer::Writer;
use crate::base::crypto::sign::SigningKey;
use crate::base::tasks::Tasks;
use crate::domain::ledger::KeyPurpose;
use crate::domain::ledger::note::Origin;
use crate::store::{SealedKey, StoreError};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// Connections that read.
const READERS: u32 = 4;

/// Steps that may wait for the writer. More wait for room, within the time that any step may take.
const QUEUE: usize = 4096;

/// Who signs the heads of the log.
pub struct Signer {
    /// The log's name.
    pub origin: Origin,
    /// Its key.
    pub key: SigningKey,
}

/// A database that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Two processes on one log would sign two histories.
    #[error("{0} is in use by another process; stop that one first")]
    InUse(PathBuf),
    /// A newer Exeat has written it.
    #[error("{path} was written by a newer version (schema {schema}); run that version, or restore a backup")]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema's number.
        schema: i64,
    },
    /// The schema could not be brought up to date.
    #[error("the schema of {path} could not be brought up to date")]
    Schema {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<MigrateError>,
    },
    /// The file cannot be opened, or its mode not be set to 0600.
    #[error("{path} cannot be opened")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A database, locked and up to date, before anything is written to its log.
pub struct SqliteFile {
    reader: SqlitePool,
    writer: SqlitePool,
    lock: Option<Arc<File>>,
}

impl SqliteFile {
    /// Opens or makes the database at `path`, readable by its owner alone (J13).
    ///
    /// # Errors
    /// When another process has it open, a newer version wrote it, or it cannot be opened.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        let lock = lock(path)?;
        // SQLite gives the write-ahead and shared-memory files the mode of the database file.
        private(path).map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let writer = pool(1, options.clone()).await?;
        migrate(&writer, path).await?;
        let reader = pool(READERS, options.pragma("query_only", "ON")).await?;
        Ok(Self { reader, writer, lock: Some(Arc::new(lock)) })
    }

    /// A database that ends with this value. The same code runs over it; readers and the writer take turns.
    ///
    /// # Errors
    /// When SQLite cannot start.
    pub async fn in_memory() -> Result<Self, OpenError> {
        let writer = pool(1, SqliteConnectOptions::new().in_memory(true)).await?;
        migrate(&writer, Path::new(":memory:")).await?;
        Ok(Self { reader: writer.clone(), writer, lock: None })
    }

    /// The signing keys of one purpose, oldest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn keys(&self, purpose: KeyPurpose) -> Result<Vec<SealedKey>, StoreError> {
        read::keys(&self.reader, purpose).await
    }

    /// The log's name; none before [`SqliteFile::install`].
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn origin(&self) -> Result<Option<Origin>, StoreError> {
        let found: Option<String> = sqlx::query_scalar("SELECT value FROM meta WHERE name = 'origin'")
            .fetch_optional(&self.reader)
            .await?;
        found.map(|text| text.parse().map_err(|_| corrupt("meta", "origin"))).transpose()
    }

    /// Makes an installation: the log's name and the first keys, all or nothing. Its entries come after, as the log cannot be
    /// written before its key is there.
    ///
    /// # Errors
    /// `Conflict` when there is an installation already.
    pub async fn install(&self, origin: &Origin, keys: &[SealedKey]) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("INSERT INTO meta (name, value) VALUES ('origin', ?1)")
            .bind(origin.as_str())
            .execute(&mut *transaction)
            .await?;
        for key in keys {
            changes::add_key(&mut transaction, key).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Starts the writer and what looks up tokens. They end with `tasks`: what is asked after [`Tasks::stop`] is refused, so give the store tasks of its
    /// own and stop them last.
    ///
    /// # Errors
    /// `Corrupt` when the head of the log and its entries do not agree.
    pub async fn start(self, signer: Signer, tasks: &Tasks) -> Result<SqliteStore, StoreError> {
        let tree = {
            let mut db = self.writer.acquire().await?;
            Tree::load(&mut db).await?
        };
        let (steps, queue) = mpsc::channel(QUEUE);
        let writer =
            Writer { pool: self.writer, signer, queue, tree: Some(tree), db: None, lock: self.lock.clone() };
        tasks.spawn(writer.run(tasks.clone()));
        let lookup = Lookup::start(self.reader.clone(), tasks);
        Ok(SqliteStore::new(self.reader, lookup, steps, self.lock))
    }
}

/// Takes the lock beside the database. The kernel gives it back however the process ends.
fn lock(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let beside = PathBuf::from(name);
    let io = |source| OpenError::Io { path: beside.clone(), source };
    let file = private(&beside).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}

/// Opens or makes a file with mode 0600, whatever it had.
fn private(path: &Path) -> std::io::Result<File> {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

async fn pool(connections: u32, options: SqliteConnectOptions) -> Result<SqlitePool, StoreError> {
    let options =
        options.foreign_keys(true).busy_timeout(Duration::from_millis(500)).disable_statement_logging();
    // No sorting in files beside the database (J13), and no function from the schema that could reach out.
    let options = options.pragma("temp_store", "MEMORY").pragma("trusted_schema", "OFF");
    // Moving the write-ahead log into the database is paid by the commit that comes next: rarely, and then more at once. In pages.
    let options = options.pragma("wal_autocheckpoint", "4096");
    let pool = SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        // In memory the connection is the database: it is never given up.
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(1))
        .connect_with(options)
        .await?;
    Ok(pool)
}

async fn migrate(pool: &SqlitePool, path: &Path) -> Result<(), OpenError> {
    MIGRATIONS.run(pool).await.map_err(|error| match error {
        MigrateError::VersionMissing(schema) => OpenError::Newer { path: path.to_owned(), schema },
        source => OpenError::Schema { path: path.to_owned(), source: Box::new(source) },
    })
}
