//! What the agent counts, as Prometheus metrics and as the flat list of the `counters` operation.
//!
//! Counting never blocks for long and labels never carry a peer or a hash: label sets stay small.
//! No metric may decide anything.

mod http;
mod window;

use debal_protocol::durable::Durable;
use debal_protocol::event::Event;
use debal_protocol::message::Outcome;
use debal_protocol::status::Status;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

pub use http::serve;
pub use window::Window;

type Labels = Vec<(&'static str, String)>;

/// A counter per label value, which can also be read back.
#[derive(Default)]
struct Labelled {
    family: Family<Labels, Counter>,
    seen: Mutex<BTreeSet<Labels>>,
}

impl Labelled {
    fn add(&self, labels: Labels, amount: u64) {
        self.family.get_or_create(&labels).inc_by(amount);
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(labels);
    }

    fn read(&self, name: &str, into: &mut BTreeMap<String, u64>) {
        for labels in &*self.seen.lock().unwrap_or_else(PoisonError::into_inner) {
            let values: Vec<&str> = labels.iter().map(|(_, value)| value.as_str()).collect();
            let value = self.family.get_or_create(labels).get();
            into.insert(format!("{name}_{}", values.join("_")), value);
        }
    }
}

/// All metrics of one agent.
pub struct Metrics {
    registry: Mutex<Registry>,
    attempts: Labelled,
    moved_msat: Counter,
    fees_msat: Counter,
    duration_seconds: Histogram,
    hops: Histogram,
    rounds: Labelled,
    messages: Labelled,
    rejects: Labelled,
    direct_bytes: Labelled,
    sent_bytes: Labelled,
    journal: Labelled,
    policy_changes: Labelled,
    plans: Labelled,
    flush: Mutex<Window>,
    gauges: Gauges,
}

/// Values that are set at each scrape.
#[derive(Default)]
struct Gauges {
    budget_remaining_msat: Family<Labels, Gauge>,
    htlcs_inflight: Gauge,
    htlc_oldest_age_seconds: Gauge,
    channel_out_fee_ppm: Family<Labels, Gauge>,
    channel_local_msat: Family<Labels, Gauge>,
    round_leader: Gauge,
    gossip_peers: Gauge,
    price_ppm: Gauge,
    price_rounds: Gauge,
    price_neighbours: Gauge,
    backend_up: Family<Labels, Gauge>,
}

/// Budgets, to show what is left of them.
#[derive(Clone, Copy, Debug)]
pub struct Budgets {
    /// Per hour.
    pub hour_msat: u64,
    /// Per day.
    pub day_msat: u64,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Mutex::new(Registry::with_prefix("debal")),
            attempts: Labelled::default(),
            moved_msat: Counter::default(),
            fees_msat: Counter::default(),
            duration_seconds: Histogram::new(exponential_buckets(0.005, 2.0, 14)),
            hops: Histogram::new((2..=8).map(f64::from)),
            rounds: Labelled::default(),
            messages: Labelled::default(),
            rejects: Labelled::default(),
            direct_bytes: Labelled::default(),
            sent_bytes: Labelled::default(),
            journal: Labelled::default(),
            policy_changes: Labelled::default(),
            plans: Labelled::default(),
            flush: Mutex::new(Window::new(4_096)),
            gauges: Gauges::default(),
        };
        metrics.with_registry(|registry| metrics.register(registry));
        metrics
    }
}

impl Metrics {
    /// Gives access to the registry, so that other layers add their own metrics.
    pub fn with_registry<T>(&self, use_it: impl FnOnce(&mut Registry) -> T) -> T {
        use_it(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn register(&self, registry: &mut Registry) {
        let families = [
            ("rebalance_attempts", "Cycles and circular payments ended here", &self.attempts),
            ("rounds", "Epochs seen to end", &self.rounds),
            ("messages", "Protocol messages", &self.messages),
            ("rejects", "Messages refused", &self.rejects),
            ("direct_bytes", "Bytes of direct messages", &self.direct_bytes),
            ("sent_bytes", "Bytes of direct messages sent, by kind", &self.sent_bytes),
            ("journal", "Journal appends and flushes", &self.journal),
            ("policy_changes", "Changes of a forwarding policy", &self.policy_changes),
            ("plans", "Plans taken, by whether their proof could be checked here", &self.plans),
        ];
        for (name, help, counter) in families {
            registry.register(name, help, counter.family.clone());
        }
        registry.register("rebalance_moved_msat", "Moved by cycles", self.moved_msat.clone());
        registry.register("rebalance_fees_msat", "Paid for moving", self.fees_msat.clone());
        registry.register_with_unit(
            "rebalance_duration",
            "From go to the last lock gone",
            Unit::Seconds,
            self.duration_seconds.clone(),
        );
        registry.register("rebalance_htlcs_per_success", "Locks per success", self.hops.clone());
        let gauges = &self.gauges;
        registry.register(
            "budget_remaining_msat",
            "Left of the fee budget",
            gauges.budget_remaining_msat.clone(),
        );
        registry.register("htlcs_inflight", "Open locks", gauges.htlcs_inflight.clone());
        registry.register_with_unit(
            "htlc_oldest_age",
            "Age of the oldest open transfer",
            Unit::Seconds,
            gauges.htlc_oldest_age_seconds.clone(),
        );
        registry.register(
            "channel_out_fee_ppm",
            "What this node asks for forwarding over the channel",
            gauges.channel_out_fee_ppm.clone(),
        );
        registry.register(
            "channel_local_msat",
            "Our free balance",
            gauges.channel_local_msat.clone(),
        );
        registry.register("round_leader_epoch", "Newest epoch led", gauges.round_leader.clone());
        registry.register("gossip_peers", "Members connected", gauges.gossip_peers.clone());
        for (name, help, gauge) in [
            ("price_ppm", "This node's price after the newest price rounds", &gauges.price_ppm),
            ("price_rounds", "Rounds it quoted in before the newest epoch", &gauges.price_rounds),
            ("price_neighbours", "Neighbours that quoted to it", &gauges.price_neighbours),
        ] {
            registry.register(name, help, gauge.clone());
        }
        registry.register("backend_up", "Backend answers", gauges.backend_up.clone());
    }

    /// Counts one protocol message on its way `in` or `out`.
    pub fn message(&self, way: &'static str, name: &'static str) {
        self.messages.add(vec![("name", name.to_owned()), ("way", way.to_owned())], 1);
    }

    /// Counts bytes of a direct message.
    pub fn direct(&self, way: &'static str, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.direct_bytes.add(vec![("way", way.to_owned())], bytes);
    }

    /// Counts a direct message that leaves.
    pub fn sent(&self, name: &'static str, bytes: usize) {
        self.message("out", name);
        self.direct("out", bytes);
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.sent_bytes.add(vec![("name", name.to_owned())], bytes);
    }

    /// Counts a refused message.
    pub fn reject(&self, reason: &'static str) {
        self.rejects.add(vec![("reason", reason.to_owned())], 1);
    }

    /// Counts journal records.
    pub fn appended(&self, records: u64) {
        self.journal.add(vec![("what", "records".to_owned())], records);
    }

    /// Counts a journal flush and its time.
    pub fn flushed(&self, us: u64) {
        self.journal.add(vec![("what", "flushes".to_owned())], 1);
        self.flush.lock().unwrap_or_else(PoisonError::into_inner).add(us);
    }

    /// Counts what an event tells.
    pub fn event(&self, event: &Event) {
        match event {
            Event::CycleEnded { outcome, hops, amount_msat, duration_ms, .. } => {
                let result = outcome_name(*outcome);
                self.attempt(result, "none");
                if *outcome == Outcome::Committed {
                    self.moved_msat.inc_by(amount_msat.0);
                    self.hops.observe(f64::from(*hops));
                    self.duration_seconds.observe(seconds(*duration_ms));
                }
            }
            Event::CycleRefused { reason, .. } => self.attempt("refused", &format!("{reason:?}")),
            Event::EpochCertified { .. } => self.round("certified"),
            Event::EpochSkipped { .. } => self.round("skipped"),
            Event::PlanSeen { checked, .. } => {
                let proof = if *checked { "checked" } else { "unchecked" };
                self.plans.add(vec![("proof", proof.to_owned())], 1);
            }
            Event::Rejected { reason, .. } => self.reject(reason),
            Event::PricesSettled { rounds, neighbours, price_ppm, .. } => {
                self.gauges.price_ppm.set(*price_ppm);
                self.gauges.price_rounds.set(i64::from(*rounds));
                self.gauges.price_neighbours.set(i64::from(*neighbours));
            }
            _ => {}
        }
    }

    fn attempt(&self, result: &str, reason: &str) {
        let labels = vec![("result", result.to_owned()), ("reason", reason.to_lowercase())];
        self.attempts.add(labels, 1);
    }

    fn round(&self, outcome: &str) {
        self.rounds.add(vec![("outcome", outcome.to_owned())], 1);
    }

    /// Counts a circular payment of our own and its fee.
    pub fn circular(&self, succeeded: bool, amount_msat: u64, fee_msat: u64) {
        self.attempt(if succeeded { "paid" } else { "failed" }, "none");
        if succeeded {
            self.moved_msat.inc_by(amount_msat);
            self.fees_msat.inc_by(fee_msat);
        }
    }

    /// Sets the gauges from a status.
    pub fn observe(&self, status: &Status, budgets: Budgets) {
        let gauges = &self.gauges;
        let left = |window: &str, msat: u64| {
            let labels = vec![("window", window.to_owned())];
            gauges.budget_remaining_msat.get_or_create(&labels).set(signed(msat));
        };
        left("hour", budgets.hour_msat.saturating_sub(status.fees_hour_msat.0));
        left("day", budgets.day_msat.saturating_sub(status.fees_day_msat.0));
        for channel in &status.channels {
            let labels = vec![("scid", channel.channel.to_string())];
            let local = signed(channel.local_msat.0);
            gauges.channel_local_msat.get_or_create(&labels).set(local);
        }
        gauges.round_leader.set(status.leader.map_or(-1, |(epoch, _)| signed(epoch.0)));
        gauges.gossip_peers.set(i64::try_from(status.peers).unwrap_or(i64::MAX));
        gauges.backend_up.get_or_create(&vec![("kind", "ledger".to_owned())]).set(1);
    }

    /// Sets the gauges that need more than a status.
    pub fn observe_durable(&self, durable: &Durable, wall_ms: u64) {
        let gauges = &self.gauges;
        let locks = durable.channels.values().map(|channel| channel.state().locks.len());
        gauges.htlcs_inflight.set(i64::try_from(locks.sum::<usize>()).unwrap_or(i64::MAX));
        let oldest = durable.open_transfers().map(|(_, transfer)| transfer.began_ms);
        let oldest = oldest.filter(|began_ms| *began_ms > 0).min().unwrap_or(wall_ms);
        gauges.htlc_oldest_age_seconds.set(signed(wall_ms.saturating_sub(oldest) / 1_000));
        for (id, channel) in &durable.channels {
            let labels = vec![("scid", id.to_string())];
            let fee = i64::from(channel.our_policy.ppm);
            gauges.channel_out_fee_ppm.get_or_create(&labels).set(fee);
        }
    }

    /// Counts a change of a forwarding policy.
    pub fn policy_change(&self, strategy: &'static str) {
        self.policy_changes.add(vec![("strategy", strategy.to_owned())], 1);
    }

    /// The Prometheus text.
    ///
    /// # Errors
    /// Never for the types registered here; the encoder's signature has one.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        self.with_registry(|registry| encode(&mut text, registry))?;
        Ok(text)
    }

    /// Every counter by name.
    #[must_use]
    pub fn flat(&self) -> BTreeMap<String, u64> {
        let mut flat = BTreeMap::new();
        self.attempts.read("rebalance_attempts", &mut flat);
        self.rounds.read("rounds", &mut flat);
        self.messages.read("messages", &mut flat);
        self.rejects.read("rejects", &mut flat);
        self.direct_bytes.read("direct_bytes", &mut flat);
        self.sent_bytes.read("sent_bytes", &mut flat);
        self.journal.read("journal", &mut flat);
        self.policy_changes.read("policy_changes", &mut flat);
        self.plans.read("plans", &mut flat);
        flat.insert("rebalance_moved_msat".to_owned(), self.moved_msat.get());
        flat.insert("rebalance_fees_msat".to_owned(), self.fees_msat.get());
        let flush = self.flush.lock().unwrap_or_else(PoisonError::into_inner);
        flat.insert("flush_p50_us".to_owned(), flush.quantile_ppm(500_000));
        flat.insert("flush_p99_us".to_owned(), flush.quantile_ppm(990_000));
        flat.insert("flush_p50_ms".to_owned(), flush.quantile_ppm(500_000).div_ceil(1_000));
        flat.insert("flush_p99_ms".to_owned(), flush.quantile_ppm(990_000).div_ceil(1_000));
        flat
    }
}

/// Stable name of an outcome.
#[must_use]
pub const fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Committed => "committed",
        Outcome::RolledBack => "rolled_back",
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn seconds(ms: u64) -> f64 {
    std::time::Duration::from_millis(ms).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flat_list_and_the_prometheus_text_tell_the_same() {
        let metrics = Metrics::default();
        metrics.message("in", "summary");
        metrics.message("in", "summary");
        metrics.reject("stale");
        metrics.flushed(700);
        let flat = metrics.flat();
        assert_eq!(flat["messages_summary_in"], 2);
        assert_eq!(flat["rejects_stale"], 1);
        assert_eq!(flat["journal_flushes"], 1);
        assert_eq!(flat["flush_p50_us"], 700);
        let text = metrics.text().unwrap();
        assert!(text.contains("debal_messages_total{name=\"summary\",way=\"in\"} 2"), "{text}");
        assert!(text.contains("debal_rejects_total{reason=\"stale\"} 1"), "{text}");
    }
}
