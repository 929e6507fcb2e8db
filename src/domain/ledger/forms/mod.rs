//! The log in the forms that other people's tools read, one event a line: CloudEvents 1.0 and OCSF 1.8.
//!
//! They are for searching and alerting. Only [`super::export`] is made to be verified, so every event says at which index its entry stands.

mod cloud_events;
mod ocsf;
mod place;

use serde::Deserialize;

use super::event::Entry;
use super::note::Origin;

/// In which form the log is taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `exeat-ledger/1`, which `exeat log verify` reads.
    #[default]
    Jsonl,
    /// Open Cybersecurity Schema Framework.
    Ocsf,
    /// CloudEvents.
    CloudEvents,
}

impl Format {
    /// Every form, by the name it is asked for.
    pub const NAMES: [&str; 3] = ["jsonl", "ocsf", "cloudevents"];

    /// What goes on record when a log is taken away in this form.
    #[must_use]
    pub const fn reading(self) -> &'static str {
        match self {
            Self::Jsonl => "export",
            Self::Ocsf => "export as ocsf",
            Self::CloudEvents => "export as cloudevents",
        }
    }

    /// The entry as a line without its end. `None` for the form whose lines are not made from one entry alone.
    #[must_use]
    pub fn line(self, origin: &Origin, index: u64, entry: &Entry) -> Option<String> {
        match self {
            Self::Jsonl => None,
            Self::Ocsf => Some(ocsf::event(origin, index, entry).to_string()),
            Self::CloudEvents => Some(cloud_events::event(origin, index, entry).to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
