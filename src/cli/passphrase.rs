//! The vault's passphrase, asked for at a terminal and nowhere else.

use std::io::IsTerminal as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::failure::Failure;
use crate::base::secret::Secret;
use crate::boot::config::Config;
use crate::boot::{BootError, DataDir};
use crate::planes::secrets::vault::{Protection, Vault};

/// A new passphrase, typed twice.
///
/// # Errors
/// When there is no terminal, it is short, or the two differ.
pub(super) fn choose() -> Result<Secret, Failure> {
    let first = prompt("passphrase (not shown): ")?;
    if first.chars().count() < 12 {
        return Err(
            Failure::usage("the passphrase is shorter than 12 characters").with_remedy("take a few words")
        );
    }
    if *prompt("again: ")? != *first {
        return Err(Failure::usage("the two differ"));
    }
    Ok(Secret::new(first.as_bytes().to_vec()))
}

/// The passphrase of the installation at `path`, if it needs one that no file gives and somebody is there to ask.
///
/// # Errors
/// When the installation cannot be opened, or the terminal not read.
pub(super) fn existing(path: &Path) -> Result<Option<Secret>, Failure> {
    if !needed(path).map_err(|error| Failure::because("Exeat did not start", &error))?
        || !std::io::stdin().is_terminal()
    {
        return Ok(None);
    }
    let typed = prompt("passphrase of the vault (not shown): ")?;
    Ok(Some(Secret::new(typed.as_bytes().to_vec())))
}

fn needed(path: &Path) -> Result<bool, BootError> {
    let dir = DataDir::open(path)?;
    let config = Config::load(&dir.config_file())?;
    let unknown = config.vault.passphrase_file.as_os_str().is_empty();
    Ok(unknown && Vault::protection(&dir.key_file())? == Protection::Passphrase)
}

fn prompt(question: &str) -> Result<Zeroizing<String>, Failure> {
    let typed = rpassword::prompt_password(question);
    typed.map(Zeroizing::new).map_err(|error| {
        Failure::because("cannot ask for the passphrase", &error)
            .with_remedy("run it at a terminal, or name `vault.passphrase_file` in config.toml")
    })
}
