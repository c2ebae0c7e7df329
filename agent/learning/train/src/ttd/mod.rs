//! Time to depletion: forecasts of simulated and recorded channels, scored by what came.
//!
//! It must never show a forecast anything after its moment, and counts what did not come within
//! the horizon as just that.

pub mod contest;
pub mod recorded;
pub mod training;

use crate::node::case::Case;
use debal_learn::forecast::{Drift, Estimate, Passage, Settings};

/// How far ahead is scored, seconds.
pub const HORIZON_S: f64 = 12.0 * 3_600.0;
/// An end counts as dry (or full) when less than 1 / this of the capacity is left.
pub const FLOOR_PART: u64 = 20;
/// When a case is asked for forecasts, hours from its start.
const ASK_HOURS: [u64; 3] = [4, 8, 12];

/// One forecast's facts, and what came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The plain passage; money in msat.
    pub plain: Passage,
    /// Capacity of the channel, msat.
    pub capacity: f64,
    /// Weighted seconds behind the estimate.
    pub span_s: f64,
    /// The seed's time to depletion of the whole node, seconds.
    pub seed_s: f64,
    /// After how many seconds the barrier was reached, if it was within the horizon.
    pub observed_s: Option<f64>,
}

/// A sample that still waits for its outcome.
struct Open {
    index: usize,
    asked_ms: u64,
    /// The local balance that ends it, and whether from above.
    barrier_msat: u64,
    from_above: bool,
}

impl Sample {
    /// From a distance to a barrier, what the past says (`towards` is -1 for depletion, 1 for
    /// saturation), and the capacity.
    pub fn new(distance: f64, towards: f64, estimate: Estimate, capacity: f64) -> Self {
        let plain = Passage {
            distance,
            drift: towards * estimate.mu,
            variance: estimate.sigma2,
            drift_variance: estimate.sigma2 / estimate.span_s.max(1.0),
        };
        let span_s = estimate.span_s;
        Self { plain, capacity, span_s, seed_s: f64::INFINITY, observed_s: None }
    }
}

/// All samples of a case that nobody rebalances: both barriers of every channel at every asking.
pub fn samples(case: &Case, settings: Settings) -> Vec<Sample> {
    let mut local: Vec<u64> = case.channels.iter().map(|channel| channel.local_msat).collect();
    let mut drifts: Vec<Drift> = local
        .iter()
        .map(|local_msat| {
            let mut drift = Drift::new(settings);
            drift.observe(0, *local_msat);
            drift
        })
        .collect();
    let mut all = Vec::new();
    let mut open: Vec<Vec<Open>> = local.iter().map(|_| Vec::new()).collect();
    let mut asks = ASK_HOURS.iter().map(|hours| hours * 3_600_000).peekable();
    for forward in &case.forwards {
        while let Some(asked_ms) = asks.next_if(|asked_ms| forward.at_ms >= *asked_ms) {
            for (drift, local_msat) in drifts.iter_mut().zip(&local) {
                drift.observe(asked_ms, *local_msat);
            }
            ask(case, asked_ms, &local, &drifts, &mut all, &mut open);
        }
        let [from, to] = forward.channels.map(usize::from);
        let amount_msat = forward.amount_msat;
        let room_msat = case.channels[from].capacity_msat - local[from];
        if room_msat < amount_msat || local[to] < amount_msat {
            continue;
        }
        local[from] += amount_msat;
        local[to] -= amount_msat;
        for index in [from, to] {
            drifts[index].observe(forward.at_ms, local[index]);
            close(&mut open[index], forward.at_ms, local[index], &mut all);
        }
    }
    all
}

fn ask(
    case: &Case,
    asked_ms: u64,
    local: &[u64],
    drifts: &[Drift],
    all: &mut Vec<Sample>,
    open: &mut [Vec<Open>],
) {
    let estimates: Vec<Estimate> = drifts.iter().map(Drift::estimate).collect();
    // The seed pools the node: all local balances over all that leaves less all that enters.
    let pooled = local.iter().sum::<u64>() as f64;
    let drain = -estimates.iter().map(|estimate| estimate.mu).sum::<f64>();
    let seed_s = debal_learn::forecast::rules::seed_ttd_s(pooled, drain, 0.0);
    for (index, channel) in case.channels.iter().enumerate() {
        let capacity_msat = channel.capacity_msat;
        let floor = capacity_msat / FLOOR_PART;
        let local_msat = local[index];
        let capacity = capacity_msat as f64;
        let sides = [
            (local_msat.saturating_sub(floor), -1.0, floor, true),
            ((capacity_msat - local_msat).saturating_sub(floor), 1.0, capacity_msat - floor, false),
        ];
        for (distance, towards, barrier_msat, from_above) in sides {
            if distance > 0 {
                let sample = Sample::new(distance as f64, towards, estimates[index], capacity);
                open[index].push(Open { index: all.len(), asked_ms, barrier_msat, from_above });
                all.push(Sample { seed_s, ..sample });
            }
        }
    }
}

fn close(open: &mut Vec<Open>, at_ms: u64, local_msat: u64, all: &mut [Sample]) {
    open.retain(|waits| {
        let reached = if waits.from_above {
            local_msat <= waits.barrier_msat
        } else {
            local_msat >= waits.barrier_msat
        };
        let after_s = (at_ms - waits.asked_ms) as f64 / 1_000.0;
        if reached && after_s <= HORIZON_S {
            all[waits.index].observed_s = Some(after_s);
        }
        !reached && after_s <= HORIZON_S
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::case::{Channel, Forward};

    #[test]
    fn a_sample_ends_when_its_barrier_is_reached() {
        let channel = |local_msat| Channel {
            capacity_msat: 1_000_000,
            local_msat,
            fee_ppm: 100,
            gap_ppm: Vec::new(),
            room_msat: Vec::new(),
        };
        let forward =
            |hour: u64| Forward { at_ms: hour * 3_600_000, channels: [0, 1], amount_msat: 100_000 };
        // One forward an hour: 0 fills, 1 drains from 900,000; at hour 4 it has 600,000 left.
        let case = Case {
            channels: vec![channel(50_000), channel(900_000)],
            forwards: (1..=12).map(forward).collect(),
            price_ppm: 0,
        };
        let all = samples(&case, Settings { half_life_s: 1e9, prior_s: 0.0 });
        let draining: Vec<&Sample> = all.iter().filter(|sample| sample.plain.drift > 0.0).collect();
        // Asked after the third forward: 600,000 - 50,000 away, reached with the ninth (hour 9).
        assert_eq!(draining[1].plain.distance, 550_000.0);
        assert_eq!(draining[1].observed_s, Some(5.0 * 3_600.0));
        assert!(all.iter().filter(|s| s.plain.drift < 0.0).all(|s| s.observed_s.is_none()));
    }
}
