//! What is known of every channel end beyond the core, for `why` and `status`, and what the fee
//! rules want of it.
//!
//! It must never decide anything: the fee pass and the steering write it, people read it.

use crate::fees::Judgement;
use debal_protocol::ChannelId;
use debal_protocol::steer::Steer;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A forecast for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Outlook {
    /// Seconds until it is empty, at 10, 50 and 90 %; nothing past a week.
    pub depletion_s: [Option<u64>; 3],
    /// Seconds until it is full.
    pub saturation_s: [Option<u64>; 3],
    /// Probability that it is empty within an epoch, tau and three tau, ppm.
    pub depleted_ppm: [u32; 3],
    /// Probability that it is full within the same times, ppm.
    pub saturated_ppm: [u32; 3],
    /// Who forecasts: `learned` or `rule`.
    pub by: &'static str,
}

/// What a channel end asks for or lends, and who decided it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Who: a rule, or a model with its version.
    pub by: String,
    /// Outbound share it should have, ppm of the capacity.
    pub target_ppm: u32,
    /// What it bids for getting there, ppm of the amount; 0: it asks for nothing.
    pub bid_ppm: u32,
    /// How far from the target it lends, ppm of the capacity.
    pub lend_ppm: u32,
}

/// What is known of a channel end beyond the core.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Known {
    /// When it runs dry or full.
    pub forecast: Option<Outlook>,
    /// What it asks for or lends by that; nothing where thresholds or fee rules decide.
    pub decision: Option<Decision>,
    /// What its liquidity is worth by the fee rules.
    pub fees: Option<Judgement>,
}

/// What is known of each channel, and what the fee rules want of it.
type Entries = BTreeMap<ChannelId, (Known, Option<Steer>)>;

/// The newest of everything, shared by the fee pass, the steering and `why`.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Entries>>);

impl Board {
    /// What is known of a channel.
    #[must_use]
    pub fn of(&self, channel: ChannelId) -> Option<Known> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&channel).map(|(known, _)| known.clone())
    }

    /// How many channels each decider decides for, by name; `thresholds` for the rest.
    #[must_use]
    pub fn deciders(&self) -> BTreeMap<String, usize> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = BTreeMap::new();
        for (known, by_fees) in all.values() {
            let by = match (&known.decision, by_fees) {
                (_, Some(_)) => "fee rules",
                (Some(decision), None) => decision.by.as_str(),
                (None, None) => "thresholds",
            };
            *found.entry(by.to_owned()).or_default() += 1;
        }
        found
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

    /// Takes in a forecast and what was decided by it, and gives back what the fee rules want of
    /// the channel.
    pub(super) fn foreseen(
        &self,
        channel: ChannelId,
        outlook: Option<Outlook>,
        decision: Option<Decision>,
    ) -> Option<Steer> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, by_fees) = all.entry(channel).or_default();
        known.forecast = outlook;
        known.decision = decision.filter(|_| by_fees.is_none());
        *by_fees
    }

    pub(super) fn keep(&self, wanted: impl Fn(ChannelId) -> bool) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|channel, _| wanted(*channel));
    }
}
