//! The run in the ledger: opened before anything runs, closed with its cause.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::Run;
use super::git;
use super::outside::End;
use super::placeholders::{Wanted, variables};
use crate::base::crypto::hash::{Digest, sha256};
use crate::base::id::RunId;
use crate::cli::failure::Failure;
use crate::domain::files::UsedFiles;
use crate::domain::run::PathText;
use crate::domain::widening::KeeperLine;
use crate::edges::client::Client;
use crate::edges::wire::{EndBody, RunBody, RunStarted};
use crate::planes::filesystem::plan::Plan;

/// Bytes of what the broker may say in one line: more than the items of an approval.
const LONGEST_LINE: usize = 4 * 1024 * 1024;

/// A run that the broker knows.
#[derive(Debug)]
pub(super) struct Opened {
    client: Client,
    granted: Granted,
    kept: Kept,
}

/// What the broker answered.
#[derive(Debug)]
pub(super) struct Granted(RunStarted);

/// The connection by which the broker knows that this process is there, and this process that the run goes on.
#[derive(Debug)]
pub(super) struct Kept {
    answer: reqwest::Response,
    /// The beginning of a line.
    begun: Vec<u8>,
}

impl Kept {
    /// What the broker says next. None when the run is over for it: it ended it, stops, is gone, or says what this one does not know.
    pub(super) async fn next(&mut self) -> Option<KeeperLine> {
        loop {
            if let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.begun.drain(..=end).collect();
                return serde_json::from_slice(&line).ok();
            }
            match self.answer.chunk().await {
                Ok(Some(chunk)) if self.begun.len() < LONGEST_LINE => self.begun.extend_from_slice(&chunk),
                _ => return None,
            }
        }
    }
}

impl Granted {
    /// The run.
    pub(super) const fn id(&self) -> RunId {
        self.0.id
    }

    /// The run's own socket, which is its identity.
    pub(super) fn socket(&self) -> &Path {
        Path::new(&self.0.socket)
    }

    /// Exeat's certificate authority.
    pub(super) fn ca(&self) -> &Path {
        Path::new(&self.0.ca)
    }

    /// The variables that name the run, those with its placeholders, and those that lead git to them, beside what is `given`.
    pub(super) fn variables(&self, given: &BTreeMap<OsString, OsString>) -> Vec<(String, String)> {
        let mut all = vec![("EXEAT_RUN".to_owned(), self.0.id.to_string())];
        all.extend(self.0.placeholders.iter().flat_map(|(upstream, held)| variables(upstream, held)));
        all.extend(git::settings(&self.0.passwords, given));
        all
    }
}

impl Opened {
    /// Opens the run.
    pub(super) async fn open(run: &Run, plan: &Plan) -> Result<Self, Failure> {
        let client = run.connection.client()?;
        let workspace = plan.workspace().to_string_lossy();
        let workspace: PathText = workspace.parse().map_err(|error| unnameable("workspace", &error))?;
        let body = RunBody {
            profile: plan.profile().short_name().parse().map_err(|error| unnameable("profile", &error))?,
            rung: plan.profile().terms().rung,
            workspace: Some(workspace),
            unsafe_no_sandbox: run.unsafe_no_sandbox,
            filesystem: plan.filesystem(),
            network: plan.network(),
            command: Some(digest(&run.command)),
            credentials: run.credential.iter().map(Wanted::body).collect(),
            wait_seconds: run.wait,
            kept: true,
        };
        let granted = Granted(client.send("/v1/runs", &body).await?);
        // From here on the broker sees when this process is killed, and ends the run. If it is before, it does in a minute.
        let answer = client.hold(&format!("/v1/runs/{}/keep", granted.0.id)).await?;
        let kept = Kept { answer, begun: Vec::new() };
        Ok(Self { client, granted, kept })
    }

    /// What the broker gave, what says that the run goes on, and who can be told of it.
    pub(super) fn parts(&mut self) -> (&Granted, &mut Kept, Client) {
        (&self.granted, &mut self.kept, self.client.clone())
    }

    /// Closes the run.
    pub(super) async fn close(self, end: End) -> Result<(), Failure> {
        let path = format!("/v1/runs/{}/end", self.granted.0.id);
        let body = EndBody {
            cause: end.cause,
            exit: Some(i32::from(end.exit)),
            strays: end.strays,
            files_unseen: end.files.as_ref().map(UsedFiles::unseen).filter(|unseen| *unseen > 0),
            files: end.files.map(UsedFiles::into_lines),
        };
        self.client.tell(&path, &body).await?;
        // Not before: the broker takes its loss for the end of this process.
        drop(self.kept);
        Ok(())
    }
}

fn unnameable(what: &str, error: &dyn std::error::Error) -> Failure {
    Failure::because(&format!("the path of the {what} cannot be shown to a person as it is"), error)
}

/// As the kernel would give the command line: each part ended by a zero byte.
fn digest(command: &[OsString]) -> Digest {
    let parts: Vec<&[u8]> = command.iter().flat_map(|part| [part.as_bytes(), &[0]]).collect();
    sha256(&parts)
}
