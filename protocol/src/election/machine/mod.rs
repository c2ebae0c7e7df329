//! The election of one node as a state machine: messages and times in, effects out.
//!
//! One file per concern: [`timing`](self) wakes, claims, votes, tips, accusations. Nothing here may
//! send before it has journaled: in every list of effects a record precedes what depends on it.

mod accusations;
mod claims;
mod timing;
mod tips;
mod votes;

use super::durable::{Durable, ElectionRecord};
use super::pool::Pool;
use super::types::{Certificate, Tip};
use crate::evidence::Evidence;
use crate::ids::Epoch;
use crate::limits::LINKS_MAX;
use crate::message::Message;
use crate::reject::Reject;
use crate::roster::{Active, Member, Roster, RosterChange, RosterError};
use crate::time::{Now, Timetable};
use debal_crypto::{Digest, NodeId, Suite};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a step sees of the world.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Signs as this node.
    pub suite: &'a dyn Suite,
    /// The clocks.
    pub now: Now,
    /// Hash of the settled block of this epoch, on networks that agreed to use one.
    pub block: Option<[u8; 32]>,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let node = self.suite.node();
        f.debug_struct("Context").field("node", &node).field("now", &self.now).finish()
    }
}

/// The founding parameters, equal on every member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// The network.
    pub network: Digest,
    /// Its timetable.
    pub timetable: Timetable,
    /// Its founders, in any order.
    pub members: Vec<Member>,
}

/// What the operator may choose. None of it changes what others accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Claims wanted per epoch (K): a claim that is unlikely to win is not published. No claim at
    /// all has probability e^-K. 0 publishes every claim.
    pub claims_expected: u32,
    /// Rosters up to this size publish every claim.
    pub claims_all_up_to: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { claims_expected: 12, claims_all_up_to: 32 }
    }
}

/// What the election wants from the node around it, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ElectionEffect {
    /// Append this record; every later effect of the list waits for it.
    Journal(ElectionRecord),
    /// Publish to all.
    Gossip(Message),
    /// Send to one member.
    Send(NodeId, Message),
    /// A leader is certified.
    Certified {
        /// The certificate.
        certificate: Certificate,
        /// The leader.
        leader: NodeId,
        /// The epoch.
        epoch: Epoch,
        /// The round.
        round: u8,
        /// Time since the epoch began, milliseconds.
        elapsed_ms: u64,
        /// This node leads, and the epoch is still the current one.
        us: bool,
    },
    /// An epoch ended and no certified leader of it is known.
    Skipped {
        /// The epoch.
        epoch: Epoch,
    },
    /// A member is proven to have said two things that cannot both be honest.
    Accused {
        /// The member.
        node: NodeId,
        /// The proof.
        evidence: Evidence,
    },
    /// Call [`Election::on_wake`] at this Unix time, or earlier if the clock jumps.
    Wake {
        /// Unix milliseconds.
        at_wall_ms: u64,
    },
}

/// One node's election.
#[derive(Clone, Debug)]
pub struct Election {
    settings: Settings,
    timetable: Timetable,
    durable: Durable,
    /// The current epoch and its neighbours.
    pools: BTreeMap<Epoch, Pool>,
    /// Roster changes seen, for our next claim; by whom they are about.
    changes: BTreeMap<NodeId, RosterChange>,
    /// Members asked for a tip, when, and whether the answer is still due.
    asked: BTreeMap<NodeId, (Epoch, bool)>,
    /// Tip requests answered: sender, epoch, how many.
    answered: BTreeMap<NodeId, (Epoch, u8)>,
    /// Certificates on tips we asked for.
    waiting: Vec<Certificate>,
    /// Valid tips that lost to the head: others may build on them. Newest last.
    beside: Vec<Tip>,
    /// Newest epoch [`Election::on_wake`] saw.
    watched: Option<Epoch>,
}

impl Election {
    /// An election that knows the founding and nothing else. Replay follows by [`Election::apply`].
    ///
    /// # Errors
    /// [`RosterError`] if the founders are no roster.
    pub fn new(genesis: Genesis, settings: Settings) -> Result<Self, RosterError> {
        let roster = Roster::founding(genesis.members)?;
        let durable = Durable::new(Tip::genesis(genesis.network, roster));
        Ok(Self::resumed(durable, genesis.timetable, settings))
    }

    /// An election that continues from a stored state.
    #[must_use]
    pub const fn resumed(durable: Durable, timetable: Timetable, settings: Settings) -> Self {
        Self {
            settings,
            timetable,
            durable,
            pools: BTreeMap::new(),
            changes: BTreeMap::new(),
            asked: BTreeMap::new(),
            answered: BTreeMap::new(),
            waiting: Vec::new(),
            beside: Vec::new(),
            watched: None,
        }
    }

    /// Folds a journaled record in: the only way durable state changes.
    pub fn apply(&mut self, record: &ElectionRecord) {
        self.durable.apply(record);
    }

    /// Takes a stored state in place of the founding: the journal begins with a snapshot.
    pub fn restore(&mut self, durable: Durable) {
        self.durable = durable;
    }

    /// Everything that survives a crash.
    #[must_use]
    pub const fn durable(&self) -> &Durable {
        &self.durable
    }

    /// The end of the record chain.
    #[must_use]
    pub const fn tip(&self) -> &Tip {
        &self.durable.head
    }

    /// Members that act in `epoch`, as far as the chain tells.
    #[must_use]
    pub fn roster(&self, epoch: Epoch) -> Active {
        self.durable.base_for(epoch).unwrap_or(&self.durable.head).roster.at(epoch)
    }

    /// Whether `node` acts in `epoch`.
    #[must_use]
    pub fn is_member(&self, node: &NodeId, epoch: Epoch) -> bool {
        self.weight_of(node, epoch) > 0
    }

    /// The weight of `node` in `epoch`; 0 if it does not act.
    #[must_use]
    pub fn weight_of(&self, node: &NodeId, epoch: Epoch) -> u64 {
        self.roster(epoch).weight_of(node)
    }

    /// Whether `node` counts for nothing in this node's eyes: it gets no vote of ours. Certificates
    /// count its votes all the same, for they must be checked alike by nodes that know less.
    #[must_use]
    pub fn quarantined(&self, node: &NodeId, epoch: Epoch) -> bool {
        self.durable.quarantine.get(node).is_some_and(|until| epoch < *until)
    }

    /// The certificate of `epoch` in `round`, if one is known.
    #[must_use]
    pub fn certificate(&self, epoch: Epoch, round: u8) -> Option<&Certificate> {
        let pooled = self.pools.get(&epoch).and_then(|pool| pool.certified.get(&round));
        let linked = self.durable.links.iter().map(|link| &link.certificate);
        pooled.or_else(|| linked.into_iter().find(|c| c.epoch() == epoch && c.round == round))
    }

    /// Whether this node has verified that this certificate's leader is certified in its round.
    #[must_use]
    pub fn is_certified(&self, certificate: &Certificate) -> bool {
        let network = &self.durable.head.network;
        let known = self.certificate(certificate.epoch(), certificate.round);
        known.is_some_and(|known| known.claim.digest(network) == certificate.claim.digest(network))
    }

    /// Who leads `epoch` now: the certified leader of the highest round, with the round.
    #[must_use]
    pub fn leader_of(&self, epoch: Epoch) -> Option<(NodeId, u8)> {
        let rounds = (0..crate::limits::ROUNDS_MAX).rev();
        let mut known = rounds.filter_map(|round| self.certificate(epoch, round));
        known.next().map(|certificate| (certificate.leader(), certificate.round))
    }

    /// A certified leader of `epoch` delivered its plan: no further round is needed.
    pub fn plan_seen(&mut self, epoch: Epoch, round: u8) {
        if self.certificate(epoch, round).is_some()
            && let Some(pool) = self.pools.get_mut(&epoch)
        {
            pool.plan_seen = true;
        }
    }

    /// A tip we have verified, whether the head leads back to it or not.
    fn known_tip(&self, digest: &Digest) -> Option<&Tip> {
        let beside = || self.beside.iter().find(|tip| tip.digest() == *digest);
        self.durable.tip(digest).or_else(beside)
    }

    /// Remembers a valid tip that lost to the head, unless the head leads back to it.
    fn keep_beside(&mut self, tip: Tip) {
        if self.known_tip(&tip.digest()).is_some() {
            return;
        }
        if self.beside.len() >= LINKS_MAX {
            self.beside.remove(0);
        }
        self.beside.push(tip);
    }

    fn commit(&mut self, record: ElectionRecord, effects: &mut Vec<ElectionEffect>) {
        self.durable.apply(&record);
        effects.push(ElectionEffect::Journal(record));
    }

    fn epoch_now(&self, context: &Context<'_>) -> Epoch {
        self.timetable.epoch_at(context.now.wall_ms)
    }

    /// Refuses epochs outside the window from `back` epochs ago to the next one.
    fn in_window(&self, context: &Context<'_>, epoch: Epoch, back: u64) -> Result<(), Reject> {
        let now = self.epoch_now(context);
        if epoch == Epoch(0) || epoch < now.minus(back) || epoch > now.plus(1) {
            return Err(Reject::Epoch { found: epoch.0, now: now.0 });
        }
        Ok(())
    }

    /// The pool of `epoch`, made if needed. Callers have checked the window.
    fn pool(&mut self, epoch: Epoch) -> Result<&mut Pool, Reject> {
        if !self.pools.contains_key(&epoch) {
            let base = self.durable.base_for(epoch);
            let view = base.and_then(|tip| tip.view(epoch));
            let newest = self.durable.head.epoch.0;
            let view = view.ok_or(Reject::Stale { found: epoch.0, newest })?;
            self.pools.insert(epoch, Pool::new(view));
        }
        self.pools.get_mut(&epoch).ok_or(Reject::Full("epochs"))
    }
}
