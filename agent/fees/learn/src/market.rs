//! A simulated channel: payers with a willingness to pay, liquidity that runs out and comes back.
//!
//! Every payer's draw is made before any fee is set, so that all methods meet the same payers. The
//! market must never be built from the curves of [`crate::demand`]: what learns is tested on demand
//! of another family than the one it believes in.

use crate::DAY_S;
use crate::span::{Forward, Sample};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// What kind of demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Payers have alternatives of much the same price.
    Elastic,
    /// Payers differ widely in what they would pay.
    Inelastic,
    /// What payers would pay wanders, and jumps once.
    Drifting,
    /// More is wanted than comes back: liquidity is scarce.
    Scarce,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Elastic, Self::Inelastic, Self::Drifting, Self::Scarce];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Elastic => "elastic",
            Self::Inelastic => "inelastic",
            Self::Drifting => "drifting",
            Self::Scarce => "scarce",
        }
    }
}

/// Somebody who wants something forwarded.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// Out through the channel, if it costs at most this.
    Out { amount_msat: u64, worth_ppm: f64 },
    /// In through the channel: liquidity comes back.
    In { amount_msat: u64 },
}

/// A channel and everybody who will want to use it.
#[derive(Debug, Clone)]
pub struct Market {
    capacity_msat: u64,
    days: i64,
    events: Vec<(i64, Event)>,
}

/// What a method sees when it is asked for a fee.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// Now, seconds since the start.
    pub now_s: i64,
    /// The fee in force, ppm.
    pub fee_ppm: u32,
    /// The whole channel.
    pub capacity_msat: u64,
    /// The share of the capacity that can be sent, 0 to 1.
    pub ratio: f64,
    /// Forwards out so far.
    pub forwards: &'a [Forward],
    /// What came in so far: when and how much, msat.
    pub incoming: &'a [(i64, u64)],
    /// What could be sent, whenever it changed.
    pub samples: &'a [Sample],
}

/// What a method earned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earned {
    /// Fees, msat.
    pub revenue_msat: u64,
    /// How often the fee changed.
    pub changes: u32,
}

impl Market {
    /// Draws a market of `days` days.
    #[must_use]
    pub fn draw(kind: Kind, days: i64, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let capacity_msat = rng.random_range(2_000_000_000..=20_000_000_000u64);
        let (low, high, spread) = match kind {
            Kind::Elastic => (60.0, 900.0, 0.35),
            Kind::Inelastic => (200.0, 1_500.0, 1.3),
            Kind::Drifting => (80.0, 900.0, 0.45),
            Kind::Scarce => (100.0, 900.0, 0.7),
        };
        let mut median_ppm: f64 = low * f64::powf(high / low, rng.random());
        let per_day = rng.random_range(4.0..=40.0);
        // Amounts scatter around a thousandth to a fiftieth of the channel.
        let amount_msat = capacity_msat as f64 * rng.random_range(0.001..=0.02);
        let back = match kind {
            Kind::Scarce => rng.random_range(0.1..=0.4),
            _ => rng.random_range(0.8..=1.2),
        };
        let jump_day = rng.random_range(days / 3..=(2 * days / 3).max(days / 3));
        let mut events = Vec::new();
        for day in 0..days {
            if kind == Kind::Drifting {
                let jump = if day == jump_day { normal(&mut rng).signum() * 0.9 } else { 0.0 };
                median_ppm = (median_ppm * (0.03 * normal(&mut rng) + jump).exp()).clamp(20.0, 4e3);
            }
            for _ in 0..poisson(&mut rng, per_day) {
                let worth_ppm = median_ppm * (spread * normal(&mut rng)).exp();
                let amount_msat = amount(&mut rng, amount_msat);
                let out = Event::Out { amount_msat, worth_ppm };
                events.push((day * DAY_S + rng.random_range(0..DAY_S), out));
            }
            for _ in 0..poisson(&mut rng, per_day * back * 0.6) {
                let back = Event::In { amount_msat: amount(&mut rng, amount_msat) };
                events.push((day * DAY_S + rng.random_range(0..DAY_S), back));
            }
        }
        events.sort_by_key(|(at_s, _)| *at_s);
        Self { capacity_msat, days, events }
    }

    /// Lets a method set the fee every day.
    pub fn play(&self, first_ppm: u32, mut method: impl FnMut(&View<'_>) -> u32) -> Earned {
        let mut local_msat = self.capacity_msat / 2;
        let (mut forwards, mut incoming) = (Vec::new(), Vec::new());
        let mut samples = vec![Sample { at_s: 0, outbound_msat: local_msat, active: true }];
        let (mut fee_ppm, mut earned) = (first_ppm, Earned { revenue_msat: 0, changes: 0 });
        let mut events = self.events.iter().peekable();
        for day in 1..=self.days {
            let end_s = day * DAY_S;
            while let Some((at_s, event)) = events.next_if(|(at_s, _)| *at_s < end_s) {
                match *event {
                    Event::Out { amount_msat, worth_ppm } => {
                        if worth_ppm < f64::from(fee_ppm) || amount_msat > local_msat {
                            continue;
                        }
                        local_msat -= amount_msat;
                        let fee_msat = amount_msat * u64::from(fee_ppm) / 1_000_000;
                        earned.revenue_msat += fee_msat;
                        forwards.push(Forward { at_s: *at_s, amount_msat, fee_msat });
                    }
                    Event::In { amount_msat } => {
                        let amount_msat = amount_msat.min(self.capacity_msat - local_msat);
                        local_msat += amount_msat;
                        incoming.push((*at_s, amount_msat));
                    }
                }
                samples.push(Sample { at_s: *at_s, outbound_msat: local_msat, active: true });
            }
            let view = View {
                now_s: end_s,
                fee_ppm,
                capacity_msat: self.capacity_msat,
                ratio: local_msat as f64 / self.capacity_msat as f64,
                forwards: &forwards,
                incoming: &incoming,
                samples: &samples,
            };
            let next_ppm = method(&view);
            earned.changes += u32::from(next_ppm != fee_ppm);
            fee_ppm = next_ppm;
        }
        earned
    }
}

fn amount(rng: &mut ChaCha8Rng, mean_msat: f64) -> u64 {
    // A float to whole msat: at least one sat, far below 2^60.
    (mean_msat * (0.8 * normal(rng)).exp()).max(1_000.0) as u64
}

/// A standard normal draw (Box and Muller).
pub(crate) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * f64::ln(1.0 - rng.random::<f64>())).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// A Poisson draw by waiting times; the means here are small.
fn poisson(rng: &mut ChaCha8Rng, mean: f64) -> u32 {
    let (mut count, mut waited) = (0, 0.0);
    loop {
        waited -= f64::ln(1.0 - rng.random::<f64>());
        if waited > mean {
            return count;
        }
        count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_market_is_its_seed_and_money_in_it_is_bounded() {
        let market = Market::draw(Kind::Elastic, 60, 4);
        let play = |fee: u32| market.play(fee, |_| fee);
        assert_eq!(play(100), Market::draw(Kind::Elastic, 60, 4).play(100, |_| 100));
        assert_eq!(play(100).changes, 0);
        assert_eq!(play(100_000).revenue_msat, 0, "nobody pays that");
        assert!(play(100).revenue_msat > 0);
        market.play(100, |view| {
            assert!((0.0..=1.0).contains(&view.ratio));
            view.fee_ppm
        });
    }

    #[test]
    fn draws_have_the_means_they_should() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let poissons: u32 = (0..20_000).map(|_| poisson(&mut rng, 7.0)).sum();
        assert!((f64::from(poissons) / 20_000.0 - 7.0).abs() < 0.1);
        let draws: Vec<f64> = (0..20_000).map(|_| normal(&mut rng)).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        let square = draws.iter().map(|x| x * x).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (square - 1.0).abs() < 0.04, "{mean} {square}");
    }
}
