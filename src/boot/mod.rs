//! Putting the house together: settings, the data directory, `init` and `serve`. The only room that knows every other.

pub mod config;
mod data_dir;
mod init;
mod metrics;
mod open;
mod serve;
mod telemetry;

pub use data_dir::{DataDir, DataDirError};
pub use init::{Initialized, init};
pub use serve::{ListenOn, Ready, Serving, serve};

/// Why Exeat did not start. Each says which file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The settings.
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    /// The vault's key file.
    #[error("the vault does not open")]
    Vault(#[from] crate::planes::secrets::vault::VaultError),
    /// A signing key.
    #[error(transparent)]
    Key(#[from] crate::broker::KeyError),
    /// The store.
    #[error("the store at {path} cannot be used")]
    Store {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: crate::store::StoreError,
    },
    /// The store's file.
    #[error(transparent)]
    Open(#[from] crate::store::sqlite::OpenError),
    /// Nothing can be put on record.
    #[error("nothing can be put on record")]
    Record(#[source] crate::domain::problem::Problem),
    /// The certificate authority.
    #[error("the certificate authority cannot be used")]
    Authority(#[from] crate::planes::network::authority::AuthorityError),
    /// TLS.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// A listener.
    #[error("cannot listen on {address}; is another Exeat running, or is the address not of this machine?")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A listener beyond loopback.
    #[error(
        "{address} is not loopback, and Exeat does not speak in the clear there; listen on 127.0.0.1 and put TLS in front"
    )]
    NotLoopback {
        /// The address.
        address: std::net::SocketAddr,
    },
    /// Nobody could stop it.
    #[error("signals cannot be listened to")]
    Signals(#[source] std::io::Error),
    /// There is no randomness.
    #[error(transparent)]
    Random(#[from] crate::base::random::NoRandomness),
    /// A name that cannot be one.
    #[error("`{name}` is not a name: {why}")]
    Name {
        /// What was given.
        name: String,
        /// What is expected.
        why: String,
    },
}
