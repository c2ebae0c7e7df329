//! A ledger of every channel, kept from the journals' changes alone.
//!
//! Its arithmetic is written a second time on purpose: it must never call the core's transition
//! function, or a mistake there would be invisible here.

use super::Watch;
use crate::scenario::Scenario;
use debal_crypto::{Digest, Domain, Secret};
use debal_protocol::channel::{Change, LockKey, Side, State};
use debal_protocol::journal::{Changes, Record};
use debal_protocol::node::Node;
use debal_protocol::transfer::Kind;
use debal_protocol::{ChannelId, wire};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
struct Account {
    low_msat: u64,
    high_msat: u64,
    /// Open locks: payer is low, amount, hash of the secret.
    locks: BTreeMap<LockKey, (bool, u64, debal_crypto::LockHash)>,
    seq: u64,
    /// Locks that ended.
    ended: std::collections::BTreeSet<LockKey>,
    /// What made each state.
    made_by: BTreeMap<u64, Digest>,
    reserve_msat: u64,
}

/// The ledger.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    accounts: BTreeMap<ChannelId, Account>,
    /// Newest state each host has completed, by its journal.
    completed: BTreeMap<(usize, ChannelId), u64>,
    /// What a low end has proposed and not completed.
    proposed: BTreeMap<(usize, ChannelId), Changes>,
    /// Channels with an end that lies or forgets.
    tainted: Vec<ChannelId>,
}

impl Ledger {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let odd = |end: usize| scenario.is_tainted(end);
        let tainted = scenario.channels.iter().filter(|plan| odd(plan.a) || odd(plan.b));
        Self { tainted: tainted.map(|plan| ChannelId(plan.number)).collect(), ..Self::default() }
    }

    pub(super) fn honest(&self, channel: ChannelId) -> bool {
        !self.tainted.contains(&channel)
    }

    pub(super) fn restarted(&mut self, host: usize, node: &Node) {
        for (channel, entry) in &node.durable().channels {
            self.completed.insert((host, *channel), entry.state().seq);
            match &entry.proposal {
                Some(proposal) => {
                    self.proposed.insert((host, *channel), proposal.changes.clone());
                }
                None => {
                    self.proposed.remove(&(host, *channel));
                }
            }
        }
    }
}

impl Account {
    fn make(&mut self, change: &Change) -> Result<(), &'static str> {
        match change {
            Change::Add { lock, .. } => {
                if self.ended.contains(&lock.key) {
                    return Err("I5: a lock that ended comes back");
                }
                let payer_is_low = lock.payer == Side::Low;
                let from = if payer_is_low { &mut self.low_msat } else { &mut self.high_msat };
                let left = from.checked_sub(lock.amount_msat.0).ok_or("I3: balance below zero")?;
                if left < self.reserve_msat {
                    return Err("I3: balance below the reserve");
                }
                *from = left;
                let entry = (payer_is_low, lock.amount_msat.0, lock.hash);
                if self.locks.insert(lock.key, entry).is_some() {
                    return Err("I4: a lock is added twice");
                }
            }
            Change::Settle { key, secret } => {
                let lock = self.locks.remove(key).ok_or("I5: settles a lock that is not open")?;
                self.ended.insert(*key);
                if !opens(secret, &lock.2) {
                    return Err("R3: settled without the secret");
                }
                *(if lock.0 { &mut self.high_msat } else { &mut self.low_msat }) += lock.1;
            }
            Change::Release { key } => {
                let lock = self.locks.remove(key).ok_or("I5: releases a lock that is not open")?;
                self.ended.insert(*key);
                *(if lock.0 { &mut self.low_msat } else { &mut self.high_msat }) += lock.1;
            }
        }
        Ok(())
    }

    fn agrees(&self, state: &State) -> bool {
        let locks = state
            .locks
            .iter()
            .map(|lock| (lock.key, (lock.payer == Side::Low, lock.amount_msat.0, lock.hash)));
        self.seq == state.seq
            && self.low_msat == state.low_msat.0
            && self.high_msat == state.high_msat.0
            && self.locks == locks.collect()
    }
}

fn opens(secret: &Secret, hash: &debal_crypto::LockHash) -> bool {
    secret.lock_hash() == *hash
}

impl Watch {
    /// Books one record of a node as it is appended, whatever becomes of it.
    pub(crate) fn book(&mut self, host: usize, node: &Node, record: &Record) {
        match record {
            Record::ChannelOpened { opening, state, .. } => {
                let channel = opening.terms.channel;
                self.ledger.completed.insert((host, channel), state.state.seq);
                self.ledger.accounts.entry(channel).or_insert_with(|| Account {
                    low_msat: opening.low_msat.0,
                    high_msat: opening.terms.capacity_msat.0.saturating_sub(opening.low_msat.0),
                    seq: state.state.seq,
                    reserve_msat: opening.terms.reserve_msat.0,
                    ..Account::default()
                });
            }
            Record::Proposed { channel, changes, .. } => {
                self.ledger.proposed.insert((host, *channel), changes.clone());
            }
            Record::Countersigned { channel, .. } => {
                self.check_signatures(host, node, *channel);
                if let Some(changes) = self.ledger.proposed.remove(&(host, *channel)) {
                    self.complete(host, *channel, &changes);
                }
            }
            Record::Completed { channel, changes, .. } => {
                self.check_signatures(host, node, *channel);
                self.complete(host, *channel, changes);
            }
            Record::Adopted { channel, state } => {
                self.ledger.completed.insert((host, *channel), state.state.seq);
                let honest = self.honest(host) && self.ledger.honest(*channel);
                self.must(!honest, "I8", || {
                    format!("node {host} adopts a state of channel {channel} it forgot")
                });
            }
            Record::Revealed { transfer, .. } => self.check_reveal(host, node, *transfer),
            Record::CycleReserved { cycle, .. } => self.check_reserved(host, node, *cycle),
            _ => {}
        }
    }

    /// R8: a complete state carries the right signatures of both ends, liars or not.
    fn check_signatures(&mut self, host: usize, node: &Node, channel: ChannelId) {
        if self.tainted.is_empty() || !self.honest(host) {
            return;
        }
        let Some(entry) = node.durable().channels.get(&channel) else { return };
        let Ok(bytes) = entry.state().signed_bytes() else { return };
        let right = |node: &debal_crypto::NodeId, signature: &debal_crypto::Signature| {
            let judge = self.judge.as_ref();
            judge.is_some_and(|j| j.verify(node, Domain::ChannelState, &bytes, signature).is_ok())
        };
        let both = right(&entry.terms.low, &entry.newest.low)
            && right(&entry.terms.high, &entry.newest.high);
        self.must(both, "R8", || format!("node {host} completes {channel} with a bad signature"));
    }

    /// R4: no hop is given back while the one after it is locked.
    fn check_releases(&mut self, channel: ChannelId, changes: &Changes) {
        for change in changes {
            let Change::Release { key } = change else { continue };
            let next = LockKey { transfer: key.transfer, hop: key.hop.saturating_add(1) };
            let open = self.ledger.accounts.values().any(|a| a.locks.contains_key(&next));
            self.must(!open, "R4", || {
                let (transfer, hop) = (key.transfer.short(), key.hop);
                format!("channel {channel} gives hop {hop} of {transfer} back before the next one")
            });
        }
    }

    fn complete(&mut self, host: usize, channel: ChannelId, changes: &Changes) {
        let seq = self.ledger.completed.entry((host, channel)).or_default();
        *seq += 1;
        let seq = *seq;
        if !self.ledger.honest(channel) {
            return;
        }
        if self.ledger.accounts.get(&channel).is_some_and(|account| account.seq + 1 == seq) {
            self.check_releases(channel, changes);
        }
        let bytes = wire::encode(changes).unwrap_or_default();
        let digest = Digest::of(Domain::MessageDigest, &[&bytes]);
        let Some(account) = self.ledger.accounts.get_mut(&channel) else { return };
        let known = *account.made_by.entry(seq).or_insert(digest);
        let mut wrong = (known != digest).then_some("I4: two states of one sequence number");
        if account.seq + 1 == seq {
            account.seq = seq;
            for change in changes {
                if let Err(what) = account.make(change) {
                    wrong = wrong.or(Some(what));
                }
            }
        }
        self.must(
            wrong.is_none(),
            wrong.map_or("I4", |what| what.get(..2).unwrap_or("I4")),
            || format!("channel {channel} state {seq}: {}", wrong.unwrap_or("")),
        );
    }

    /// I9: when the opener of a cycle reveals, every hop of it is locked.
    fn check_reveal(&mut self, host: usize, node: &Node, id: debal_protocol::TransferId) {
        let Some(transfer) = node.durable().transfers.get(&id) else { return };
        if !self.all_honest(transfer) {
            return;
        }
        let amount_msat = transfer.incoming.map(|leg| leg.amount_msat);
        let receive = transfer.hash.and_then(|hash| node.durable().receives.get(&hash));
        if matches!(transfer.kind, Kind::Payment) {
            let exact = receive.map(|receive| receive.amount_msat) == amount_msat;
            self.must(exact, "R4", || {
                format!("node {host} takes another amount than it asked for in {}", id.short())
            });
        }
        for (index, hop) in transfer.hops.iter().enumerate() {
            let key = LockKey { transfer: id, hop: index as u8 };
            let locked = self.ledger.accounts.get(&hop.channel);
            let locked = locked.is_some_and(|account| account.locks.contains_key(&key));
            self.must(locked, "I9", || {
                format!("node {host} reveals {} with hop {index} not locked", id.short())
            });
        }
    }

    /// R9: consents must be within what the node owns and within its exposure cap.
    fn check_reserved(&mut self, host: usize, node: &Node, id: debal_protocol::TransferId) {
        let durable = node.durable();
        let Some(transfer) = durable.transfers.get(&id) else { return };
        let Some(leg) = transfer.outgoing else { return };
        let Some(entry) = durable.channels.get(&leg.channel) else { return };
        let reserved = durable.reserved_msat(leg.channel);
        let owned = entry.spendable_msat();
        self.must(reserved <= owned, "R9", || {
            format!("node {host} promises {reserved} on channel {} and owns {owned}", leg.channel)
        });
        let cap = self.exposure_msat;
        let mut at_stake: BTreeMap<debal_crypto::NodeId, u64> = BTreeMap::new();
        for (_, open) in durable.open_transfers() {
            let legs = [open.incoming, open.outgoing].into_iter().flatten();
            let cycle = matches!(open.kind, Kind::Cycle { .. });
            for leg in legs.filter(|leg| cycle && !leg.ended()) {
                let Some(entry) = durable.channels.get(&leg.channel) else { continue };
                *at_stake.entry(entry.peer()).or_default() += leg.amount_msat.0;
            }
        }
        let most = at_stake.values().max().copied().unwrap_or(0);
        self.must(most <= cap, "R9", || format!("node {host} exposes {most}, cap {cap}"));
    }

    /// At rest: the ledger and every end agree.
    pub(crate) fn audit_ledger(&mut self, nodes: &[&Node]) {
        for (host, node) in nodes.iter().enumerate() {
            for (channel, entry) in &node.durable().channels {
                if !self.ledger.honest(*channel) {
                    continue;
                }
                let account = self.ledger.accounts.get(channel);
                let agrees = account.is_some_and(|account| account.agrees(entry.state()));
                self.must(agrees, "A1", || {
                    format!(
                        "node {host}: channel {channel} differs from the ledger {account:?}",
                        account = entry.state()
                    )
                });
            }
        }
    }
}
