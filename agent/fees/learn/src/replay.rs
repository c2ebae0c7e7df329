//! What other fees would have earned on a recorded past, with an interval.
//!
//! Nobody knows what payers would have done at a fee they never saw: the demand posterior says
//! what is plausible, draws from it give the interval, and the share of the estimate that rests on
//! fees further than a factor of two from any tried one is said. It must never be read as what a
//! fee will earn: it compares fees on the same past before anything is applied.

use crate::demand::{Curve, Demand, grain_msat, trials};
use crate::learner::{Learner, Past};
use crate::span::Span;
use crate::supply::supply_msat_per_day;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Classes that balances are put into.
pub const BALANCES: usize = 10;
/// A fee within this factor of a tried one is known ground.
const KNOWN: f64 = 2.0;

/// A way to set fees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The fees that were in force.
    Recorded,
    /// The fees in force now.
    Present,
    /// What a rule file sets, by the channel's balance.
    Rules,
    /// One fee, ppm.
    Fixed(u32),
    /// charge-lnd's proportional rule.
    Proportional {
        /// At a full channel, ppm.
        full_ppm: u32,
        /// At an empty channel, ppm.
        empty_ppm: u32,
    },
    /// The fee the learner believes best in the end.
    Learned,
}

/// What a method would have earned over all channels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The method.
    pub method: Method,
    /// Mean revenue, msat a day.
    pub mean_msat_per_day: f64,
    /// The 2.5 % and 97.5 % points, msat a day.
    pub interval_msat_per_day: (f64, f64),
    /// Revenue more than the fees in force now would have earned on the same draws, msat a day: the
    /// mean, and the 2.5 % and 97.5 % points.
    pub gain_msat_per_day: (f64, f64, f64),
    /// The share of the mean at fees far from any tried one, 0 to 1.
    pub unknown_ground: f64,
}

/// A channel's past, and what may be done with it.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The past.
    pub past: Past<'a>,
    /// The limits of a learned fee, ppm.
    pub limits_ppm: (u32, u32),
    /// What the rules set at each class of balance, from empty to full, ppm; without it they leave
    /// the fee in force.
    pub rules_ppm: Option<[u32; BALANCES]>,
}

impl<'a> Case<'a> {
    /// A past with the learner's own limits and without rules.
    #[must_use]
    pub const fn of(learner: &Learner, past: Past<'a>) -> Self {
        let limits_ppm = (learner.bounds.min_ppm, learner.bounds.max_ppm);
        Self { past, limits_ppm, rules_ppm: None }
    }
}

/// Compares methods on the pasts of all channels, by `draws` draws from the posteriors. Every
/// method meets the same draws.
#[must_use]
pub fn replay(
    learner: &Learner,
    cases: &[Case<'_>],
    methods: &[Method],
    draws: usize,
    seed: u64,
) -> Vec<Estimate> {
    let channels: Vec<Channel> =
        cases.iter().filter_map(|case| Channel::of(learner, case)).collect();
    let (present, _) = totals(Method::Present, &channels, draws.max(1), seed);
    let of = |method: &Method| estimate(*method, &channels, &present, seed);
    methods.iter().map(of).collect()
}

/// What is known of one channel.
struct Channel {
    demand: Demand,
    /// Msat that stand for one forward, and forwards and days the scale rests on.
    grain_msat: f64,
    forwards: f64,
    supply_msat_per_day: f64,
    /// Forwards in that the supply rests on.
    returns: f64,
    /// Share of the usable time at each class of balance, from empty to full.
    balances: [f64; BALANCES],
    /// Fees that were tried, with their share of the time.
    tried: Vec<(f64, f64)>,
    best_ppm: f64,
    present_ppm: f64,
    rules_ppm: Option<[u32; BALANCES]>,
}

impl Channel {
    fn of(learner: &Learner, case: &Case<'_>) -> Option<Self> {
        let past = &case.past;
        let (first, last) = (past.reigns.first()?, past.reigns.last()?);
        let grain = grain_msat(past.forwards);
        let read = trials(&learner.reading, past.reigns, past.forwards, past.samples, past.now_s);
        let demand = Demand::after(&read, grain);
        let span = Span { from_s: first.span.from_s, to_s: past.now_s };
        let supply = supply_msat_per_day(&past.inbound, past.samples, span, learner.stock_days);
        let length = (span.length_s().max(1)) as f64;
        let share = |fee: &crate::demand::Reign| {
            (f64::from(fee.fee_ppm), fee.span.length_s() as f64 / length)
        };
        let (low, high) = case.limits_ppm;
        let (low, high) = (f64::from(low.max(1)), f64::from(high.max(low).max(1)));
        let steps = (0..80).map(|step| low * 1.15f64.powi(step));
        let of = |fee: f64| demand.revenue_msat_per_day(fee, supply);
        let present_ppm = f64::from(last.fee_ppm);
        let best_ppm =
            steps.take_while(|fee| *fee <= high).fold(present_ppm.clamp(low, high), |best, fee| {
                if of(fee) > of(best) { fee } else { best }
            });
        Some(Self {
            grain_msat: grain,
            forwards: read.iter().map(|trial| trial.sent_msat / grain.max(1.0)).sum::<f64>() + 0.5,
            supply_msat_per_day: supply,
            returns: past.inbound.incoming.iter().filter(|(at_s, _)| span.holds(*at_s)).count()
                as f64
                + 0.5,
            balances: balances(past, span),
            tried: past.reigns.iter().map(share).collect(),
            best_ppm,
            present_ppm,
            rules_ppm: case.rules_ppm,
            demand,
        })
    }

    /// Fees of a method with their share of the time.
    fn fees(&self, method: Method) -> Vec<(f64, f64)> {
        match method {
            Method::Recorded => self.tried.clone(),
            Method::Fixed(fee_ppm) => vec![(f64::from(fee_ppm), 1.0)],
            Method::Learned => vec![(self.best_ppm, 1.0)],
            Method::Present => vec![(self.present_ppm, 1.0)],
            Method::Rules => match self.rules_ppm {
                None => vec![(self.present_ppm, 1.0)],
                Some(fees) => fees.map(f64::from).into_iter().zip(self.balances).collect(),
            },
            Method::Proportional { full_ppm, empty_ppm } => {
                let (full, empty) = (f64::from(full_ppm), f64::from(empty_ppm));
                let at = |class: usize| {
                    let ratio = (class as f64 + 0.5) / BALANCES as f64;
                    full + (1.0 - ratio) * (empty - full)
                };
                self.balances.iter().enumerate().map(|(class, share)| (at(class), *share)).collect()
            }
        }
    }

    fn is_known(&self, fee_ppm: f64) -> bool {
        let near = |tried: f64| {
            let (low, high) = (tried.max(1.0) / KNOWN, tried.max(1.0) * KNOWN);
            (low..=high).contains(&fee_ppm.max(1.0))
        };
        self.tried.iter().any(|(tried, _)| near(*tried))
    }

    /// A plausible curve and supply: the curve's shape by belief, both scales by how few forwards
    /// they rest on.
    fn draw(&self, rng: &mut ChaCha8Rng) -> Option<(Curve, f64)> {
        let mut left: f64 = rng.random();
        let mut curves = self.demand.curves().iter();
        let hit = curves.find(|curve| {
            left -= curve.belief;
            left <= 0.0
        });
        let scale = gamma(rng, self.forwards) / self.forwards;
        let curve = hit.or(self.demand.curves().last())?;
        let supply = self.supply_msat_per_day * gamma(rng, self.returns) / self.returns;
        Some((Curve { free_msat_per_day: curve.free_msat_per_day * scale, ..*curve }, supply))
    }

    /// Revenue of some fees under a curve, msat a day: all, and that far from tried fees.
    fn revenue(&self, fees: &[(f64, f64)], (curve, supply): &(Curve, f64)) -> (f64, f64) {
        let wanted: f64 =
            fees.iter().map(|(fee, share)| share * curve.demand_msat_per_day(*fee)).sum();
        let sent = (supply / wanted.max(self.grain_msat * 1e-9)).min(1.0);
        let mut both = (0.0, 0.0);
        for (fee, share) in fees {
            let earned = share * fee / 1e6 * curve.demand_msat_per_day(*fee) * sent;
            both.0 += earned;
            both.1 += if self.is_known(*fee) { 0.0 } else { earned };
        }
        both
    }
}

fn balances(past: &Past<'_>, span: Span) -> [f64; BALANCES] {
    let capacity = past.inbound.capacity_msat.max(1) as f64;
    let mut seconds = [0.0; BALANCES];
    let ends = past.samples.iter().skip(1).map(|next| next.at_s).chain([past.now_s]);
    for (sample, to_s) in past.samples.iter().zip(ends) {
        let held = Span { from_s: sample.at_s, to_s };
        let class = (sample.outbound_msat as f64 / capacity * BALANCES as f64) as usize;
        if let Some(of_class) = seconds.get_mut(class.min(BALANCES - 1)) {
            *of_class += span.shared_s(held) as f64;
        }
    }
    let total: f64 = seconds.iter().sum();
    if total > 0.0 { seconds.map(|part| part / total) } else { [1.0 / BALANCES as f64; BALANCES] }
}

/// What a method earns under each draw, msat a day, and how much of it all on unknown ground.
fn totals(method: Method, channels: &[Channel], draws: usize, seed: u64) -> (Vec<f64>, f64) {
    let fees: Vec<Vec<(f64, f64)>> = channels.iter().map(|channel| channel.fees(method)).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut totals, mut unknown) = (Vec::with_capacity(draws), 0.0);
    for _ in 0..draws {
        let mut total = 0.0;
        for (channel, fees) in channels.iter().zip(&fees) {
            let Some(drawn) = channel.draw(&mut rng) else { continue };
            let (all, far) = channel.revenue(fees, &drawn);
            total += all;
            unknown += far;
        }
        totals.push(total);
    }
    (totals, unknown)
}

fn estimate(method: Method, channels: &[Channel], present: &[f64], seed: u64) -> Estimate {
    let (mut totals, unknown) = totals(method, channels, present.len(), seed);
    let pairs = totals.iter().zip(present);
    let mut gains: Vec<f64> = pairs.map(|(own, present)| own - present).collect();
    totals.sort_by(f64::total_cmp);
    gains.sort_by(f64::total_cmp);
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len().max(1) as f64;
    let sum: f64 = totals.iter().sum();
    let gain = (mean(&gains), point(&gains, 0.025), point(&gains, 0.975));
    Estimate {
        method,
        mean_msat_per_day: mean(&totals),
        interval_msat_per_day: (point(&totals, 0.025), point(&totals, 0.975)),
        gain_msat_per_day: gain,
        unknown_ground: if sum > 0.0 { unknown / sum } else { 0.0 },
    }
}

/// The point below which a share of sorted values lies.
fn point(sorted: &[f64], share: f64) -> f64 {
    let at = (share * (sorted.len().saturating_sub(1)) as f64).round() as usize;
    sorted.get(at).copied().unwrap_or_default()
}

/// A gamma draw of scale one (Marsaglia and Tsang 2000).
fn gamma(rng: &mut ChaCha8Rng, shape: f64) -> f64 {
    if shape < 1.0 {
        let boost = rng.random::<f64>().max(f64::MIN_POSITIVE).powf(1.0 / shape);
        return gamma(rng, shape + 1.0) * boost;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = crate::market::normal(rng);
        let v = (1.0 + c * x).powi(3);
        let u: f64 = 1.0 - rng.random::<f64>();
        if v > 0.0 && u.ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DAY_S;
    use crate::demand::Reign;
    use crate::market::{Kind, Market, View};
    use crate::supply::Inbound;

    /// Fees of 100, 200 and 400 ppm, ten days each, in turn.
    const TURNS: [u32; 3] = [100, 200, 400];

    fn reigns_of(days: i64) -> Vec<Reign> {
        let turn = |index: i64| {
            let span = Span { from_s: index * 10 * DAY_S, to_s: (index + 1) * 10 * DAY_S };
            Reign { span, fee_ppm: TURNS[(index % 3) as usize] }
        };
        (0..days / 10).map(turn).collect()
    }

    /// The estimates after a market was played by turns.
    fn judged(market: &Market, methods: &[Method]) -> Vec<Estimate> {
        let reigns = reigns_of(90);
        let mut found = Vec::new();
        market.play(TURNS[0], |view: &View<'_>| {
            let past = Past {
                reigns: &reigns,
                forwards: view.forwards,
                inbound: Inbound { capacity_msat: view.capacity_msat, incoming: view.incoming },
                samples: view.samples,
                now_s: view.now_s,
            };
            if view.now_s == 90 * DAY_S {
                let learner = Learner::default();
                found = replay(&learner, &[Case::of(&learner, past)], methods, 300, 1);
            }
            TURNS[(view.now_s / DAY_S / 10 % 3) as usize]
        });
        found
    }

    #[test]
    fn what_a_tried_fee_earned_is_inside_its_interval_more_often_than_not() {
        let mut inside = 0;
        for seed in 0..30 {
            let market = Market::draw(Kind::Elastic, 90, 900 + seed);
            let estimates = judged(&market, &[Method::Fixed(200)]);
            let truth = market.play(200, |_| 200).revenue_msat as f64 / 90.0;
            let (low, high) = estimates[0].interval_msat_per_day;
            inside += u32::from((low..=high).contains(&truth));
        }
        println!("{inside} of 30 inside");
        assert!(inside >= 20, "{inside} of 30");
    }

    #[test]
    fn the_learned_fee_is_estimated_no_worse_than_the_tried_ones_and_unknown_ground_is_said() {
        let market = Market::draw(Kind::Elastic, 90, 4);
        let methods = [
            Method::Learned,
            Method::Fixed(100),
            Method::Fixed(400),
            Method::Fixed(5_000),
            Method::Recorded,
        ];
        let estimates = judged(&market, &methods);
        let mean = |index: usize| estimates[index].mean_msat_per_day;
        assert!(mean(0) >= 0.95 * mean(1).max(mean(2)), "{estimates:?}");
        assert!(estimates[1].unknown_ground == 0.0 && estimates[3].unknown_ground > 0.999);
        assert!(mean(4) > 0.0);
        // The last turn is 400 ppm: it is its own measure.
        let own = judged(&market, &[Method::Present, Method::Rules]);
        assert_eq!(own[0].gain_msat_per_day, (0.0, 0.0, 0.0));
        assert_eq!(own[1].gain_msat_per_day, (0.0, 0.0, 0.0), "no rules: the fee in force");
        let (gain, low, high) = estimates[0].gain_msat_per_day;
        assert!(low <= gain && gain <= high && gain > 0.0, "{estimates:?}");
        assert_eq!(judged(&market, &methods), estimates, "the same draws");
    }

    #[test]
    fn gamma_draws_have_their_mean_and_variance() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for shape in [0.5, 4.0] {
            let draws: Vec<f64> = (0..40_000).map(|_| gamma(&mut rng, shape)).collect();
            let mean = draws.iter().sum::<f64>() / 40_000.0;
            let square = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 40_000.0;
            assert!((mean / shape - 1.0).abs() < 0.03 && (square / shape - 1.0).abs() < 0.08);
        }
    }
}
