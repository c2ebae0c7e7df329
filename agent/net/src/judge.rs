//! Decides, before anything is handed up, whether a gossip message is within its caps.
//!
//! Two buckets per topic: one by signer, one by the neighbour that hands over messages of signers
//! nothing is known about. The second stops a neighbour that invents signers; exempting signers
//! with an accepted message keeps it from silencing others by racing their messages through its
//! own exhausted allowance (a message we ignore is not looked at again when it comes from
//! somebody else). The payload is never looked at.

use std::{
    collections::{HashSet, VecDeque},
    time::Instant,
};

use libp2p::PeerId;

use crate::{
    limits::{NetLimits, TRACKED_KEYS},
    rate::{Rate, RateTable},
    topic::Topic,
};

/// How much more a receiver tolerates than a sender allows itself: clocks and queues bunch
/// messages up, and an honest sender must not be ignored for it.
const TOLERANCE: u32 = 2;
/// How many unknown signers at full rate one neighbour may speak for.
const UNKNOWN_SIGNERS: u32 = 8;

/// The outcome for one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// Hand it up.
    Pass,
    /// Drop it and blame the neighbour that handed it over.
    DropAndBlame,
    /// Drop it; the neighbour may have relayed it in good faith.
    Drop,
    /// Longer than its topic's cap: drop it as invalid.
    TooLarge,
}

/// The buckets of one topic.
#[derive(Debug)]
struct TopicJudge {
    max_bytes: usize,
    by_signer: RateTable<PeerId>,
    by_neighbour: RateTable<PeerId>,
}

/// The buckets of all topics and the signers something was accepted from.
#[derive(Debug)]
pub(crate) struct Judge {
    topics: [TopicJudge; 4],
    known: HashSet<PeerId>,
    known_since: VecDeque<PeerId>,
}

impl Judge {
    /// A judge with these limits.
    pub(crate) fn new(limits: &NetLimits, now: Instant) -> Self {
        let topics = Topic::ALL.map(|topic| {
            let limits = limits.topic(topic);
            let rate = Rate { per_second: limits.per_second, burst: limits.burst };
            let rate = rate.times(TOLERANCE);
            TopicJudge {
                max_bytes: limits.max_bytes,
                by_signer: RateTable::new(rate, now),
                by_neighbour: RateTable::new(rate.times(UNKNOWN_SIGNERS), now),
            }
        });
        Self { topics, known: HashSet::new(), known_since: VecDeque::new() }
    }

    /// Rules on a message of `bytes` bytes, signed by `signer` and handed over by `neighbour`.
    pub(crate) fn rule(
        &mut self,
        topic: Topic,
        bytes: usize,
        signer: PeerId,
        neighbour: PeerId,
        now: Instant,
    ) -> Ruling {
        let judge = &mut self.topics[topic.index()];
        if bytes > judge.max_bytes {
            return Ruling::TooLarge;
        }
        let known = self.known.contains(&signer);
        if !known && !judge.by_neighbour.take(neighbour, now) {
            return Ruling::DropAndBlame;
        }
        if judge.by_signer.take(signer, now) {
            return Ruling::Pass;
        }
        if signer == neighbour { Ruling::DropAndBlame } else { Ruling::Drop }
    }

    /// A message of this signer was accepted.
    pub(crate) fn accepted(&mut self, signer: PeerId) {
        if !self.known.insert(signer) {
            return;
        }
        self.known_since.push_back(signer);
        if self.known_since.len() > TRACKED_KEYS
            && let Some(oldest) = self.known_since.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: Topic = Topic::Plans;

    fn passed(judge: &mut Judge, signers: &[PeerId], neighbour: PeerId, now: Instant) -> usize {
        let ruled = signers.iter().map(|signer| judge.rule(TOPIC, 1, *signer, neighbour, now));
        ruled.filter(|ruling| *ruling == Ruling::Pass).count()
    }

    #[test]
    fn a_direct_flooder_is_blamed_and_a_relayed_one_is_not() {
        let (now, limits) = (Instant::now(), NetLimits::default());
        let (flooder, relay) = (PeerId::random(), PeerId::random());
        let allowance = usize::try_from(limits.plans.burst * TOLERANCE).unwrap_or(0);
        let mut judge = Judge::new(&limits, now);
        assert_eq!(passed(&mut judge, &vec![flooder; 500], flooder, now), allowance);
        judge.accepted(flooder);
        assert_eq!(judge.rule(TOPIC, 1, flooder, flooder, now), Ruling::DropAndBlame);
        assert_eq!(judge.rule(TOPIC, 1, flooder, relay, now), Ruling::Drop);
    }

    #[test]
    fn invented_signers_share_the_inventors_allowance() {
        let (now, limits) = (Instant::now(), NetLimits::default());
        let mut judge = Judge::new(&limits, now);
        let invented: Vec<PeerId> = (0..1000).map(|_| PeerId::random()).collect();
        let inventor = PeerId::random();
        let allowance = limits.plans.burst * TOLERANCE * UNKNOWN_SIGNERS;
        let passed = passed(&mut judge, &invented, inventor, now);
        assert_eq!(passed, usize::try_from(allowance).unwrap_or(0));
    }

    #[test]
    fn a_flooder_cannot_silence_a_known_signer_by_relaying_it() {
        let now = Instant::now();
        let mut judge = Judge::new(&NetLimits::default(), now);
        let (flooder, honest) = (PeerId::random(), PeerId::random());
        judge.accepted(honest);
        let invented: Vec<PeerId> = (0..1000).map(|_| PeerId::random()).collect();
        passed(&mut judge, &invented, flooder, now);
        assert_eq!(judge.rule(TOPIC, 1, honest, flooder, now), Ruling::Pass);
        assert_eq!(judge.rule(TOPIC, 1, PeerId::random(), flooder, now), Ruling::DropAndBlame);
    }

    #[test]
    fn a_byte_over_the_cap_is_too_large_on_every_topic() {
        let (now, limits) = (Instant::now(), NetLimits::default());
        let mut judge = Judge::new(&limits, now);
        let peer = PeerId::random();
        for topic in Topic::ALL {
            let cap = limits.topic(topic).max_bytes;
            assert_eq!(judge.rule(topic, cap, peer, peer, now), Ruling::Pass);
            assert_eq!(judge.rule(topic, cap + 1, peer, peer, now), Ruling::TooLarge);
        }
    }

    #[test]
    fn the_known_signers_are_capped() {
        let mut judge = Judge::new(&NetLimits::default(), Instant::now());
        (0..2 * TRACKED_KEYS).for_each(|_| judge.accepted(PeerId::random()));
        assert_eq!((judge.known.len(), judge.known_since.len()), (TRACKED_KEYS, TRACKED_KEYS));
    }
}
