//! What the network counts: lock-free counters, a snapshot of them, and their Prometheus names.
//! Counting never blocks and never labels by peer: label sets stay fixed.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};

/// Declares the counters once: field, Prometheus name and help text.
macro_rules! counters {
    ($($field:ident: $help:literal,)*) => {
        /// Live counters, shared between the handle, the transport and the network task.
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $(pub(crate) $field: AtomicU64,)* }

        /// One snapshot of the counters; all but `connected_peers` only grow.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct NetCounters { $(#[doc = $help] pub $field: u64,)* }

        impl Counters {
            /// Reads every counter; the values are each exact, not taken at one instant.
            pub(crate) fn snapshot(&self) -> NetCounters {
                NetCounters { $($field: self.$field.load(Ordering::Relaxed),)* }
            }
        }

        impl NetCounters {
            fn table(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$((stringify!($field), $help, self.$field),)*]
            }
        }
    };
}

counters! {
    bytes_in: "Bytes read from sockets, encryption included",
    bytes_out: "Bytes written to sockets, encryption included",
    gossip_in: "Gossip messages handed to the consumer",
    gossip_out: "Gossip messages published by this node",
    gossip_bytes_in: "Payload bytes of gossip handed to the consumer",
    gossip_bytes_out: "Payload bytes of gossip published by this node",
    direct_in: "Direct messages handed to the consumer",
    direct_out: "Direct messages acknowledged by their receiver",
    connected_peers: "Verified peers connected now",
    refused_rate: "Messages dropped because a peer exceeded a rate cap",
    refused_size: "Messages refused because they exceeded a size cap",
    refused_busy: "Messages dropped because the consumer did not keep up",
    refused_slow: "Streams cut because they outlived their deadline",
    refused_foreign: "Peers disconnected because they belong to another network",
    refused_silent: "Peers disconnected because they never identified themselves",
    refused_connections: "Connections refused by a limit, a block or a failed handshake",
    rejected: "Gossip messages the consumer judged invalid",
    verdicts_late: "Verdicts that came after the message had left the gossip cache, or never fit",
    send_failures: "Direct messages that failed after being taken",
    publish_failures: "Publications that reached nobody",
    dial_failures: "Dials that failed",
    redials: "Dials of anchors after the first",
    events_lost: "Control events lost because the consumer stopped reading",
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, amount: usize) {
    counter.fetch_add(u64::try_from(amount).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// Adds one to a counter.
pub(crate) fn one(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// The Prometheus view of the counters.
#[derive(Debug)]
pub(crate) struct CounterCollector(pub(crate) Arc<Counters>);

impl Collector for CounterCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (name, help, value) in self.0.snapshot().table() {
            let name = format!("debal_net_{name}");
            if name.ends_with("connected_peers") {
                let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
                let metric = encoder.encode_descriptor(&name, help, None, gauge.metric_type())?;
                gauge.encode(metric)?;
            } else {
                let counter = ConstCounter::new(value);
                let metric = encoder.encode_descriptor(&name, help, None, counter.metric_type())?;
                counter.encode(metric)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use prometheus_client::registry::Registry;

    use super::*;

    #[test]
    fn every_counter_is_exported_under_its_own_name() {
        let counters = Arc::<Counters>::default();
        add(&counters.bytes_in, 7);
        one(&counters.connected_peers);
        let mut registry = Registry::default();
        registry.register_collector(Box::new(CounterCollector(Arc::clone(&counters))));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        assert!(text.contains("debal_net_bytes_in_total 7\n"), "{text}");
        assert!(text.contains("debal_net_connected_peers 1\n"), "{text}");
        let exported = text.lines().filter(|line| line.starts_with("debal_net_")).count();
        assert_eq!(exported, counters.snapshot().table().len());
    }
}
