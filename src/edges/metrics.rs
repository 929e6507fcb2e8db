//! What is counted about requests. Label sets are bounded: a route is its pattern, never a path somebody sent.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::state::Listener;

/// The counters of all listeners. Cloning shares them.
#[derive(Clone)]
pub struct HttpMetrics {
    requests: Family<Answered, Counter<u64, AtomicU64>>,
    seconds: Family<Where, Histogram>,
    failures: Family<Where, Counter<u64, AtomicU64>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    listener: &'static str,
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Where {
    listener: &'static str,
}

/// Upper bounds in seconds.
const BUCKETS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 60.0];

impl HttpMetrics {
    /// Registers the counters.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        let metrics = Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(histogram),
            failures: Family::default(),
        };
        registry.register("http_requests", "Requests that were answered", metrics.requests.clone());
        let help = "Time to the head of the answer";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, metrics.seconds.clone());
        registry.register("authentication_failures", "Keys that were not accepted", metrics.failures.clone());
        metrics
    }

    /// A request was answered. `route` is the pattern it matched.
    pub(super) fn answered(
        &self,
        listener: Listener,
        method: &http::Method,
        route: Option<&str>,
        status: u16,
        took: Duration,
    ) {
        let listener = listener.name();
        let (method, route) = (known(method), route.unwrap_or("none").to_owned());
        self.requests.get_or_create(&Answered { listener, method, route, status }).inc();
        self.seconds.get_or_create(&Where { listener }).observe(took.as_secs_f64());
    }

    /// A key was not accepted.
    pub(super) fn authentication_failed(&self, listener: Listener) {
        self.failures.get_or_create(&Where { listener: listener.name() }).inc();
    }
}

/// Anybody may invent a method; it does not become a label.
fn known(method: &http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "DELETE" => "DELETE",
        _ => "other",
    }
}
