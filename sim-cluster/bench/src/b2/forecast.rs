//! The node policy of B2: every end says what a further msat is worth to it, from its own
//! forecast of whether it runs dry, and the circulation decides the amounts.
//!
//! A msat at an end is worth the probability that it is missed before the horizon: that the end
//! is asked at all, times the first-passage probability that the balance, drifting and spreading
//! as observed, falls below what a payment takes. So an end takes part only when its forecast
//! says that it will run dry, asks only for what the coming time needs, and lends what it does
//! not need. It must never use anything but what both ends of the one channel have seen.

use crate::BenchError;
use crate::method::{Method, Outcome};
use crate::methods::exact::optimum;
use crate::methods::{REPORT_BYTES, applied, leader_cost, lengths};
use crate::states::{Channel, State};
use debal_planner::circulation::ResidualArc;
use debal_planner::cycles::{Limits, decompose};
use debal_planner::score::Score;
use debal_train::world::traffic::{Asked, Traffic};

/// Steps in which the value of a balance is told, as shares of the capacity.
const STEPS: [f64; 5] = [0.02, 0.04, 0.08, 0.16, 0.20];

/// When to take part, and with how much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// Periods ahead at which the forecast looks.
    pub horizon: f64,
    /// What a msat must be worth on the average of a cycle's hops.
    pub threshold: f64,
    /// The observed spread counts so many times.
    pub spread: f64,
}

impl Default for Forecast {
    fn default() -> Self {
        Self { horizon: 1.0, threshold: 0.6, spread: 1.0 }
    }
}

/// The probability that a balance that falls by `falls` a period with this variance falls by `room`
/// within `time` periods: first passage of a Brownian motion.
#[must_use]
pub fn passes(room: f64, falls: f64, variance: f64, time: f64) -> f64 {
    if room <= 0.0 {
        return 1.0;
    }
    if variance <= 0.0 {
        return f64::from(u8::from(falls * time >= room));
    }
    let spread = (variance * time).sqrt();
    let back = normal((-falls * time - room) / spread);
    let mirrored = if back > 0.0 { (2.0 * falls * room / variance + back.ln()).exp() } else { 0.0 };
    (normal((falls * time - room) / spread) + mirrored).clamp(0.0, 1.0)
}

/// The normal distribution function (Abramowitz and Stegun 26.2.17, error below 1e-7).
fn normal(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let series = t
        * (0.319_381_530
            + t * (-0.356_563_782
                + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let tail = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * series;
    if x > 0.0 { 1.0 - tail } else { tail }
}

/// What both ends of a channel expect.
struct Outlook {
    capacity: f64,
    asked: [Asked; 2],
    /// The variance of what end 0 loses in a period.
    variance: f64,
    time: f64,
}

impl Outlook {
    /// What a msat more at end 0 is worth when it holds `held`, less what that takes from end 1.
    fn worth(&self, held: f64) -> f64 {
        let falls = self.asked[0].sum - self.asked[1].sum;
        let missed = |asked: &Asked, held: f64, falls: f64| {
            if asked.count <= 0.0 {
                return 0.0;
            }
            // Payments come one by one: three times the mean count is nearly certain to hold one.
            let wanted = 1.0 - (-3.0 * asked.count).exp();
            wanted * passes(held - asked.squares / asked.sum, falls, self.variance, self.time)
        };
        missed(&self.asked[0], held, falls) - missed(&self.asked[1], self.capacity - held, -falls)
    }
}

impl Forecast {
    fn outlook(&self, channel: &Channel, asked: [Asked; 2]) -> Outlook {
        Outlook {
            capacity: channel.capacity_msat as f64,
            asked,
            variance: (asked[0].squares + asked[1].squares) * self.spread * self.spread,
            time: self.horizon,
        }
    }

    /// The arcs of a channel: both ways in steps, worth what they change less the threshold.
    fn arcs(&self, label: u64, channel: &Channel, outlook: &Outlook, out: &mut Vec<ResidualArc>) {
        let held = channel.held_msat as f64;
        // Raising end 0 goes from end 1, and the other way round.
        for (from, sign) in [(1, 1.0), (0, -1.0)] {
            let (mut at, mut room) = (held, channel.holds(from));
            for step in STEPS {
                let capacity_msat = ((outlook.capacity * step) as u64).min(room) / 1_000 * 1_000;
                if capacity_msat == 0 {
                    break;
                }
                let moved = sign * capacity_msat as f64;
                let gain = sign * outlook.worth(at + moved / 2.0) - self.threshold;
                if gain < -4.0 * self.threshold {
                    break;
                }
                let value_ppm = (gain * 1e6) as i64;
                let (tail, head) = (channel.ends[from], channel.ends[1 - from]);
                out.push(ResidualArc { tail, head, capacity_msat, value_ppm, label });
                at += moved;
                room -= capacity_msat;
            }
        }
    }
}

impl Method for Forecast {
    fn name(&self) -> String {
        "forecast".to_owned()
    }

    fn settle(&self, state: &State, _seed: u64) -> Result<Outcome, BenchError> {
        let held_msat = state.channels.iter().map(|channel| channel.held_msat).collect();
        Ok(Outcome { held_msat, ..Outcome::default() })
    }

    fn settle_seeing(
        &self,
        state: &State,
        traffic: &Traffic,
        _seed: u64,
    ) -> Result<Outcome, BenchError> {
        let mut arcs = Vec::with_capacity(state.channels.len() * 4);
        for (index, channel) in state.channels.iter().enumerate() {
            let asked = [traffic.expected(2 * index), traffic.expected(2 * index + 1)];
            self.arcs(index as u64, channel, &self.outlook(channel, asked), &mut arcs);
        }
        let best = optimum(state.nodes, &arcs)?;
        let free = vec![Score::ZERO; arcs.len()];
        let limits = Limits { max_hops: u32::MAX, min_amount_msat: 1, max_cycles: usize::MAX };
        let cut = decompose(state.nodes, &arcs, &free, &best.flows_msat, &limits)?;
        let cycles = lengths(&cut.cycles);
        let cost = leader_cost(state.nodes, arcs.len() as u64 * 2 * REPORT_BYTES, &cycles);
        Ok(Outcome { held_msat: applied(state, &arcs, &best.flows_msat), cycles, cost })
    }
}
