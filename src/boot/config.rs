//! The settings: `config.default.toml`, and over it what the data directory's `config.toml` says.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::Deserialize;

use crate::domain::approval::{Policy, PolicyRefusal};
use crate::planes::network::addresses::judge_allowance;

/// The defaults, as they are shipped.
pub const DEFAULTS: &str = include_str!("../../config.default.toml");

/// The most that `proxy.inspect_bytes` may be: each of 32 bodies at once may be so long, and as long again unpacked.
const MAX_INSPECTED: usize = 16 * 1024 * 1024;

/// Every setting.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to listen.
    pub listen: Listen,
    /// The review policy.
    pub policy: Policy,
    /// The egress proxy.
    pub proxy: ProxySettings,
    /// The vault.
    pub vault: VaultSettings,
    /// The broker's own log.
    pub log: LogSettings,
}

/// The three listeners.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// For agents.
    pub agent: SocketAddr,
    /// For people.
    pub review: SocketAddr,
    /// For agents' requests.
    pub proxy: SocketAddr,
}

/// The egress proxy.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxySettings {
    /// Connections open at once.
    pub max_connections: usize,
    /// Seconds to connect.
    pub dial_seconds: u64,
    /// Requests at once on one client's connection of HTTP/2.
    pub max_streams: u32,
    /// How long an upstream connection waits for its next request.
    pub idle_upstream_seconds: u64,
    /// How many wait, in all.
    pub idle_upstream_connections: usize,
    /// The longest body that is read for a rule about it, in bytes.
    pub inspect_bytes: usize,
    /// Where hosts may be that are granted to runs, beside the public addresses.
    pub allow_addresses: Vec<IpNet>,
}

/// The vault.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaultSettings {
    /// Where the passphrase is; empty for none.
    pub passphrase_file: PathBuf,
}

/// The broker's own log.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    /// How lines look.
    pub format: LogFormat,
    /// Which lines.
    pub level: String,
}

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For reading.
    Text,
    /// For machines.
    Json,
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML, or has a setting that this version does not know (J14).
    #[error("{path}: {what}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and what.
        what: String,
    },
    /// The policy would break a promise.
    #[error("{path}")]
    Policy {
        /// The file.
        path: PathBuf,
        /// Which.
        #[source]
        source: PolicyRefusal,
    },
}

impl Config {
    /// The settings in force for a data directory's `config.toml`, which need not be there.
    ///
    /// # Errors
    /// Names the file, the line and the setting.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(ConfigError::Read { path: path.to_owned(), source }),
        };
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let parse =
            |what: toml::de::Error| ConfigError::Parse { path: path.to_owned(), what: what.to_string() };
        let mut settings: toml::Table = DEFAULTS.parse().map_err(parse)?;
        overlay(&mut settings, text.parse().map_err(parse)?);
        let mut config: Self = settings.try_into().map_err(parse)?;
        config.policy = config
            .policy
            .checked()
            .map_err(|source| ConfigError::Policy { path: path.to_owned(), source })?;
        if !(1..=MAX_INSPECTED).contains(&config.proxy.inspect_bytes) {
            let what = format!("proxy.inspect_bytes: choose from 1 to {MAX_INSPECTED}");
            return Err(ConfigError::Parse { path: path.to_owned(), what });
        }
        for range in &config.proxy.allow_addresses {
            judge_allowance(range).map_err(|kind| ConfigError::Parse {
                path: path.to_owned(),
                what: format!("proxy.allow_addresses: {range} holds {kind}, which is never reached"),
            })?;
        }
        Ok(config)
    }
}

fn overlay(under: &mut toml::Table, over: toml::Table) {
    for (name, value) in over {
        match (under.get_mut(&name), value) {
            (Some(toml::Value::Table(under)), toml::Value::Table(over)) => overlay(under, over),
            (_, value) => drop(under.insert(name, value)),
        }
    }
}
