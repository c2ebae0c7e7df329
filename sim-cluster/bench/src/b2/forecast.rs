//! The node policy of B2: every end says what a further msat is worth to it, from its own forecast of
//! whether it runs dry, and the circulation decides the amounts.
//!
//! A msat at an end is worth the probability that it will be needed before the horizon: that the
//! balance, drifting as observed, passes what is left (first passage). So an end takes part only when
//! its forecast says so, asks only for what the coming time needs, and lends what it does not.
//! It must never use anything but what both ends of the one channel have seen.

use super::traffic::{Asked, Traffic};
use crate::BenchError;
use crate::method::{Method, Outcome};
use crate::methods::exact::optimum;
use crate::methods::{REPORT_BYTES, applied, leader_cost, lengths};
use crate::states::{Channel, State};
use debal_planner::circulation::ResidualArc;
use debal_planner::cycles::{Limits, decompose};
use debal_planner::score::Score;

/// Steps in which the value of a balance is told, as shares of the capacity.
const STEPS: [f64; 4] = [0.05, 0.10, 0.15, 0.20];

/// When to take part, and with how much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// Periods that a balance should last.
    pub horizon: f64,
    /// The least worth of a msat that moves it over one hop.
    pub threshold: f64,
    /// Weight of a period against the one after it, in the observed drift and spread.
    pub decay: f64,
}

impl Default for Forecast {
    fn default() -> Self {
        Self { horizon: 1.0, threshold: 0.1, decay: 0.8 }
    }
}

/// The probability that a process of this drift and variance (per unit of time) falls by `room`
/// within `time`: first passage of a Brownian motion.
#[must_use]
pub fn passes(room: f64, falls: f64, variance: f64, time: f64) -> f64 {
    if room <= 0.0 {
        return 1.0;
    }
    if variance <= 0.0 {
        return f64::from(u8::from(falls * time >= room));
    }
    let spread = (variance * time).sqrt();
    let mirrored = (2.0 * falls * room / variance).min(700.0).exp();
    let below = normal((falls * time - room) / spread);
    (below + mirrored * normal((-falls * time - room) / spread)).clamp(0.0, 1.0)
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
    /// What end 0 is expected to lose a period, and its variance.
    falls: f64,
    variance: f64,
    /// What a payment out of either end needs.
    needs: [f64; 2],
    horizon: f64,
}

impl Outlook {
    /// What a further msat is worth at end 0 when it holds `held`: the probability that it will be
    /// short, less the probability that the other end will be.
    fn worth(&self, held: f64) -> f64 {
        let short = |room: f64, falls: f64, need: f64| {
            if need <= 0.0 { 0.0 } else { passes(room - need, falls, self.variance, self.horizon) }
        };
        short(held, self.falls, self.needs[0])
            - short(self.capacity - held, -self.falls, self.needs[1])
    }
}

impl Forecast {
    fn outlook(&self, channel: &Channel, asked: &[Asked]) -> Outlook {
        let typical = |asked: &Asked| if asked.sum > 0.0 { asked.squares / asked.sum } else { 0.0 };
        Outlook {
            capacity: channel.capacity_msat as f64,
            falls: asked[0].sum - asked[1].sum,
            variance: asked[0].squares + asked[1].squares,
            needs: [typical(&asked[0]), typical(&asked[1])],
            horizon: self.horizon,
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
        seed: u64,
    ) -> Result<Outcome, BenchError> {
        let expected = traffic.expected(self.decay);
        if expected.is_empty() {
            return self.settle(state, seed);
        }
        let mut arcs = Vec::with_capacity(state.channels.len() * 4);
        for ((label, channel), asked) in (0u64..).zip(&state.channels).zip(expected.chunks_exact(2))
        {
            self.arcs(label, channel, &self.outlook(channel, asked), &mut arcs);
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
