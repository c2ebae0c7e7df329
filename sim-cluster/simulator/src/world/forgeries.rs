//! Forgeries that take a liar's own keys: second claims, secrets shown too early, states with locks
//! nobody agreed to.
//!
//! Every signature is the liar's and valid. Nothing here may sign for anybody else.

use super::World;
use crate::scenario::Script;
use crate::streams::happens;
use debal_crypto::{Domain, Secret};
use debal_protocol::channel::{Change, Lock, LockKey, Mode, Side, next_state};
use debal_protocol::election::{Claim, Election, Settings};
use debal_protocol::journal::{Changes, Record};
use debal_protocol::message::{Message, Travel};
use debal_protocol::roster::RosterChange;
use debal_protocol::transfer::{Kind, Transfer};
use debal_protocol::{Bounded, ChannelId, Msat, TransferId};
use rand::Rng;
use rand::seq::IndexedRandom;
use std::sync::Arc;

/// A day, for deadlines that are much too late.
const DAY_MS: u64 = 86_400_000;

impl World {
    /// A second claim of the same epoch: it asks to leave the roster as well.
    pub(super) fn second_claim(&mut self, host: usize, claim: &Claim) -> Option<Message> {
        let entry = &self.hosts[host];
        if claim.node != entry.suite.node() || !claim.changes.is_empty() {
            return None;
        }
        let mut election =
            Election::new(self.founding.genesis.clone(), Settings::default()).ok()?;
        for record in &entry.disk.records {
            if let Record::Election(record) = record {
                election.apply(record);
            }
        }
        let view = election.durable().tip(&claim.tip)?.view(claim.epoch)?;
        let suite = entry.suite.as_ref();
        let leave = RosterChange::leave(suite, &self.founding.network, claim.epoch);
        let (second, _) = Claim::make(suite, &view, None, [&leave]);
        self.marks.hit("lie", "second_claim");
        Some(Message::Claim(second))
    }

    /// Before a liar sends anything, it may show a secret that should still be its own: to the
    /// payer it is for, but too early, or to whoever it is just talking to.
    pub(super) fn leak(&mut self, host: usize, to: usize) {
        let early = self.hosts[host].ailments.scripts.contains(&Script::EarlyReveal);
        if !early || !happens(&mut self.streams.adversary, 300) {
            return;
        }
        let Some((channel, key, secret)) = self.own_secret(host) else { return };
        let durable = self.hosts[host].node.durable();
        let payer = durable.channels.get(&channel).map(debal_protocol::channel::Channel::peer);
        let payer = payer.and_then(|payer| self.founding.index.get(&payer).copied());
        let stranger = happens(&mut self.streams.adversary, 300);
        let whom = if stranger { Some(to) } else { payer };
        let claim = Message::ClaimHop { channel, key, secret };
        if let (Some(whom), Some(bytes)) = (whom, self.reseal(host, claim)) {
            self.marks.hit("lie", "early_reveal");
            self.transmit(host, whom, Travel::Direct, &Arc::new(bytes), "claim_hop");
        }
    }

    /// A secret of an open transfer this member is the last payee of.
    fn own_secret(&mut self, host: usize) -> Option<(ChannelId, LockKey, Secret)> {
        let (durable, suite) = (self.hosts[host].node.durable(), &self.hosts[host].suite);
        let known = |id: &TransferId, transfer: &Transfer| match transfer.kind {
            Kind::Cycle { .. } => Some(suite.transfer_secret(&id.0)),
            _ => transfer.hash.and_then(|hash| durable.receives.get(&hash)?.secret.clone()),
        };
        let open = durable.open_transfers().filter(|(_, transfer)| transfer.is_recipient());
        let secrets: Vec<_> = open
            .filter_map(|(id, transfer)| {
                let leg = transfer.incoming?;
                Some((leg.channel, Transfer::key(*id, &leg), known(id, transfer)?))
            })
            .collect();
        secrets.choose(&mut self.streams.adversary).cloned()
    }

    /// The message with other locks in it, signed as it should be.
    pub(super) fn forge_locks(&mut self, host: usize, message: &Message) -> Option<Message> {
        let forged = match message {
            Message::Propose { channel, changes, .. } => {
                let changes = self.wrong_changes(changes.iter().cloned());
                let (seq, signature) = self.signed(host, *channel, &changes)?;
                Message::Propose { channel: *channel, seq, changes, signature }
            }
            Message::Request { channel, changes } => {
                let wrong = self.wrong_changes(changes.iter().cloned());
                Message::Request { channel: *channel, changes: Bounded::first_of(wrong.into_vec()) }
            }
            Message::Countersign { channel, .. } => {
                let changes = self.wrong_changes(std::iter::empty());
                let (seq, signature) = self.signed(host, *channel, &changes)?;
                Message::Countersign { channel: *channel, seq, signature }
            }
            _ => return None,
        };
        self.marks.hit("lie", "forged_lock");
        Some(forged)
    }

    /// The liar's signature on the state these changes make.
    fn signed(
        &self,
        host: usize,
        channel: ChannelId,
        changes: &Changes,
    ) -> Option<(u64, debal_crypto::Signature)> {
        let entry = self.hosts[host].node.durable().channels.get(&channel)?;
        let state = next_state(&entry.terms, entry.state(), changes).ok()?;
        let bytes = state.signed_bytes().ok()?;
        Some((state.seq, self.hosts[host].suite.sign(Domain::ChannelState, &bytes)))
    }

    /// The changes with every lock bent, or with one more that nobody asked for.
    fn wrong_changes(&mut self, changes: impl Iterator<Item = Change>) -> Changes {
        let mut bent: Vec<Change> = Vec::new();
        let mut any = false;
        for change in changes {
            bent.push(match change {
                Change::Add { lock, route } => {
                    any = true;
                    Change::Add { lock: self.bend(lock), route }
                }
                other => other,
            });
        }
        if !any {
            let lock = self.unasked_lock();
            bent.push(Change::Add { lock, route: None });
        }
        Changes::first_of(bent)
    }

    fn bend(&mut self, mut lock: Lock) -> Lock {
        let rng = &mut self.streams.adversary;
        match rng.random_range(0..7) {
            0 => lock.amount_msat = Msat((lock.amount_msat.0 / 2).max(1)),
            1 => lock.amount_msat = Msat(lock.amount_msat.0 + 1),
            2 => lock.deadline_ms = lock.deadline_ms.saturating_sub(rng.random_range(1..20_000)),
            3 => lock.deadline_ms = lock.deadline_ms.saturating_add(DAY_MS),
            4 => lock.hash = Secret::new(rng.random()).lock_hash(),
            5 => lock.hops = lock.hops.saturating_add(1),
            _ => lock.key.transfer = TransferId(debal_crypto::Digest(rng.random())),
        }
        lock
    }

    fn unasked_lock(&mut self) -> Lock {
        let wall_ms = super::host::WALL_BEGIN_MS + self.now_ms;
        let rng = &mut self.streams.adversary;
        let hops = rng.random_range(1..=3);
        Lock {
            key: LockKey {
                transfer: TransferId(debal_crypto::Digest(rng.random())),
                hop: rng.random_range(0..hops),
            },
            hops,
            payer: if rng.random() { Side::Low } else { Side::High },
            hash: Secret::new(rng.random()).lock_hash(),
            amount_msat: Msat(rng.random_range(1..=2_000)),
            deadline_ms: wall_ms + rng.random_range(0..60_000),
            mode: Mode::Cascade,
        }
    }
}
