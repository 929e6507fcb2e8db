//! The data directory: that it is there, that it is its owner's alone, that its settings can be read.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::Finding;
use crate::boot::DataDir;
use crate::boot::config::Config;
use crate::cli::output::listed;

const DIRECTORY: &str = "data directory";

/// Looks at the directory, the files in it and the settings.
pub(super) fn look(path: &Path) -> Vec<Finding> {
    match DataDir::open(path) {
        Ok(dir) => {
            let mut findings =
                vec![Finding::ok(DIRECTORY, format!("{} is its owner's alone", path.display()))];
            findings.extend(owner(path));
            findings.push(files(path));
            findings.push(settings(&dir));
            findings.extend(opened(&dir));
            findings
        }
        // The message names the remedy.
        Err(error) => {
            vec![Finding::wrong(DIRECTORY, error.to_string(), "see `exeat doctor --help` for --data-dir")]
        }
    }
}

fn owner(path: &Path) -> Option<Finding> {
    let me = rustix::process::geteuid().as_raw();
    let owner = fs::metadata(path).ok()?.uid();
    let found = format!("it belongs to user {owner}, and this is user {me}");
    (owner != me).then(|| Finding::weak("owner", found, "run `exeat` as the user it belongs to"))
}

/// No file in the directory may be read or written by anybody else.
fn files(path: &Path) -> Finding {
    const CHECK: &str = "file modes";
    let remedy = format!("chmod -R go= {}", path.display());
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => return Finding::wrong(CHECK, format!("cannot list it: {error}"), "run as its owner"),
    };
    let open = |entry: &fs::DirEntry| entry.metadata().map_or(true, |metadata| metadata.mode() & 0o077 != 0);
    let open: Vec<String> = entries
        .flatten()
        .filter(open)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    if open.is_empty() {
        return Finding::ok(CHECK, "every file is 0600 or stricter");
    }
    Finding::wrong(CHECK, format!("others may use {}", open.join(", ")), remedy)
}

/// B10: private ranges that are open to hosts granted to runs are said aloud, as those of upstreams are.
fn opened(dir: &DataDir) -> Option<Finding> {
    let ranges = Config::load(&dir.config_file()).ok()?.proxy.allow_addresses;
    if ranges.is_empty() {
        return None;
    }
    let remedy =
        "keep `proxy.allow_addresses` as narrow as it can be; leave it empty if no granted host is at one";
    Some(Finding::weak("private addresses of runs", format!("allowed: {}", listed(&ranges)), remedy))
}

fn settings(dir: &DataDir) -> Finding {
    match Config::load(&dir.config_file()) {
        Ok(_) => Finding::ok("settings", "config.toml is understood"),
        Err(error) => {
            Finding::wrong("settings", error.to_string(), "correct the line it names, or remove it")
        }
    }
}
