//! What was seen of a network of elections.
//!
//! It must never enter a decision: it only counts.

use super::members::EPOCH_MS;
use super::stats::{Tally, quantile};
use super::world::{Host, Manner};
use debal_crypto::{Digest, NodeId};
use debal_protocol::ids::Epoch;
use std::collections::{BTreeMap, BTreeSet};

/// Everything counted so far.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Claims certified by epoch and round, with their leaders.
    certified: BTreeMap<(u64, u8), BTreeMap<Digest, usize>>,
    /// When a leader first held its certificate, by epoch, after the epoch's start.
    led_ms: BTreeMap<u64, u64>,
    /// Who heard a certified leader's plan.
    heard: BTreeMap<u64, BTreeSet<usize>>,
    /// Epochs in which more than half of the weight that was there heard one.
    planned: BTreeSet<u64>,
    /// What the claims of the current epoch promise.
    pub chances: Vec<f64>,
    /// Promises and leaderships.
    pub tally: Tally,
    /// Liars: epoch of the first lie, and the one at whose end everybody had barred it.
    lies: BTreeMap<usize, (u64, Option<u64>)>,
    /// Epochs led by a liar that everybody had barred.
    led_by_barred: u64,
    /// Accusations of honest members.
    pub false_accusations: u64,
    /// Epochs from the heal to one chain for everybody.
    pub healed_after: Option<u64>,
    /// Transmissions and their bytes.
    pub messages: u64,
    /// See `messages`.
    pub bytes: u64,
    epochs: u64,
}

impl Seen {
    /// Nothing yet, of so many members.
    #[must_use]
    pub fn of(members: usize) -> Self {
        Self { tally: Tally::of(members), ..Self::default() }
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes as u64;
    }

    pub(super) fn certified(&mut self, epoch: u64, round: u8, claim: Digest, who: Option<usize>) {
        if let Some(leader) = who {
            self.certified.entry((epoch, round)).or_default().insert(claim, leader);
        }
    }

    pub(super) fn led(&mut self, epoch: u64, after_ms: u64) {
        self.led_ms.entry(epoch).or_insert(after_ms);
    }

    pub(super) fn accused(&mut self, honest: bool) {
        self.false_accusations += u64::from(honest);
    }

    pub(super) fn lied(&mut self, who: usize, epoch: u64) {
        self.lies.entry(who).or_insert((epoch, None));
    }

    /// `who` heard the plan; `weights` of all with whether they are there.
    pub(super) fn plan_heard(
        &mut self,
        epoch: u64,
        who: usize,
        weights: impl Iterator<Item = (u64, bool)>,
    ) {
        let heard = self.heard.entry(epoch).or_default();
        if self.planned.contains(&epoch) || !heard.insert(who) {
            return;
        }
        let (mut told, mut there) = (0, 0);
        for (member, (weight, up)) in weights.enumerate() {
            told += if heard.contains(&member) { weight } else { 0 };
            there += if up { weight } else { 0 };
        }
        if told * 2 > there {
            self.planned.insert(epoch);
        }
    }

    /// An epoch is over.
    pub(super) fn close(
        &mut self,
        epoch: u64,
        hosts: &[Host],
        since_heal: Option<u64>,
        numbers: &BTreeMap<NodeId, usize>,
    ) {
        if epoch == 0 {
            return;
        }
        self.epochs = epoch;
        let chances = std::mem::take(&mut self.chances);
        let record = self.certified.range((epoch, 0)..=(epoch, u8::MAX)).next();
        let leader = record.and_then(|(_, claims)| claims.values().next().copied());
        if let Some(leader) = leader {
            if !chances.is_empty() {
                self.tally.led(epoch, leader, &chances);
            }
            let barred = self.lies.get(&leader).and_then(|(_, barred)| *barred);
            self.led_by_barred += u64::from(barred.is_some_and(|at| at < epoch));
        }
        let honest = |host: &&Host| host.up && host.manner != Manner::TwoFaced;
        for (node, number) in numbers {
            let Some((_, barred)) = self.lies.get_mut(number) else { continue };
            let by = |host: &Host| host.election.quarantined(node, Epoch(epoch));
            if barred.is_none() && hosts.iter().filter(honest).all(by) {
                *barred = Some(epoch);
            }
        }
        if let Some(since) = since_heal.filter(|_| self.healed_after.is_none()) {
            let mut tips = hosts.iter().filter(|host| host.up).map(|host| host.election.tip());
            let first = tips.next();
            if tips.all(|tip| Some(tip) == first) {
                self.healed_after = Some(since);
            }
        }
    }

    /// What one seed came to, by metric; only what the weather makes meaningful.
    #[must_use]
    pub fn figures(&self, members: usize) -> Vec<(&'static str, f64)> {
        let epochs = self.epochs.max(1) as f64;
        let share = |count: usize| count as f64 / epochs;
        let led: BTreeSet<u64> = self.certified.keys().map(|(epoch, _)| *epoch).collect();
        let later: BTreeSet<u64> = (self.certified.keys())
            .filter(|(_, round)| *round > 0)
            .map(|(epoch, _)| *epoch)
            .collect();
        let twice = self.certified.values().filter(|claims| claims.len() > 1).count();
        // An epoch without a leader waited to its end.
        let waited = |epoch| self.led_ms.get(&epoch).copied().unwrap_or(EPOCH_MS) as f64 / 1e3;
        let mut waits: Vec<f64> = (1..=self.epochs).map(waited).collect();
        let per_node = epochs * members as f64;
        let mut figures = vec![
            ("certified", share(led.len())),
            ("led", share(self.planned.len())),
            ("p50_s", quantile(&mut waits, 0.5)),
            ("p99_s", quantile(&mut waits, 0.99)),
            ("within_35_s", waits.iter().filter(|wait| **wait <= 35.0).count() as f64 / epochs),
            ("within_90_s", waits.iter().filter(|wait| **wait <= 90.0).count() as f64 / epochs),
            ("later_rounds", share(later.len())),
            ("two_leaders", twice as f64),
            ("messages_per_node", self.messages as f64 / per_node),
            ("bytes_per_node", self.bytes as f64 / per_node),
            ("false_accusations", self.false_accusations as f64),
        ];
        if !self.lies.is_empty() {
            let barred = self.lies.values().filter_map(|(lied, at)| at.map(|at| at - lied));
            let barred: Vec<u64> = barred.collect();
            let mean = barred.iter().sum::<u64>() as f64 / barred.len().max(1) as f64;
            figures.push(("barred", barred.len() as f64 / self.lies.len() as f64));
            figures.push(("epochs_to_bar", mean));
            figures.push(("led_by_barred", self.led_by_barred as f64));
        }
        figures.extend(self.healed_after.map(|epochs| ("epochs_to_heal", epochs as f64)));
        figures
    }
}
