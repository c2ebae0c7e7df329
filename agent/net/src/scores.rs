//! The application's part of a peer's gossip score: what the consumer set, less a penalty for
//! exceeding caps that heals by itself. Tables are capped; forgetting favours the peer.

use std::collections::HashMap;

use libp2p::PeerId;

use crate::{
    gossip::{APP_SCORE_MAX, APP_SCORE_MIN},
    limits::TRACKED_KEYS,
};

/// What remains of a penalty after one second: half is healed in about seven.
const PENALTY_DECAY: f64 = 0.9;
/// The largest penalty; past the graylist, and healed within a minute of good conduct.
const PENALTY_MAX: f64 = 300.0;
/// Penalties below this are forgotten.
const PENALTY_MIN: f64 = 0.5;

/// Scores by peer.
#[derive(Debug, Default)]
pub(crate) struct Scores {
    given: HashMap<PeerId, f64>,
    penalties: HashMap<PeerId, f64>,
}

impl Scores {
    /// Stores the consumer's score and returns the peer's total.
    pub(crate) fn give(&mut self, peer: PeerId, score: f64) -> f64 {
        let score = if score.is_nan() { 0.0 } else { score.clamp(APP_SCORE_MIN, APP_SCORE_MAX) };
        if self.given.len() < TRACKED_KEYS || self.given.contains_key(&peer) {
            self.given.insert(peer, score);
        }
        self.total(&peer)
    }

    /// Adds a penalty and returns the peer's total.
    pub(crate) fn penalise(&mut self, peer: PeerId, amount: f64) -> f64 {
        if self.penalties.len() < TRACKED_KEYS || self.penalties.contains_key(&peer) {
            let penalty = self.penalties.entry(peer).or_insert(0.0);
            *penalty = (*penalty + amount).min(PENALTY_MAX);
        }
        self.total(&peer)
    }

    /// The peer's total.
    pub(crate) fn total(&self, peer: &PeerId) -> f64 {
        let of = |table: &HashMap<PeerId, f64>| table.get(peer).copied().unwrap_or(0.0);
        of(&self.given) - of(&self.penalties)
    }

    /// Heals every penalty by one second; returns the peers whose total changed.
    pub(crate) fn heal(&mut self) -> Vec<(PeerId, f64)> {
        let changed: Vec<PeerId> = self.penalties.keys().copied().collect();
        self.penalties.values_mut().for_each(|penalty| *penalty *= PENALTY_DECAY);
        self.penalties.retain(|_, penalty| *penalty >= PENALTY_MIN);
        changed.into_iter().map(|peer| (peer, self.total(&peer))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_penalty_is_capped_and_heals_and_leaves_the_given_score() {
        let (mut scores, peer) = (Scores::default(), PeerId::random());
        assert_eq!(scores.give(peer, 20.0), 20.0);
        (0..10_000).for_each(|_| {
            scores.penalise(peer, 1.0);
        });
        assert_eq!(scores.total(&peer), 20.0 - PENALTY_MAX);
        let seconds = (1..).find(|_| scores.heal().iter().all(|(_, total)| *total >= 20.0));
        assert!(seconds.is_some_and(|seconds| seconds <= 62), "healed after {seconds:?} s");
        assert!(scores.heal().is_empty());
    }

    #[test]
    fn absurd_scores_are_clamped() {
        let (mut scores, peer) = (Scores::default(), PeerId::random());
        assert_eq!(scores.give(peer, f64::NAN), 0.0);
        assert_eq!(scores.give(peer, f64::INFINITY), APP_SCORE_MAX);
        assert_eq!(scores.give(peer, f64::NEG_INFINITY), APP_SCORE_MIN);
    }
}
