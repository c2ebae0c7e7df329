//! The record chain as one node needs it: its end, and what follows from it for a later epoch.
//!
//! Everything here is a pure function of the tip. Seeds must take VRF outputs of certified claims
//! only: no plan, set, vote or time stamp, so that nobody gains by trying contents.

use super::types::{Claim, Tip};
use crate::bounded::Bounded;
use crate::ids::Epoch;
use crate::limits::{RECENT_LEADERS_MAX, SKIPPED_EPOCHS_MAX};
use crate::roster::{Active, Roster};
use debal_crypto::digest::Hasher;
use debal_crypto::{Digest, Domain, NodeId};

/// A tip looked at from a later epoch: all that is needed to make, check and certify claims of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The tip.
    pub base: Tip,
    /// Its digest.
    pub base_digest: Digest,
    /// The epoch looked from; later than the tip's.
    pub epoch: Epoch,
    /// Members that act in it.
    pub active: Active,
    /// Their digest.
    pub roster_digest: Digest,
    /// Seed-chain output two epochs before it.
    out_two_before: [u8; 32],
    /// Seed-chain output one epoch before it.
    out_before: [u8; 32],
}

impl Tip {
    /// The tip every member starts with. The record of epoch 0 is the founding itself; its entropy
    /// is the network id's, so founders could choose it, but not whoever joins later.
    #[must_use]
    pub fn genesis(network: Digest, roster: Roster) -> Self {
        let members = roster.roster_digest(Epoch(0));
        let record = Digest::of(Domain::RecordDigest, &[&network.0, &members.0]);
        let out = |number: u8| Digest::of(Domain::SkippedEpoch, &[&record.0, &[number]]).0;
        Self {
            network,
            epoch: Epoch(0),
            round: 0,
            record,
            out_last: out(1),
            out_before: out(0),
            recent: Bounded::new(),
            roster,
        }
    }

    /// Digest of every field.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let Self { network, epoch, round, record, out_last, out_before, recent, roster } = self;
        let mut hasher = Hasher::new(Domain::TipDigest);
        hasher.part(&network.0).number(epoch.0).number(u64::from(*round)).part(&record.0);
        hasher.part(out_last).part(out_before);
        hasher.number(u64::try_from(recent.len()).unwrap_or(u64::MAX));
        for (epoch, leader) in recent {
            hasher.number(epoch.0).part(&leader.0);
        }
        roster.hash_into(&mut hasher);
        hasher.finish()
    }

    /// This tip seen from `epoch`; `None` unless `epoch` is later than the tip's.
    ///
    /// Every epoch in between was skipped: `out(k) = H(SkippedEpoch, seed(k))`. At most
    /// [`SKIPPED_EPOCHS_MAX`] of them are walked through; after a longer silence the two outputs
    /// are one hash each of network, epoch and the tip's outputs, so that the work stays bounded.
    #[must_use]
    pub fn view(&self, epoch: Epoch) -> Option<View> {
        let skipped = epoch.0.checked_sub(self.epoch.0)?.checked_sub(1)?;
        let (out_two_before, out_before) =
            if skipped > SKIPPED_EPOCHS_MAX { self.collapsed(epoch) } else { self.walked(epoch) };
        let active = self.roster.at(epoch);
        let roster_digest = active.digest();
        Some(View {
            base: self.clone(),
            base_digest: self.digest(),
            epoch,
            active,
            roster_digest,
            out_two_before,
            out_before,
        })
    }

    fn walked(&self, epoch: Epoch) -> ([u8; 32], [u8; 32]) {
        let (mut before, mut last) = (self.out_before, self.out_last);
        let mut at = self.epoch.plus(1);
        let mut roster_digest = self.roster.roster_digest(at);
        while at < epoch {
            if self.roster.changes_at(at) {
                roster_digest = self.roster.roster_digest(at);
            }
            let skipped = seed(&self.network, at, &roster_digest, &before, None);
            (before, last) = (last, Digest::of(Domain::SkippedEpoch, &[&skipped.0]).0);
            at = at.plus(1);
        }
        (before, last)
    }

    fn collapsed(&self, epoch: Epoch) -> ([u8; 32], [u8; 32]) {
        let out = |behind: u8| {
            let epoch = epoch.0.to_be_bytes();
            let outs: [&[u8]; 2] = [&self.out_before, &self.out_last];
            let parts: [&[u8]; 5] = [&self.network.0, &epoch, outs[0], outs[1], &[behind]];
            Digest::of(Domain::SkippedEpoch, &parts).0
        };
        (out(2), out(1))
    }
}

impl View {
    /// The election seed of the epoch. `block` is the hash of a settled block, on networks that
    /// agreed to use one; it enters this epoch's seed only.
    #[must_use]
    pub fn seed(&self, block: Option<&[u8; 32]>) -> Digest {
        let network = &self.base.network;
        seed(network, self.epoch, &self.roster_digest, &self.out_two_before, block)
    }

    /// What every claimant of the epoch proves its VRF output for.
    #[must_use]
    pub fn vrf_input(&self, block: Option<&[u8; 32]>) -> Digest {
        let mut hasher = Hasher::new(Domain::VrfInput);
        hasher.part(&self.base.network.0).number(self.epoch.0).part(&self.seed(block).0);
        hasher.part(&self.roster_digest.0).finish()
    }

    /// How many epochs a certified leader does not lead again: min(3, (members - 1) / 2).
    #[must_use]
    pub fn cool_down(&self) -> u64 {
        let others = self.active.members().len().saturating_sub(1);
        u64::try_from((others / 2).min(RECENT_LEADERS_MAX)).unwrap_or(0)
    }

    /// Whether `node` led too recently to claim. Ignored if nobody could claim then.
    #[must_use]
    pub fn cools_down(&self, node: &NodeId) -> bool {
        self.led_recently(node)
            && !self.active.members().iter().all(|member| self.led_recently(&member.node))
    }

    fn led_recently(&self, node: &NodeId) -> bool {
        let span = self.cool_down();
        let rests = |led: Epoch| self.epoch.0.saturating_sub(led.0) <= span;
        self.base.recent.iter().any(|(led, leader)| leader == node && rests(*led))
    }

    /// Digest of the record that certifies `claim` in `round`. It must not depend on the votes: any
    /// two sufficient sets of votes certify one record.
    #[must_use]
    pub fn record(&self, claim: &Digest, round: u8) -> Digest {
        let mut hasher = Hasher::new(Domain::RecordDigest);
        hasher.part(&self.base.record.0).number(self.epoch.0).number(u64::from(round));
        hasher.part(&claim.0).finish()
    }

    /// The tip after the record of `claim`, certified in `round`, with seed output `out`. The claim
    /// has been checked: changes that the roster does not admit are left out here, never an error.
    #[must_use]
    pub fn extend(&self, claim: &Claim, round: u8, out: [u8; 32]) -> Tip {
        let mut roster = self.base.roster.settled(self.epoch);
        for change in &claim.changes {
            // Checked by `Claim::verify`; replay must reach the same roster without failing.
            let _ = roster.admit(change, self.epoch);
        }
        let led = (self.epoch, claim.node);
        let keep = self.base.recent.len().saturating_sub(RECENT_LEADERS_MAX.saturating_sub(1));
        let recent = self.base.recent.iter().skip(keep).copied().chain([led]);
        Tip {
            network: self.base.network,
            epoch: self.epoch,
            round,
            record: self.record(&claim.digest(&self.base.network), round),
            out_last: out,
            out_before: self.out_before,
            recent: Bounded::first_of(recent),
            roster,
        }
    }
}

/// `H(ElectionSeed, network, e, roster digest(e), out(e-2)[, block])`.
fn seed(
    network: &Digest,
    epoch: Epoch,
    roster_digest: &Digest,
    out_two_before: &[u8; 32],
    block: Option<&[u8; 32]>,
) -> Digest {
    let mut hasher = Hasher::new(Domain::ElectionSeed);
    hasher.part(&network.0).number(epoch.0).part(&roster_digest.0).part(out_two_before);
    if let Some(block) = block {
        hasher.part(block);
    }
    hasher.finish()
}
