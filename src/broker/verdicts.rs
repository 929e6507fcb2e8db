//! How often each verdict was given since the broker started, by upstream and reason. Reasons are words of the program and upstreams are
//! installed by operators: nobody who asks makes a label.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::Broker;
use crate::domain::name::Name;

/// The label of what belongs to no upstream.
const NONE: &str = "none";

/// Counts of verdicts. Cloning shares them.
pub type Verdicts = Family<Labels, Counter<u64, AtomicU64>>;

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Labels {
    upstream: String,
    verdict: &'static str,
    reason: &'static str,
}

impl Broker {
    /// How often each verdict was given.
    #[must_use]
    pub const fn verdicts(&self) -> &Verdicts {
        &self.verdicts
    }

    pub(super) fn count_allowed(&self, upstream: Option<&Name>) {
        self.count(upstream, "allowed", NONE);
    }

    pub(super) fn count_refused(&self, upstream: Option<&Name>, reason: &'static str) {
        self.count(upstream, "refused", reason);
    }

    fn count(&self, upstream: Option<&Name>, verdict: &'static str, reason: &'static str) {
        let upstream = upstream.map_or(NONE, Name::as_str).to_owned();
        self.verdicts.get_or_create(&Labels { upstream, verdict, reason }).inc();
    }
}
