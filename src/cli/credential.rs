//! `exeat credential`: upstream secrets on their way into the vault. None ever comes out.

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use zeroize::{Zeroize as _, Zeroizing};

use super::failure::{Exit, Failure};
use super::output::{DONE, Output};
use super::settings::ReviewSide;
use crate::domain::identity::Identity;
use crate::domain::name::Name;
use crate::edges::wire::{CredentialBody, CredentialList, CredentialView, SecretText};

/// The longest secret that is read, in bytes.
const LONGEST: usize = 16 * 1024;

/// Seal upstream secrets; they go in and never come out again.
#[derive(Debug, Subcommand)]
pub(crate) enum Credential {
    Add(Add),
    Rotate(Rotate),
    List(List),
}

/// Seal a secret for an upstream and an acting identity.
///
/// The secret is read from standard input, from --secret-file, or at a prompt; never from an argument. One newline at its
/// end is left out.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  exeat credential add --upstream github --identity service:ci-bot < token.txt
  pass show github/ci | exeat credential add --upstream github --identity service:ci-bot
  exeat credential add --upstream github --identity service:ci-bot        asks at the terminal")]
pub(crate) struct Add {
    #[command(flatten)]
    put: Put,
}

/// Seal a new secret in the place of an older one; approvals given for the older one become stale.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  exeat credential rotate --upstream github --identity service:ci-bot < new-token.txt")]
pub(crate) struct Rotate {
    #[command(flatten)]
    put: Put,
}

#[derive(Args, Debug)]
struct Put {
    /// The upstream it is for.
    #[arg(long, value_name = "NAME")]
    upstream: Name,
    /// Whom the upstream will see.
    #[arg(long, value_name = "IDENTITY")]
    identity: Identity,
    /// A file that holds the secret and nothing else.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    #[command(flatten)]
    side: ReviewSide,
}

/// List the credentials, without their secrets.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  exeat credential list")]
pub(crate) struct List {
    #[command(flatten)]
    side: ReviewSide,
}

impl Credential {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        match self {
            Self::Add(add) => add.put.run(output, false).await,
            Self::Rotate(rotate) => rotate.put.run(output, true).await,
            Self::List(list) => list.run(output).await,
        }
    }
}

impl Put {
    async fn run(self, output: Output, again: bool) -> Result<Exit, Failure> {
        let client = self.side.client()?;
        let list: CredentialList = client.read("/v1/credentials", &[]).await?;
        let same =
            |known: &CredentialView| known.upstream == self.upstream && known.identity == self.identity;
        let exists = list.credentials.iter().any(same);
        // The listener takes both for the same thing; a person who types one of them means that one.
        if exists != again {
            let (what, remedy) =
                if exists { ("there is one already", "rotate") } else { ("there is none yet", "add") };
            return Err(Failure::refused(format!(
                "credential for {} as {}: {what}",
                self.upstream, self.identity
            ))
            .with_remedy(format!(
                "exeat credential {remedy} --upstream {} --identity {}",
                self.upstream, self.identity
            )));
        }
        let secret = secret(self.secret_file.as_deref())?;
        let body = CredentialBody { upstream: self.upstream, identity: self.identity, secret };
        let sealed: CredentialView = client.send("/v1/credentials", &body).await?;
        output.answer(&sealed, |page| {
            page.line(format!("sealed: {}, version {}", sealed.id, sealed.version));
            page.field("for", format!("{} as {}", sealed.upstream, sealed.identity));
        })?;
        DONE
    }
}

impl List {
    async fn run(self, output: Output) -> Result<Exit, Failure> {
        let list: CredentialList = self.side.client()?.read("/v1/credentials", &[]).await?;
        output.answer(&list, |page| {
            let row = |known: &CredentialView| {
                vec![
                    known.id.to_string(),
                    known.upstream.to_string(),
                    known.identity.to_string(),
                    known.version.to_string(),
                ]
            };
            let rows = list.credentials.iter().map(row).collect();
            page.table(
                &["credential", "upstream", "acts as", "version"],
                rows,
                "no credential yet: exeat credential add …",
            );
        })?;
        DONE
    }
}

fn secret(file: Option<&Path>) -> Result<SecretText, Failure> {
    let text = match file {
        Some(file) => read(
            std::fs::File::open(file)
                .map_err(|error| Failure::because(&format!("cannot read {}", file.display()), &error))?,
        )?,
        None if std::io::stdin().is_terminal() => rpassword::prompt_password("secret (not shown): ")?,
        None => read(std::io::stdin().lock())?,
    };
    let mut text = Zeroizing::new(text);
    let meant =
        text.strip_suffix('\n').map_or(text.len(), |line| line.strip_suffix('\r').unwrap_or(line).len());
    text.truncate(meant);
    if text.is_empty() {
        return Err(Failure::usage("the secret is empty")
            .with_remedy("give it on standard input, or with --secret-file"));
    }
    Ok(SecretText::new(std::mem::take(&mut *text)))
}

/// Reads into memory that never grows, so that no copy is left behind.
fn read(mut source: impl std::io::Read) -> Result<String, Failure> {
    let mut buffer = Zeroizing::new(Vec::with_capacity(LONGEST + 3));
    let taken = source.by_ref().take(LONGEST as u64 + 3).read_to_end(&mut buffer)?;
    if taken > LONGEST + 2 {
        return Err(Failure::usage("the secret is longer than 16 KiB"));
    }
    String::from_utf8(std::mem::take(&mut *buffer)).map_err(|error| {
        error.into_bytes().zeroize();
        Failure::usage("the secret is not text")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_newline_at_the_end_is_not_part_of_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        for (written, meant) in
            [("abcdefgh", "abcdefgh"), ("abcdefgh\n", "abcdefgh"), ("a b\r\n", "a b"), ("a\n\n", "a\n")]
        {
            std::fs::write(&file, written).unwrap();
            assert_eq!(secret(Some(&file)).unwrap().reveal(), meant);
        }
        std::fs::write(&file, "\n").unwrap();
        assert_eq!(secret(Some(&file)).unwrap_err().exit(), Exit::Usage);
        std::fs::write(&file, "x".repeat(LONGEST + 3)).unwrap();
        assert_eq!(secret(Some(&file)).unwrap_err().exit(), Exit::Usage);
    }
}
