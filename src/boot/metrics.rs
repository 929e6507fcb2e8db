//! Numbers that live elsewhere, shown to Prometheus when it asks.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::broker::Broker;
use crate::planes::network::proxy::counters::Counters;

/// Registers the proxy's counters, the broker's verdicts and its uses under way.
pub(super) fn register(registry: &mut Registry, proxy: &Arc<Counters>, broker: &Arc<Broker>) {
    let help =
        "Requests and connections by verdict, with the upstream and why, each none where there is none";
    registry.register("verdicts", help, broker.verdicts().clone());
    registry.register_collector(Box::new(Elsewhere { proxy: Arc::clone(proxy), broker: Arc::clone(broker) }));
}

struct Elsewhere {
    proxy: Arc<Counters>,
    broker: Arc<Broker>,
}

impl Collector for Elsewhere {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let proxy = &self.proxy;
        let counters = [
            ("proxy_connections", "Connections accepted by the proxy", proxy.connections.value()),
            ("proxy_tunnels", "Tunnels whose TLS was terminated", proxy.tunnels.value()),
            ("proxy_requests", "Requests read by the proxy", proxy.requests.value()),
            ("proxy_refused", "Requests and tunnels refused", proxy.refused.value()),
            ("proxy_passages", "Connections of runs to granted hosts", proxy.passages.value()),
            ("proxy_uses", "Uses begun", proxy.uses.value()),
            ("proxy_uses_broken", "Uses that broke before their end", proxy.broken.value()),
            ("proxy_sent_bytes", "Body bytes sent to upstreams", proxy.bytes_up.value()),
            ("proxy_received_bytes", "Body bytes received from upstreams", proxy.bytes_down.value()),
        ];
        for (name, help, value) in counters {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        let gauges = [
            ("proxy_open_connections", "Connections open now", proxy.open.value()),
            (
                "uses_under_way",
                "Uses under way now",
                u64::try_from(self.broker.uses_under_way()).unwrap_or(u64::MAX),
            ),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Elsewhere")
    }
}
