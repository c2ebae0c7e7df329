//! Members that lie: their honest core's messages are dropped, replaced, repeated or forged.
//!
//! A liar signs with its own key only. It must never learn what an honest member would not send it.

use super::World;
use crate::scenario::Script;
use crate::streams::happens;
use debal_crypto::{Domain, Secret, Signature};
use debal_protocol::channel::{Change, Lock, LockKey, Mode, Side};
use debal_protocol::election::{Endorse, Endorsement};
use debal_protocol::journal::Changes;
use debal_protocol::market::{Potential, Quote};
use debal_protocol::message::{Message, Travel};
use debal_protocol::summary::Want;
use debal_protocol::{Bounded, Epoch, Msat, TransferId, wire};
use rand::Rng;
use std::sync::Arc;

impl World {
    pub(super) fn reseal(&self, host: usize, message: Message) -> Option<Vec<u8>> {
        let entry = &self.hosts[host];
        let wall_ms = entry.clock.now(self.now_ms).wall_ms;
        let epoch = self.founding.genesis.timetable.epoch_at(wall_ms);
        wire::seal(entry.suite.as_ref(), self.founding.network, epoch, message).ok()
    }

    /// What a liar sends instead of a direct message.
    pub(super) fn tamper_direct(
        &mut self,
        host: usize,
        _to: usize,
        bytes: Vec<u8>,
        name: &'static str,
    ) -> Vec<Vec<u8>> {
        let Ok(verified) = self.hosts[host].node.open(Travel::Direct, &bytes) else {
            return vec![bytes];
        };
        let has = |script| self.hosts[host].ailments.scripts.contains(&script);
        let message = verified.into_message();
        let silent = has(Script::WithholdGo) && name == "go"
            || has(Script::WithholdSecret) && name == "claim_hop"
            || has(Script::RefuseSettle) && contains(&message, is_settle)
            || has(Script::RefuseCancel) && contains(&message, is_release);
        if silent {
            self.marks.hit("lie", "silence");
            return Vec::new();
        }
        if !happens(&mut self.streams.adversary, 300) {
            return vec![bytes];
        }
        let forged = self.forge(host, &message).and_then(|forged| self.reseal(host, forged));
        match forged {
            Some(forged) => {
                self.marks.hit("lie", name);
                vec![forged, bytes]
            }
            None => vec![bytes],
        }
    }

    fn forge(&mut self, host: usize, message: &Message) -> Option<Message> {
        let scripts = self.hosts[host].ailments.scripts.clone();
        if scripts.contains(&Script::ForgeLockProof)
            && let Some(forged) = self.forge_locks(host, message)
        {
            return Some(forged);
        }
        let suite = Arc::clone(&self.hosts[host].suite);
        let mut forged = message.clone();
        match &mut forged {
            Message::Propose { seq, changes, signature, channel } => {
                if scripts.contains(&Script::StaleSeq) {
                    *seq = seq.saturating_sub(1);
                } else if scripts.contains(&Script::ForgeSignature) {
                    *signature = suite.sign(Domain::ChannelState, b"nonsense");
                } else if scripts.contains(&Script::DoubleLock) {
                    *changes = Changes::first_of([over_lock(&mut self.streams.adversary)]);
                } else if scripts.contains(&Script::EarlyRelease) {
                    let durable = self.hosts[host].node.durable();
                    let entry = durable.channels.get(channel)?;
                    let lock = entry.state().locks.iter().find(|lock| lock.payer == entry.side)?;
                    *changes = Changes::first_of([Change::Release { key: lock.key }]);
                } else {
                    return None;
                }
            }
            Message::Request { changes, .. } if scripts.contains(&Script::DoubleLock) => {
                *changes = Bounded::first_of([over_lock(&mut self.streams.adversary)]);
            }
            Message::Countersign { signature, .. } | Message::OpenChannel { signature, .. }
                if scripts.contains(&Script::ForgeSignature) =>
            {
                *signature = Signature::from_bytes(&[7; 64]);
            }
            Message::Accept(accept) if scripts.contains(&Script::ForgeSignature) => {
                accept.signature = Signature::from_bytes(&[9; 64]);
            }
            Message::ClaimHop { secret, .. } if scripts.contains(&Script::ForgeSignature) => {
                *secret = Secret::new([3; 32]);
            }
            Message::Quote(quote) if scripts.contains(&Script::LieQuotes) => {
                lie_in(quote, &mut self.streams.adversary);
            }
            Message::Sync { newest, .. } if scripts.contains(&Script::StaleSeq) => {
                newest.state.seq = newest.state.seq.saturating_add(1);
            }
            Message::Sync { newest, .. } if scripts.contains(&Script::ForgeSignature) => {
                newest.state.seq = newest.state.seq.saturating_add(1);
                newest.state.low_msat = Msat(newest.state.low_msat.0 / 2);
                newest.low = suite.sign(Domain::ChannelState, b"forged");
            }
            _ => return None,
        }
        Some(forged)
    }

    /// What a liar gossips, and to whom.
    pub(super) fn tamper_gossip(
        &mut self,
        host: usize,
        travel: Travel,
        bytes: Vec<u8>,
        targets: &[usize],
    ) -> Vec<(usize, Vec<u8>)> {
        let scripts = self.hosts[host].ailments.scripts.clone();
        let message = self.hosts[host].node.open(travel, &bytes).map(|open| open.into_message());
        let copies = if scripts.contains(&Script::FloodGossip) { 8 } else { 1 };
        let honest = |targets: &[usize]| {
            let each = targets.iter().flat_map(|to| std::iter::repeat_n(*to, copies));
            each.map(|to| (to, bytes.clone())).collect::<Vec<_>>()
        };
        let Ok(message) = message else { return honest(targets) };
        let lie = self.gossip_lie(host, &message, &scripts);
        let Some(lie) = lie.and_then(|lie| self.reseal(host, lie)) else {
            return honest(targets);
        };
        self.marks.hit("lie", message.name());
        let (some, others) = targets.split_at(targets.len() / 2);
        let mut sent = honest(others);
        sent.extend(some.iter().map(|to| (*to, lie.clone())));
        sent
    }

    fn gossip_lie(
        &mut self,
        host: usize,
        message: &Message,
        scripts: &std::collections::BTreeSet<Script>,
    ) -> Option<Message> {
        let mut lie = message.clone();
        match &mut lie {
            Message::Plan(plan) if scripts.contains(&Script::EquivocatePlan) => {
                let fewer = plan.cycles.len().saturating_sub(1);
                // Made from summaries that nobody holds: it differs, and nobody can check it.
                plan.summaries = debal_crypto::Digest([0; 32]);
                plan.cycles = Bounded::first_of(plan.cycles.iter().take(fewer).cloned());
            }
            Message::Summary(summary) if scripts.contains(&Script::LieBalance) => {
                let channels = summary.channels.iter().copied().map(|mut channel| {
                    channel.send_msat = channel.capacity_msat;
                    channel.receive_msat = channel.capacity_msat;
                    channel
                });
                summary.channels = Bounded::first_of(channels);
            }
            Message::Summary(summary) if scripts.contains(&Script::ReplaySummaries) => {
                summary.seq = summary.seq.saturating_sub(1);
            }
            Message::Claim(claim) if scripts.contains(&Script::EquivocateClaim) => {
                return self.second_claim(host, claim);
            }
            Message::Endorse(endorse) if scripts.contains(&Script::SplitVote) => {
                let vote = endorse.endorsement;
                let suite = self.hosts[host].suite.as_ref();
                let claim = debal_crypto::Digest([self.streams.adversary.random(); 32]);
                let network = &self.founding.network;
                let endorsement = Endorsement::make(suite, network, vote.epoch, vote.round, claim);
                lie = Message::Endorse(Endorse { claim: endorse.claim.clone(), endorsement });
            }
            _ => return None,
        }
        Some(lie)
    }
}

/// A quote that says what no honest member would.
fn lie_in(quote: &mut Quote, rng: &mut rand_chacha::ChaCha8Rng) {
    match rng.random_range(0..6) {
        0 => quote.potential = Potential(rng.random()),
        1 => quote.epoch = Epoch(quote.epoch.0 + rng.random_range(1..=3)),
        2 => quote.round = rng.random(),
        3 => quote.epoch = Epoch(quote.epoch.0.saturating_sub(1)),
        kind => {
            let ends = quote.ends.iter().copied().map(|mut end| {
                if kind == 4 {
                    end.channel.0 += 1;
                }
                let [send, receive] = [Msat(rng.random_range(0..400_000)), Msat(rng.random())];
                (end.send_msat, end.receive_msat) = (send, if kind == 4 { send } else { receive });
                (end.want, end.urgency) = (Want::Send, 255);
                end
            });
            quote.ends = Bounded::first_of(ends.collect::<Vec<_>>());
        }
    }
}

/// A lock larger than any balance.
fn over_lock(rng: &mut rand_chacha::ChaCha8Rng) -> Change {
    let id = debal_crypto::Digest([rng.random(); 32]);
    let lock = Lock {
        key: LockKey { transfer: TransferId(id), hop: 0 },
        hops: 1,
        payer: if rng.random() { Side::Low } else { Side::High },
        hash: Secret::new([1; 32]).lock_hash(),
        amount_msat: Msat(1 << 50),
        deadline_ms: u64::MAX / 2,
        mode: Mode::Cascade,
    };
    Change::Add { lock, route: None }
}

fn contains(message: &Message, wanted: fn(&Change) -> bool) -> bool {
    match message {
        Message::Propose { changes, .. } => changes.iter().any(wanted),
        Message::Request { changes, .. } => changes.iter().any(wanted),
        _ => false,
    }
}

const fn is_settle(change: &Change) -> bool {
    matches!(change, Change::Settle { .. })
}

const fn is_release(change: &Change) -> bool {
    matches!(change, Change::Release { .. })
}
