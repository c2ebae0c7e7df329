//! What the agent works out for its channel ends: forecasts always, and what each end asks for,
//! by the policy that decides, or by the fee rules where those are set.
//!
//! One task is the only sender of [`Steer`]s. It must never take a cycle for traffic, and until it
//! has watched for a while it leaves forecast and decision to the core.

mod board;
mod chooser;
mod past;

pub use board::{Board, Decision, Known, Outlook};

use crate::config::{Decides, Learning};
use crate::driver::DriverHandle;
use chooser::Chooser;
use debal_backends::ledger::PortError;
use debal_learn::forecast::{Estimate, Forecast, Report, Residual};
use debal_learn::policy::End;
use debal_protocol::ChannelId;
use debal_protocol::config::{Caps, Liquidity};
use debal_protocol::input::Operator;
use debal_protocol::steer::{Depletion, Steer};
use past::{Past, Seen, seen_of};
use std::collections::BTreeMap;
use std::time::Duration;

/// Past this no time is named, seconds of the models' clock.
const HORIZON_S: u64 = 7 * 86_400;
/// The epoch that forecasts and policies were trained and tuned for, milliseconds. Where epochs are
/// shorter everything is faster, the models' clock too.
const MODEL_EPOCH_MS: u64 = 600_000;

/// What the configuration and the network set for every channel end.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Thresholds.
    pub liquidity: Liquidity,
    /// What may be at stake.
    pub caps: Caps,
    /// Length of an epoch, milliseconds.
    pub epoch_ms: u64,
}

/// Steers the channel ends of one node.
pub struct Steering {
    driver: DriverHandle,
    board: Board,
    limits: Limits,
    learning: Learning,
    residual: Option<Residual>,
    chooser: Option<Chooser>,
    pasts: BTreeMap<ChannelId, Past>,
    /// What the core has been told of each channel.
    sent: BTreeMap<ChannelId, Steer>,
    /// When it last looked, Unix milliseconds.
    looked_ms: u64,
}

impl Steering {
    /// Steering with the shipped forecast; a model that does not load means the rule, and says so.
    #[must_use]
    pub fn new(driver: DriverHandle, board: Board, limits: Limits, learning: Learning) -> Self {
        let residual = Residual::shipped()
            .inspect_err(|why| tracing::warn!(%why, "forecasts are by the plain rule"))
            .ok();
        let chooser = Chooser::of(learning.decides, limits.liquidity.theta_ppm);
        let (pasts, sent) = (BTreeMap::new(), BTreeMap::new());
        Self { driver, board, limits, learning, residual, chooser, pasts, sent, looked_ms: 0 }
    }

    /// Looks, forecasts and steers for ever; ends when the driver stops.
    pub async fn run(mut self) {
        let every = Duration::from_millis((self.limits.epoch_ms / 4).clamp(250, 60_000));
        loop {
            if self.tick().await.is_err() {
                return;
            }
            tokio::time::sleep(every).await;
        }
    }

    /// One look.
    ///
    /// # Errors
    /// [`PortError`] once the driver is gone.
    pub async fn tick(&mut self) -> Result<(), PortError> {
        let since_ms = self.looked_ms;
        let look = self.driver.look(move |node, now| (seen_of(node, since_ms), now.wall_ms));
        let (seen, now_ms) = look.await?;
        self.looked_ms = now_ms;
        let there = |channel: &ChannelId| seen.iter().any(|seen| seen.channel == *channel);
        self.board.keep(|channel| there(&channel));
        self.pasts.retain(|channel, _| there(channel));
        self.sent.retain(|channel, _| there(channel));
        let needy = seen.iter().filter(|end| thin(end)).count();
        for end in &seen {
            let steer = self.judge(end, now_ms, (needy, seen.len()));
            if self.sent.get(&end.channel).copied() == steer {
                continue;
            }
            let request = Operator::Steer { channel: end.channel, steer };
            match self.driver.operator(request).await {
                Ok(_) => {}
                // A channel that went away meanwhile needs no steering.
                Err(PortError::Refused(_)) => {}
                // Not taken: the next look tries again.
                Err(PortError::Busy) => continue,
                Err(gone) => return Err(gone),
            }
            match steer {
                Some(steer) => self.sent.insert(end.channel, steer),
                None => self.sent.remove(&end.channel),
            };
        }
        Ok(())
    }

    /// What the core should know of this end; `None` leaves it to the configuration.
    fn judge(&mut self, end: &Seen, now_ms: u64, needy: (usize, usize)) -> Option<Steer> {
        let report = self.report(end, now_ms);
        let outlook = report.as_ref().map(|report| self.outlook(report));
        let decision = report.as_ref().and_then(|report| self.decide(end, report, now_ms, needy));
        let by_fees = self.board.foreseen(end.channel, outlook, decision.clone());
        self.steer(by_fees, outlook, decision.as_ref())
    }

    /// The forecast, once the channel was watched long enough.
    fn report(&mut self, end: &Seen, now_ms: u64) -> Option<Report> {
        let epoch_s = self.limits.epoch_ms as f64 / 1_000.0;
        let silence_s = f64::from(self.learning.watch_epochs) * epoch_s;
        let new = || Past::new(end, now_ms, epoch_s, silence_s);
        let past = self.pasts.entry(end.channel).or_insert_with(new);
        past.look(end, now_ms);
        let watched_s = now_ms.saturating_sub(past.since_ms) as f64 / 1_000.0;
        if watched_s < silence_s {
            return None;
        }
        let (local, capacity) = (end.local_msat, end.capacity_msat);
        let estimate = past.drift.estimate();
        let estimate = self.by_models_clock(estimate);
        let forecast = Forecast::new(local, capacity, estimate, self.residual.as_ref());
        Some(forecast.report(self.ahead_s(), HORIZON_S))
    }

    /// Seconds of the models' clock in one of ours: 1 where epochs take ten minutes.
    fn pace(&self) -> f64 {
        MODEL_EPOCH_MS as f64 / self.limits.epoch_ms.max(1) as f64
    }

    /// The same past as it would have been with epochs of ten minutes.
    fn by_models_clock(&self, estimate: Estimate) -> Estimate {
        let pace = self.pace();
        Estimate {
            mu: estimate.mu / pace,
            sigma2: estimate.sigma2 / pace,
            span_s: estimate.span_s * pace,
        }
    }

    /// An epoch, tau, three tau by the models' clock.
    fn ahead_s(&self) -> [u64; 3] {
        let tau_s = (self.limits.liquidity.tau_ms as f64 / 1_000.0 * self.pace()) as u64;
        [MODEL_EPOCH_MS / 1_000, tau_s, tau_s.saturating_mul(3)]
    }

    /// The forecast for people, by our clock.
    fn outlook(&self, report: &Report) -> Outlook {
        let pace = self.pace();
        let ours = |all: [Option<u64>; 3]| all.map(|s| s.map(|s| (s as f64 / pace).round() as u64));
        Outlook {
            depletion_s: ours(report.depletion_s),
            saturation_s: ours(report.saturation_s),
            depleted_ppm: report.depleted_ppm,
            saturated_ppm: report.saturated_ppm,
            by: if self.residual.is_some() { "learned" } else { "rule" },
        }
    }

    fn decide(
        &self,
        end: &Seen,
        report: &Report,
        now_ms: u64,
        (needy, channels): (usize, usize),
    ) -> Option<Decision> {
        let (chooser, past) = (self.chooser.as_ref()?, self.pasts.get(&end.channel)?);
        let (estimate, pace) = (self.by_models_clock(past.drift.estimate()), self.pace());
        let safe = chooser.margin().map(|(horizon, risk_ppm)| {
            let within_s = self.ahead_s()[horizon];
            let residual = self.residual.as_ref();
            Forecast::safe_msat(end.capacity_msat, estimate, residual, within_s, risk_ppm)
        });
        let others = channels.saturating_sub(1).max(1);
        let needy = needy.saturating_sub(usize::from(thin(end)));
        let [fee_out, fee_in] = past.fees_day;
        Some(chooser.decide(&End {
            capacity_msat: end.capacity_msat,
            local_msat: end.local_msat,
            depleted_ppm: report.depleted_ppm,
            saturated_ppm: report.saturated_ppm,
            at_s: report.at_s,
            safe_msat: safe.unwrap_or_default(),
            fee_out_msat_day: (fee_out / pace) as u64,
            fee_in_msat_day: (fee_in / pace) as u64,
            // Prices of neighbours are not looked at here.
            gap_ppm: 0,
            drift_msat_day: (estimate.mu * 86_400.0) as i64,
            since_action_s: (now_ms.saturating_sub(past.rebalanced_ms) as f64 / 1_000.0 * pace)
                as u64,
            needy_ppm: debal_learn::ppm(needy as f64 / others as f64),
        }))
    }

    /// What the fee rules want, or the policy, or the configuration, with the forecast.
    fn steer(
        &self,
        by_fees: Option<Steer>,
        outlook: Option<Outlook>,
        decision: Option<&Decision>,
    ) -> Option<Steer> {
        let liquidity = &self.limits.liquidity;
        let heard = outlook.filter(|_| self.learning.decides != Decides::Off);
        let forecast = heard.map(|outlook| {
            let [_, median_s, _] = outlook.depletion_s;
            median_s.map_or(Depletion::Never, |s| Depletion::InMs(s.saturating_mul(1_000)))
        });
        let decided = || decision.map(|it| it.steer(liquidity.price_ppm, &self.limits.caps));
        let configured = || {
            forecast.map(|_| Steer {
                target_ppm: liquidity.target_ppm,
                lend_band_ppm: liquidity.lend_band_ppm,
                dead_band_ppm: liquidity.dead_band_ppm,
                price_ppm: liquidity.price_ppm,
                fee_max_ppm: self.limits.caps.fee_max_ppm,
                urgency: None,
                forecast: None,
            })
        };
        let base = by_fees.or_else(decided).or_else(configured);
        base.map(|steer| Steer { forecast, ..steer })
    }
}

/// Whether the smaller side is below a fifth: what counts as need among the other channels.
fn thin(end: &Seen) -> bool {
    let remote_msat = end.capacity_msat.saturating_sub(end.local_msat);
    end.local_msat.min(remote_msat) < end.capacity_msat / 5
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Op;
    use crate::fees::Judgement;
    use crate::world::{World, ask, event_of, open};

    const EPOCH_MS: u64 = 600_000;
    const CHANNEL: &str = "1x1x1";
    const WANTS: Steer = Steer {
        target_ppm: 600_000,
        lend_band_ppm: 100_000,
        dead_band_ppm: 50_000,
        price_ppm: 7,
        fee_max_ppm: 300,
        urgency: Some(42),
        forecast: None,
    };

    fn steering(driver: DriverHandle, board: Board, decides: Decides) -> Steering {
        let (liquidity, caps) = (Liquidity::default(), Caps::default());
        let limits = Limits { liquidity, caps, epoch_ms: EPOCH_MS };
        Steering::new(driver, board, limits, Learning { decides, watch_epochs: 12 })
    }

    fn end(local_msat: u64, cycles: usize) -> Seen {
        let channel = CHANNEL.parse().unwrap();
        let capacity_msat = 1_000_000_000;
        Seen { channel, local_msat, capacity_msat, cycles: (cycles, 0), fees_msat: [0; 2] }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_drain_is_forecast_once_it_was_watched_and_a_cycle_is_no_drain() {
        let world = World::new(1, EPOCH_MS);
        let agents = world.start().await;
        let driver = agents[0].service().driver.clone();
        let mut steering = steering(driver, Board::default(), Decides::Thresholds);
        // 1,000,000 msat leave in each minute, for three hours; then a cycle brings some back.
        let minute_ms = 60_000;
        let mut last = None;
        for minute in 0..180u64 {
            let seen = end(900_000_000 - minute * 1_000_000, 0);
            last = steering.judge(&seen, minute * minute_ms, (0, 1));
            assert_eq!(last.is_some(), minute >= 120, "minute {minute}");
        }
        let steer = last.unwrap();
        let median_s = steer.forecast.and_then(Depletion::ms).unwrap() / 1_000;
        // 12 hours are left at this drain; the silence assumed before it makes that later.
        assert!((12 * 3_600..=36 * 3_600).contains(&median_s), "{median_s}");
        let after = steering.judge(&end(800_000_000, 1), 180 * minute_ms, (0, 1)).unwrap();
        let after_s = after.forecast.and_then(Depletion::ms).unwrap() / 1_000;
        assert!(after_s > median_s, "{after_s}");
        assert_eq!((steer.urgency, steer.fee_max_ppm), (None, Caps::default().fee_max_ppm));
        assert_eq!(steering.steer(None, None, None), None);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_policy_decides_by_the_forecast_the_fee_rules_come_first_and_off_is_off() {
        let world = World::new(3, EPOCH_MS);
        let agents = world.start().await;
        let driver = || agents[0].service().driver.clone();
        let board = Board::default();
        // Drains 2,000,000 msat a minute: what is left lasts little longer than the next epoch.
        let drained = |steering: &mut Steering| {
            (0..180u64).fold(None, |_, minute| {
                let seen = end(370_000_000 - minute * 2_000_000, 0);
                steering.judge(&seen, minute * 60_000, (0, 1))
            })
        };
        let mut by_margin = steering(driver(), board.clone(), Decides::Margin);
        let steer = drained(&mut by_margin).unwrap();
        assert!(steer.target_ppm > 100_000 && steer.urgency > Some(10), "{steer:?}");
        assert_eq!((steer.lend_band_ppm, steer.dead_band_ppm), (0, 0));
        assert!(matches!(steer.forecast, Some(Depletion::InMs(_))));
        let known = board.of(CHANNEL.parse().unwrap()).unwrap();
        assert_eq!(known.decision.unwrap().by, "margin rule");
        assert_eq!(board.deciders().get("margin rule"), Some(&1));
        let judged = Judgement { channel: CHANNEL.to_owned(), ..Judgement::default() };
        board.judged(vec![(CHANNEL.parse().unwrap(), judged, Some(WANTS))]);
        let after = by_margin.judge(&end(10_000_000, 0), 180 * 60_000, (0, 1)).unwrap();
        assert_eq!(Steer { forecast: None, ..after }, WANTS);
        assert_eq!(board.deciders().get("fee rules"), Some(&1));
        let mut off = steering(driver(), Board::default(), Decides::Off);
        assert_eq!(drained(&mut off), None);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_network_with_short_epochs_is_the_same_network_on_a_faster_clock() {
        let world = World::new(4, EPOCH_MS);
        let agents = world.start().await;
        let driver = || agents[0].service().driver.clone();
        let steered = |faster: u64| {
            let liquidity = Liquidity { tau_ms: 7_200_000 / faster, ..Liquidity::default() };
            let limits = Limits { liquidity, caps: Caps::default(), epoch_ms: EPOCH_MS / faster };
            let learning = Learning { decides: Decides::Margin, watch_epochs: 12 };
            let mut steering = Steering::new(driver(), Board::default(), limits, learning);
            let last = (0..180u64).fold(None, |_, minute| {
                let seen = end(370_000_000 - minute * 2_000_000, 0);
                steering.judge(&seen, minute * 60_000 / faster, (0, 1))
            });
            let steer = last.unwrap();
            (steer.target_ppm, steer.urgency, steer.forecast.and_then(Depletion::ms).unwrap())
        };
        let (slow, fast) = (steered(1), steered(60));
        assert_eq!((slow.0, slow.1), (fast.0, fast.1));
        assert!(fast.2.abs_diff(slow.2 / 60) <= 1_000, "{slow:?} {fast:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_the_fee_rules_want_reaches_the_core_and_why() {
        let world = World::new(2, EPOCH_MS);
        let agents = world.start().await;
        open([&agents[0], &agents[1]], CHANNEL, 1_000_000_000, 200_000_000).await;
        event_of(&agents[0], "channel_opened").await;
        let service = agents[0].service();
        let channel: ChannelId = CHANNEL.parse().unwrap();
        let judgement =
            Judgement { channel: CHANNEL.to_owned(), worth_ppm: 375, ..Judgement::default() };
        service.board.judged(vec![(channel, judgement, Some(WANTS))]);
        let (driver, board) = (service.driver.clone(), service.board.clone());
        let mut steering = steering(driver, board, Decides::Thresholds);
        steering.tick().await.unwrap();
        let why = ask(&agents[0], Op::Why { channel: CHANNEL.to_owned() }).await;
        assert_eq!((why["urgency"].as_u64(), why["want"].as_str()), (Some(42), Some("receive")));
        assert_eq!(why["fees"]["worth_ppm"], 375);
    }
}
