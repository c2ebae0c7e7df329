//! What the agent works out for its channel ends: forecasts always, prices and urgencies where
//! rules for fees are set.
//!
//! One task is the only sender of [`Steer`]s. It must never take a cycle for traffic, and until it
//! has watched for a while it leaves the forecast to the core.

use crate::driver::DriverHandle;
use crate::fees::Judgement;
use debal_backends::ledger::PortError;
use debal_learn::forecast::{Drift, Forecast, Report, Residual, Settings};
use debal_protocol::config::{Caps, Liquidity};
use debal_protocol::input::Operator;
use debal_protocol::steer::{Depletion, Steer};
use debal_protocol::transfer::Kind;
use debal_protocol::{ChannelId, Node};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Past this no time is named, seconds.
const HORIZON_S: u64 = 7 * 86_400;
/// The past counts half after so many epochs, and so many of silence are assumed before it: the
/// 6 h and 2 h that were chosen for epochs of ten minutes.
const HALF_LIFE_EPOCHS: f64 = 36.0;
const PRIOR_EPOCHS: f64 = 12.0;

/// A forecast for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Outlook {
    /// Seconds until it is empty, at 10, 50 and 90 %; nothing past a week.
    pub depletion_s: [Option<u64>; 3],
    /// Seconds until it is full.
    pub saturation_s: [Option<u64>; 3],
    /// Probability that it is empty within tau, ppm.
    pub depleted_ppm: u32,
    /// Probability that it is full within tau, ppm.
    pub saturated_ppm: u32,
    /// Who forecasts: `learned` or `rule`.
    pub by: &'static str,
}

/// What is known of a channel end beyond the core.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Known {
    /// When it runs dry or full.
    pub forecast: Option<Outlook>,
    /// What its liquidity is worth by the fee rules.
    pub fees: Option<Judgement>,
}

/// The newest of everything, shared by the fee pass, the steering and `why`.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Entries>>);

/// What is known of each channel, and what the fee rules want of it.
type Entries = BTreeMap<ChannelId, (Known, Option<Steer>)>;

impl Board {
    /// What is known of a channel.
    #[must_use]
    pub fn of(&self, channel: ChannelId) -> Option<Known> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&channel).map(|(known, _)| known.clone())
    }

    /// Takes in what the fee rules make of every channel.
    pub fn judged(&self, judged: Vec<(ChannelId, Judgement, Option<Steer>)>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (known, steer) in all.values_mut() {
            (known.fees, *steer) = (None, None);
        }
        for (channel, judgement, steer) in judged {
            let entry = all.entry(channel).or_default();
            (entry.0.fees, entry.1) = (Some(judgement), steer);
        }
    }

    /// Takes in a forecast and gives back what the fee rules want of the channel.
    fn forecast(&self, channel: ChannelId, outlook: Option<Outlook>) -> Option<Steer> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = all.entry(channel).or_default();
        entry.0.forecast = outlook;
        entry.1
    }

    fn keep(&self, channels: &[Seen]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|channel, _| channels.iter().any(|seen| seen.channel == *channel));
    }
}

/// A channel at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    channel: ChannelId,
    local_msat: u64,
    capacity_msat: u64,
    /// Changes whenever a cycle touches the channel.
    cycles: (usize, u64),
}

/// A channel's past.
struct Past {
    drift: Drift,
    cycles: (usize, u64),
    /// Since when it is watched, Unix milliseconds.
    since_ms: u64,
    sent: Option<Steer>,
}

/// Steers the channel ends of one node.
pub struct Steering {
    driver: DriverHandle,
    board: Board,
    liquidity: Liquidity,
    caps: Caps,
    epoch_ms: u64,
    residual: Option<Residual>,
    pasts: BTreeMap<ChannelId, Past>,
}

impl Steering {
    /// Steering with the shipped forecast; a model that does not load means the rule, and says so.
    #[must_use]
    pub fn new(
        driver: DriverHandle,
        board: Board,
        liquidity: Liquidity,
        caps: Caps,
        epoch_ms: u64,
    ) -> Self {
        let residual = Residual::shipped()
            .inspect_err(|why| tracing::warn!(%why, "forecasts are by the plain rule"))
            .ok();
        Self { driver, board, liquidity, caps, epoch_ms, residual, pasts: BTreeMap::new() }
    }

    /// Looks, forecasts and steers for ever; ends when the driver stops.
    pub async fn run(mut self) {
        let every = Duration::from_millis((self.epoch_ms / 4).clamp(250, 60_000));
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
        let (seen, now_ms) = self.driver.look(|node, now| (seen_of(node), now.wall_ms)).await?;
        self.board.keep(&seen);
        self.pasts.retain(|channel, _| seen.iter().any(|seen| seen.channel == *channel));
        for end in seen {
            let outlook = self.outlook(end, now_ms);
            let by_fees = self.board.forecast(end.channel, outlook);
            let steer = self.steer(by_fees, outlook);
            let Some(past) = self.pasts.get_mut(&end.channel) else { continue };
            if past.sent == steer {
                continue;
            }
            past.sent = steer;
            let request = Operator::Steer { channel: end.channel, steer };
            match self.driver.operator(request).await {
                // A channel that went away meanwhile needs no steering.
                Ok(_) | Err(PortError::Refused(_) | PortError::Busy) => {}
                Err(gone) => return Err(gone),
            }
        }
        Ok(())
    }

    fn outlook(&mut self, end: Seen, now_ms: u64) -> Option<Outlook> {
        let epoch_s = self.epoch_ms as f64 / 1_000.0;
        let settings =
            Settings { half_life_s: HALF_LIFE_EPOCHS * epoch_s, prior_s: PRIOR_EPOCHS * epoch_s };
        let past = self.pasts.entry(end.channel).or_insert_with(|| Past {
            drift: Drift::new(settings),
            cycles: end.cycles,
            since_ms: now_ms,
            sent: None,
        });
        if past.cycles == end.cycles {
            past.drift.observe(now_ms, end.local_msat);
        } else {
            past.drift.rebase(now_ms, end.local_msat);
            past.cycles = end.cycles;
        }
        let watched_s = now_ms.saturating_sub(past.since_ms) as f64 / 1_000.0;
        if watched_s < settings.prior_s {
            return None;
        }
        let (local, capacity) = (end.local_msat, end.capacity_msat);
        let estimate = past.drift.estimate();
        let forecast = Forecast::new(local, capacity, estimate, self.residual.as_ref());
        let tau_s = self.liquidity.tau_ms / 1_000;
        let report = forecast.report([self.epoch_ms / 1_000, tau_s, tau_s * 3], HORIZON_S);
        Some(outlook_of(&report, self.residual.is_some()))
    }

    /// What the fee rules want, or the configuration, with the forecast.
    fn steer(&self, by_fees: Option<Steer>, outlook: Option<Outlook>) -> Option<Steer> {
        let forecast = outlook.map(|outlook| {
            let [_, median_s, _] = outlook.depletion_s;
            median_s.map_or(Depletion::Never, |s| Depletion::InMs(s.saturating_mul(1_000)))
        });
        let base = by_fees.or_else(|| {
            forecast.map(|_| Steer {
                target_ppm: self.liquidity.target_ppm,
                lend_band_ppm: self.liquidity.lend_band_ppm,
                price_ppm: self.liquidity.price_ppm,
                fee_max_ppm: self.caps.fee_max_ppm,
                urgency: None,
                forecast: None,
            })
        });
        base.map(|steer| Steer { forecast, ..steer })
    }
}

fn outlook_of(report: &Report, learned: bool) -> Outlook {
    let [_, depleted_ppm, _] = report.depleted_ppm;
    let [_, saturated_ppm, _] = report.saturated_ppm;
    Outlook {
        depletion_s: report.depletion_s,
        saturation_s: report.saturation_s,
        depleted_ppm,
        saturated_ppm,
        by: if learned { "learned" } else { "rule" },
    }
}

/// What a channel's end owns counts its own locks: a payment counts when it settles.
fn seen_of(node: &Node) -> Vec<Seen> {
    let durable = node.durable();
    let mut cycles: BTreeMap<ChannelId, (usize, u64)> = BTreeMap::new();
    for transfer in durable.transfers.values() {
        if !matches!(transfer.kind, Kind::Cycle { .. }) {
            continue;
        }
        for leg in [transfer.incoming, transfer.outgoing].into_iter().flatten() {
            let entry = cycles.entry(leg.channel).or_default();
            let marks = transfer.began_ms.saturating_add(u64::from(leg.ended()));
            *entry = (entry.0.saturating_add(1), entry.1.max(marks));
        }
    }
    let channels = durable.channels.iter().map(|(id, channel)| Seen {
        channel: *id,
        local_msat: channel.local_msat().plus_capped(channel.state().locked_by(channel.side)).0,
        capacity_msat: channel.terms.capacity_msat.0,
        cycles: cycles.get(id).copied().unwrap_or_default(),
    });
    channels.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Op;
    use crate::world::{World, ask, event_of, open};

    const EPOCH_MS: u64 = 600_000;
    const CHANNEL: &str = "1x1x1";

    fn end(local_msat: u64, cycles: usize) -> Seen {
        let channel = CHANNEL.parse().unwrap();
        Seen { channel, local_msat, capacity_msat: 1_000_000_000, cycles: (cycles, 0) }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_drain_is_forecast_once_it_was_watched_and_a_cycle_is_no_drain() {
        let world = World::new(1, EPOCH_MS);
        let agents = world.start().await;
        let driver = agents[0].service().driver.clone();
        let (liquidity, caps) = (Liquidity::default(), Caps::default());
        let mut steering = Steering::new(driver, Board::default(), liquidity, caps, EPOCH_MS);
        // 1,000,000 msat leave in each minute, for three hours; then a cycle brings some back.
        let minute_ms = 60_000;
        let mut last = None;
        for minute in 0..180u64 {
            let outlook =
                steering.outlook(end(900_000_000 - minute * 1_000_000, 0), minute * minute_ms);
            assert_eq!(outlook.is_some(), minute >= 120, "minute {minute}");
            last = outlook;
        }
        let median_s = last.unwrap().depletion_s[1].unwrap();
        // 12 hours are left at this drain; the silence assumed before it makes that later.
        assert!((12 * 3_600..=36 * 3_600).contains(&median_s), "{median_s}");
        let after = steering.outlook(end(800_000_000, 1), 180 * minute_ms).unwrap();
        assert!(after.depletion_s[1].unwrap() > median_s, "{after:?}");
        let steer = steering.steer(None, last).unwrap();
        assert_eq!(steer.forecast, Some(Depletion::InMs(median_s * 1_000)));
        assert_eq!((steer.urgency, steer.fee_max_ppm), (None, caps.fee_max_ppm));
        assert_eq!(steering.steer(None, None), None);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_the_fee_rules_want_reaches_the_core_and_why() {
        let world = World::new(2, EPOCH_MS);
        let agents = world.start().await;
        open([&agents[0], &agents[1]], CHANNEL, 1_000_000_000, 200_000_000).await;
        event_of(&agents[0], "channel_opened").await;
        let service = agents[0].service();
        let channel: ChannelId = CHANNEL.parse().unwrap();
        let wants = Steer {
            target_ppm: 600_000,
            lend_band_ppm: 100_000,
            price_ppm: 7,
            fee_max_ppm: 300,
            urgency: Some(42),
            forecast: None,
        };
        let judgement =
            Judgement { channel: CHANNEL.to_owned(), worth_ppm: 375, ..Judgement::default() };
        service.board.judged(vec![(channel, judgement, Some(wants))]);
        let (liquidity, caps) = (Liquidity::default(), Caps::default());
        let driver = service.driver.clone();
        let mut steering = Steering::new(driver, service.board.clone(), liquidity, caps, EPOCH_MS);
        steering.tick().await.unwrap();
        let why = ask(&agents[0], Op::Why { channel: CHANNEL.to_owned() }).await;
        assert_eq!((why["urgency"].as_u64(), why["want"].as_str()), (Some(42), Some("receive")));
        assert_eq!(why["fees"]["worth_ppm"], 375);
    }
}
