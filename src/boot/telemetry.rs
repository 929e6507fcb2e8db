//! The broker's own log: structured lines on standard error. What happened to whom is in the ledger, not here.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use super::config::{LogFormat, LogSettings};

/// Starts the log. A second start in one process changes nothing.
pub(super) fn start(settings: &LogSettings) {
    let filter = EnvFilter::builder().parse_lossy(&settings.level);
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match settings.format {
        LogFormat::Text => lines.with_ansi(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    drop(started);
}
