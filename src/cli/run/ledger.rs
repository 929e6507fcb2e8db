//! The run in the ledger: opened before anything runs, closed with its cause.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Run;
use crate::base::crypto::hash::sha256;
use crate::cli::failure::Failure;
use crate::edges::client::Client;
use crate::planes::filesystem::plan::Plan;

/// A run that the broker knows.
#[derive(Debug)]
pub(super) struct Opened {
    client: Client,
    granted: Granted,
}

/// What the broker answers.
#[derive(Debug, Deserialize)]
pub(super) struct Granted {
    /// The run.
    id: String,
    /// Its own socket, which is its identity.
    pub(super) socket: PathBuf,
    /// Exeat's certificate authority.
    pub(super) ca: PathBuf,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The command ended by itself.
    Exited,
    /// A signal ended it that nobody here passed on.
    Signalled,
    /// A person or the system asked it to end.
    Interrupted,
    /// It did what a program may not do.
    AgentCrashed,
    /// The shim or the walls failed.
    ShimCrashed,
    /// Its time was up.
    Timeout,
}

impl Cause {
    const fn name(self) -> &'static str {
        match self {
            Self::Exited => "exited",
            Self::Signalled => "signalled",
            Self::Interrupted => "interrupted",
            Self::AgentCrashed => "agent_crashed",
            Self::ShimCrashed => "shim_crashed",
            Self::Timeout => "timeout",
        }
    }
}

impl Opened {
    /// Opens the run.
    pub(super) async fn open(run: &Run, plan: &Plan) -> Result<Self, Failure> {
        let client = run.connection.client()?;
        let mut body = json!({
            "profile": plan.profile().name(),
            "rung": plan.profile().terms().rung.name(),
            "workspace": plan.workspace(),
            "unsafe_no_sandbox": run.unsafe_no_sandbox,
            "filesystem": plan.filesystem(),
            "network": plan.network(),
            "command_digest": digest(&run.command),
        });
        if let (Some(person), Some(members)) = (&run.person, body.as_object_mut()) {
            drop(members.insert("person".to_owned(), Value::from(person.clone())));
        }
        let granted = client.send("/v1/runs", &body).await?;
        Ok(Self { client, granted })
    }

    /// What the broker gave.
    pub(super) const fn granted(&self) -> &Granted {
        &self.granted
    }

    /// Closes the run.
    pub(super) async fn close(self, cause: Cause, exit: Option<u8>) -> Result<(), Failure> {
        let path = format!("/v1/runs/{}/end", self.granted.id);
        let mut body = json!({ "cause": cause.name() });
        if let (Some(exit), Some(members)) = (exit, body.as_object_mut()) {
            drop(members.insert("exit".to_owned(), Value::from(exit)));
        }
        drop(self.client.send::<Value>(&path, &body).await?);
        Ok(())
    }
}

/// As the kernel would give the command line: each part ended by a zero byte.
fn digest(command: &[OsString]) -> String {
    let parts: Vec<&[u8]> = command.iter().flat_map(|part| [part.as_bytes(), &[0]]).collect();
    sha256(&parts).to_string()
}
