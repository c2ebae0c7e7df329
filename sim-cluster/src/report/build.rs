//! Turns what a run gave into the report: counting, quantiles, nothing else.
//!
//! Each figure must come from one place in the outcome and be explained where it is declared.

use super::data::{
    ArmReport, Arms, AuditReport, ChannelDetail, CycleReport, Detail, ElectionReport, GossipReport,
    NodeDetail, Report, SettingsReport, TopologyReport,
};
use crate::measure::quantile;
use crate::run::{ArmOutcome, CycleOutcome, CycleSeen, Observations, RunOutcome, RunPlan};
use std::collections::BTreeMap;

/// Points of the success curve.
const POINTS: u64 = 60;
/// The success curve shows the payments of this fraction of the run around each point.
const WINDOW_FRACTION: u64 = 5;
/// Failed checks spelled out.
const MAX_FINDINGS: usize = 100;

/// Builds the report.
#[must_use]
pub fn build(
    plan: &RunPlan,
    outcome: &RunOutcome,
    settings: SettingsReport,
    wall_s: f64,
) -> Report {
    let seen = &outcome.on.observations;
    let elections = elections(seen);
    let epochs = elections.certified.saturating_add(elections.skipped);
    Report {
        topology: TopologyReport {
            source: plan.graph.source.clone(),
            nodes: count(plan.graph.nodes.len()),
            channels: count(plan.graph.channels.len()),
            capacity_msat: plan
                .graph
                .channels
                .iter()
                .fold(0, |sum, channel| sum.saturating_add(channel.capacity_msat())),
        },
        seed: plan.seed,
        epochs,
        epoch_ms: plan.epoch_ms,
        leaders: leaders(seen),
        elections,
        gossip: gossip(&outcome.on, epochs),
        cycles: cycles(seen),
        arms: Arms { off: arm(plan, &outcome.off), on: arm(plan, &outcome.on) },
        audit: audit(outcome),
        memory_mib_per_agent: mean_mib(&outcome.on.rss_bytes),
        wall_s: rounded(wall_s),
        settings,
        detail: detail(plan, outcome),
    }
}

/// Rounded to six digits: more are noise, and a report must read back as it was written.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn ratio(part: u64, whole: u64) -> f64 {
    rounded(crate::measure::ratio(part, whole))
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn leaders(seen: &Observations) -> BTreeMap<String, u64> {
    let mut leaders = BTreeMap::new();
    for leader in seen.epochs.values().filter_map(|epoch| epoch.leader()) {
        *leaders.entry(leader.to_owned()).or_default() += 1;
    }
    leaders
}

fn elections(seen: &Observations) -> ElectionReport {
    let times: Vec<u64> =
        seen.epochs.values().flat_map(|epoch| epoch.elapsed_ms.iter().copied()).collect();
    let certified = seen.epochs.values().filter(|epoch| epoch.leader().is_some()).count();
    let split = seen.epochs.values().filter(|epoch| epoch.leaders.len() > 1).count();
    ElectionReport {
        certified: count(certified),
        skipped: count(seen.epochs.len().saturating_sub(certified)),
        p50_ms: quantile(&times, 0.5),
        p99_ms: quantile(&times, 0.99),
        split: count(split),
    }
}

fn gossip(arm: &ArmOutcome, epochs: u64) -> GossipReport {
    #[allow(clippy::cast_precision_loss)]
    let shares = arm.counters.len() as f64 * epochs as f64;
    let share = |name: &str| {
        (shares > 0.0)
            .then(|| rounded(named(arm, name).iter().fold(0.0, |sum, each| sum + each) / shares))
    };
    let delivery_ms = |share| quantile(&arm.delivery_us, share).map(|us| ratio(us, 1_000));
    GossipReport {
        delivery_p50_ms: delivery_ms(0.5),
        delivery_p99_ms: delivery_ms(0.99),
        bytes_per_node_per_epoch: share("gossip_bytes_out"),
        quotes_per_node_per_epoch: share("messages_quote_out"),
        quote_bytes_per_node_per_epoch: share("sent_bytes_quote"),
    }
}

fn named(arm: &ArmOutcome, name: &str) -> Vec<f64> {
    arm.counters.iter().filter_map(|counters| counters.get(name).copied()).collect()
}

fn cycles(seen: &Observations) -> CycleReport {
    let committed: Vec<&CycleSeen> = seen.cycles_with(CycleOutcome::Committed).collect();
    let times: Vec<u64> = committed.iter().filter_map(|cycle| cycle.duration_ms).collect();
    CycleReport {
        planned: seen.planned.values().fold(0, |sum, cycles| sum.saturating_add(*cycles)),
        committed: count(committed.len()),
        rolled_back: count(seen.cycles_with(CycleOutcome::RolledBack).count()),
        refused: count(seen.cycles_with(CycleOutcome::Refused).count()),
        commit_p50_ms: quantile(&times, 0.5),
        commit_p99_ms: quantile(&times, 0.99),
        moved_msat: committed.iter().fold(0, |sum, cycle| sum.saturating_add(cycle.amount_msat)),
    }
}

fn arm(plan: &RunPlan, outcome: &ArmOutcome) -> ArmReport {
    let succeeded = outcome.payments.iter().filter(|result| result.succeeded);
    let (payments, delivered) = (count(outcome.payments.len()), count(succeeded.clone().count()));
    let mut failures = BTreeMap::new();
    for failed in outcome.payments.iter().filter(|result| !result.succeeded) {
        let reason = failed.reason.clone().unwrap_or_else(|| "unnamed".to_owned());
        *failures.entry(reason).or_default() += 1;
    }
    let amounts = |sum: u64, amount: u64| sum.saturating_add(amount);
    ArmReport {
        payments,
        succeeded: delivered,
        success_ratio: ratio(delivered, payments),
        volume_msat: succeeded.clone().map(|r| r.payment.amount_msat).fold(0, amounts),
        imbalance_before: outcome.samples.first().map_or(0.0, |s| rounded(s.imbalance)),
        imbalance_after: outcome.samples.last().map_or(0.0, |s| rounded(s.imbalance)),
        demand_msat: outcome.payments.iter().map(|r| r.payment.amount_msat).fold(0, amounts),
        fees_msat: succeeded.map(|r| r.fee_msat).fold(0, amounts),
        failures,
        success_over_time: success_over_time(plan.duration_ms, outcome),
        imbalance_over_time: outcome
            .samples
            .iter()
            .map(|sample| (seconds(sample.at_ms), rounded(sample.imbalance)))
            .collect(),
    }
}

/// Share delivered in a window around each point; points without payments are left out.
fn success_over_time(duration_ms: u64, outcome: &ArmOutcome) -> Vec<(f64, f64)> {
    let half = (duration_ms / WINDOW_FRACTION / 2).max(1);
    let point = |number: u64| {
        let middle = duration_ms.saturating_mul(number) / POINTS;
        let inside = outcome.payments.iter().filter(|r| r.payment.at_ms.abs_diff(middle) <= half);
        let all = count(inside.clone().count());
        let delivered = count(inside.filter(|r| r.succeeded).count());
        (all > 0).then(|| (seconds(middle), ratio(delivered, all)))
    };
    (0..=POINTS).filter_map(point).collect()
}

fn seconds(ms: u64) -> f64 {
    ratio(ms, 1_000)
}

fn audit(outcome: &RunOutcome) -> AuditReport {
    let arms = [("off", &outcome.off.audit), ("on", &outcome.on.audit)];
    let sum = |get: fn(&crate::run::ClusterAudit) -> u64| {
        arms.iter().fold(0u64, |sum, (_, audit)| sum.saturating_add(get(audit)))
    };
    let all = arms.iter().flat_map(|(arm, audit)| {
        audit.violations.iter().map(move |text| format!("rebalancing {arm}: {text}"))
    });
    AuditReport {
        lost_msat: sum(|audit| audit.lost_msat.unsigned_abs()),
        open_locks: sum(|audit| audit.open_locks),
        invariants_checked: sum(|audit| audit.invariants_checked),
        violations: sum(|audit| count(audit.violations.len())),
        findings: all.take(MAX_FINDINGS).collect(),
    }
}

#[allow(clippy::cast_precision_loss)]
fn mean_mib(bytes: &[u64]) -> f64 {
    let sum: f64 = bytes.iter().map(|bytes| *bytes as f64 / f64::from(1 << 20)).sum();
    if bytes.is_empty() { 0.0 } else { rounded(sum / bytes.len() as f64) }
}

fn detail(plan: &RunPlan, outcome: &RunOutcome) -> Detail {
    let nodes = plan.graph.nodes.iter().zip(plan.graph.node_capacities_sat()).enumerate();
    let node = |(index, (node, capacity_sat)): (usize, (&crate::topology::Node, u64))| NodeDetail {
        alias: node.alias.clone(),
        pubkey: node.pubkey.clone(),
        node: outcome.on.nodes.get(index).cloned().unwrap_or_default(),
        capacity_sat,
    };
    let at = |list: &[u64], index: usize| list.get(index).copied().unwrap_or(0);
    let channel = |(index, channel): (usize, &crate::topology::Channel)| ChannelDetail {
        channel: channel.id.to_string(),
        ends: channel.ends,
        capacity_msat: channel.capacity_msat(),
        before_msat: at(&plan.first_msat, index),
        after_off_msat: at(&outcome.off.final_msat, index),
        after_on_msat: at(&outcome.on.final_msat, index),
    };
    let channels = plan.graph.channels.iter().enumerate().map(channel).collect();
    Detail { nodes: nodes.map(node).collect(), channels }
}
