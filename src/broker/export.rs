//! The whole log, piece by piece: in the format that a stranger can verify (`exeat-ledger/1`), or as events for other people's tools.

use std::collections::BTreeMap;
use std::io;

use super::{Broker, unavailable};
use crate::broker::signing::public_key;
use crate::domain::ledger::KeyPurpose;
use crate::domain::ledger::checkpoint::SignedCheckpoint;
use crate::domain::ledger::export::{ExportWriter, Header};
use crate::domain::ledger::forms::Format;
use crate::domain::ledger::note::{Origin, VerifierKey};
use crate::domain::principal::Person;
use crate::domain::problem::{Problem, ProblemKind};
use crate::store::{EntryQuery, StoredEntry};

/// Entries in one piece.
const PIECE: u32 = 500;

/// An export under way: up to the head that was signed when it began, whatever is written meanwhile.
pub struct Exporting {
    lines: Lines,
    next: u64,
    size: u64,
}

/// What is written of it, and not yet taken away.
enum Lines {
    Ledger(ExportWriter<Vec<u8>>),
    Events { format: Format, origin: Origin, written: Vec<u8> },
}

impl Broker {
    /// Begins an export. That the log was read is on record before anything of it leaves.
    ///
    /// # Errors
    /// When the reading cannot be put on record, or the log's name and keys cannot be read.
    pub async fn export(&self, by: &Person, format: Format) -> Result<Exporting, Problem> {
        self.log_read(by, format.reading().to_owned()).await?;
        let newest = self.checkpoint().await?;
        let origin = SignedCheckpoint::parse(&newest.note).map_err(|_| broken())?.claim().origin.clone();
        let size = newest.size;
        if format != Format::Jsonl {
            return Ok(Exporting {
                lines: Lines::Events { format, origin, written: Vec::new() },
                next: 0,
                size,
            });
        }
        let keys = self.parts.store.keys(KeyPurpose::Ledger).await.map_err(unavailable)?;
        let key = |key: &_| public_key(key).map(|public| VerifierKey::new(origin.clone(), public));
        let keys = keys.iter().map(key).collect::<Result<_, _>>().map_err(|_| broken())?;
        let header = Header::new(origin.clone(), keys, size);
        let writer = ExportWriter::start(Vec::new(), &header).map_err(|_| broken())?;
        Ok(Exporting { lines: Lines::Ledger(writer), next: 0, size })
    }

    /// The next piece; none after the last.
    ///
    /// # Errors
    /// When the store cannot be read, or holds what no export can.
    pub async fn export_piece(&self, exporting: &mut Exporting) -> Result<Option<Vec<u8>>, Problem> {
        let Exporting { next, size, .. } = *exporting;
        if next == size {
            let rest = exporting.lines.take();
            return Ok((!rest.is_empty()).then_some(rest));
        }
        let query = EntryQuery { after: next.checked_sub(1), limit: PIECE, ..EntryQuery::default() };
        let entries = self.page(query).await?;
        let signed = self.checkpoints(next, PIECE).await?;
        let signed: BTreeMap<u64, String> = signed.into_iter().map(|head| (head.size, head.note)).collect();
        for entry in entries.iter().filter(|entry| entry.index < size) {
            let note = signed.get(&(entry.index + 1));
            exporting.lines.write(entry, note.map(String::as_str)).map_err(|_: io::Error| broken())?;
            exporting.next = entry.index + 1;
        }
        // A log that ends before its signed head would have us wait for ever.
        if exporting.next == next { Err(broken()) } else { Ok(Some(exporting.lines.take())) }
    }
}

impl Lines {
    /// Writes an entry, and the signed head after it where there is one.
    fn write(&mut self, entry: &StoredEntry, note: Option<&str>) -> io::Result<()> {
        match self {
            Self::Ledger(writer) => {
                writer.entry(entry.index, &entry.leaf, &entry.bytes)?;
                note.map_or(Ok(()), |note| writer.checkpoint(note))
            }
            Self::Events { format, origin, written } => {
                if let Some(line) = format.line(origin, entry.index, &entry.entry) {
                    written.extend_from_slice(line.as_bytes());
                    written.push(b'\n');
                }
                Ok(())
            }
        }
    }

    /// Takes away what is written so far.
    fn take(&mut self) -> Vec<u8> {
        match self {
            Self::Ledger(writer) => std::mem::take(writer.sink()),
            Self::Events { written, .. } => std::mem::take(written),
        }
    }
}

fn broken() -> Problem {
    Problem::new(ProblemKind::Internal, "The log cannot be exported as it stands; `exeat doctor` says more.")
}
