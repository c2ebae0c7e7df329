//! The composition root: `Node::handle(input, now) -> Step`.
//!
//! One input in, all its effects out, nothing kept back: the caller cannot break an order of calls.
//! Durable state changes only by records; whatever is volatile can be lost at any moment and is
//! rebuilt by driving every open channel and transfer again.

mod agreement;
mod channels;
mod claims;
mod elections;
mod leading;
mod market;
mod messages;
mod openings;
mod operator;
mod outbox;
mod proof;
mod summaries;
mod transfers;
mod view;

#[cfg(test)]
mod tests;

pub use outbox::{Step, Verdict};

use crate::channel::{Change, LockKey};
use crate::config::Config;
use crate::durable::{ApplyError, Durable};
use crate::effect::{Effect, Position};
use crate::election::{Election, Genesis, Settings};
use crate::flow::FlowBook;
use crate::ids::{ChannelId, TransferId};
use crate::input::{Input, Ticket, Timer};
use crate::journal::{Record, Snapshot};
use crate::message::{Message, Refusal, Travel};
use crate::mutant::{Mutant, active};
use crate::reject::{Blame, Reject};
use crate::roster::RosterError;
use crate::steer::Steer;
use crate::summary::SummaryBook;
use crate::time::Now;
use crate::wire::{self, Verified};
use debal_crypto::{NodeId, Secret, Suite};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Volatile side of one channel: what we want changed and have not got yet.
#[derive(Debug, Default)]
struct Link {
    /// Changes wanted, by lock.
    wanted: BTreeMap<LockKey, Change>,
    /// As high end: wanted changes the low end has been asked for since the last reconnect.
    asked: BTreeSet<LockKey>,
}

/// A node: the whole protocol of one member as one value.
pub struct Node {
    config: Config,
    suite: Arc<dyn Suite>,
    durable: Durable,
    election: Election,
    book: SummaryBook,
    flow: FlowBook,
    peers_up: BTreeSet<NodeId>,
    links: BTreeMap<ChannelId, Link>,
    /// Transfers to drive before this step ends.
    due: BTreeSet<TransferId>,
    /// Monotonic tick of the newest claim sent per transfer.
    claims_sent: BTreeMap<TransferId, claims::Sent>,
    /// Claims that overtook the counter-signature of their lock.
    early_claims: BTreeMap<LockKey, Secret>,
    leading: leading::Leading,
    agreement: agreement::Agreement,
    openings: BTreeMap<ChannelId, Ticket>,
    /// The journal is low on space: nothing new is begun.
    space_low: bool,
    summaries: summaries::Publishing,
    rounds: market::Exchange,
    /// What the agent has worked out per channel end.
    steers: BTreeMap<ChannelId, Steer>,
    outbox: outbox::Outbox,
}

impl Node {
    /// A node that has not done anything yet.
    ///
    /// # Errors
    /// [`RosterError`] if the founding roster contradicts itself.
    pub fn new(
        config: Config,
        genesis: Genesis,
        suite: Arc<dyn Suite>,
    ) -> Result<Self, RosterError> {
        Ok(Self {
            durable: Durable::new(config.node, config.rebalancing),
            election: Election::new(genesis, Settings::default())?,
            book: SummaryBook::default(),
            flow: FlowBook::new(config.timetable.epoch_ms),
            peers_up: BTreeSet::new(),
            links: BTreeMap::new(),
            due: BTreeSet::new(),
            claims_sent: BTreeMap::new(),
            early_claims: BTreeMap::new(),
            leading: leading::Leading::default(),
            agreement: agreement::Agreement::default(),
            openings: BTreeMap::new(),
            space_low: false,
            summaries: summaries::Publishing::default(),
            rounds: market::Exchange::default(),
            steers: BTreeMap::new(),
            outbox: outbox::Outbox::default(),
            config,
            suite,
        })
    }

    /// Replays one journal record. Emits nothing.
    ///
    /// # Errors
    /// [`ApplyError`] if the record does not fit: the journal is not this node's or is damaged.
    pub fn restore(&mut self, record: &Record) -> Result<(), ApplyError> {
        self.outbox.count_replayed();
        if active(Mutant::ForgetProposals) && matches!(record, Record::Proposed { .. }) {
            return Ok(());
        }
        self.apply(record)
    }

    fn apply(&mut self, record: &Record) -> Result<(), ApplyError> {
        match record {
            Record::Election(record) => {
                self.election.apply(record);
                Ok(())
            }
            Record::Snapshot(snapshot) => self.on_snapshot(snapshot),
            other => self.durable.apply(other),
        }
    }

    /// Everything durable as one record, to begin a new journal segment with. It takes a position
    /// of its own there: see [`Node::resume_at`].
    #[must_use]
    pub fn snapshot(&self) -> Record {
        let (durable, election) = (self.durable.clone(), self.election.durable().clone());
        Record::Snapshot(Box::new(Snapshot { durable, election }))
    }

    /// Tells the node where its journal ends, after a replay or a rotation: the next record takes
    /// the position after this one.
    pub const fn resume_at(&mut self, position: Position) {
        self.outbox.resume_at(position);
    }

    fn on_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), ApplyError> {
        if snapshot.durable.node != self.config.node {
            return Err(ApplyError::Order("a snapshot must be of this node"));
        }
        self.durable = snapshot.durable.clone();
        self.election.restore(snapshot.election.clone());
        Ok(())
    }

    /// Bounds, decodes and verifies bytes that arrived by `travel`.
    ///
    /// # Errors
    /// [`Reject`] names the first check that failed.
    pub fn open(&self, travel: Travel, bytes: &[u8]) -> Result<Verified, Reject> {
        wire::open(self.suite.as_ref(), self.config.network, travel, bytes)
    }

    /// Takes one input and returns everything that follows from it.
    pub fn handle(&mut self, input: Input, now: Now) -> Step {
        if self.outbox.halted() {
            return Step::default();
        }
        let mut verdict = Verdict::Accept;
        match input {
            Input::Start => self.on_start(now),
            Input::Message(message) => verdict = self.on_message(message, now),
            Input::PeerUp(peer) => self.on_peer_up(peer, now),
            Input::PeerDown(peer) => {
                self.peers_up.remove(&peer);
            }
            Input::Wake(timer) => self.on_wake(timer, now),
            Input::PlanMade { epoch, round, made } => self.on_plan_made(epoch, round, made, now),
            Input::JournalSpace { low } => self.space_low = low,
            Input::Operator { ticket, request } => self.on_operator(ticket, request, now),
        }
        self.settle_down(now);
        self.outbox.take(verdict)
    }

    /// Drives what became due, and delivers what we said to ourselves, until nothing is left.
    fn settle_down(&mut self, now: Now) {
        loop {
            if self.outbox.halted() {
                // A broken invariant: driving on would only find it again, for ever.
                self.due.clear();
                return;
            }
            if let Some(id) = self.due.pop_first() {
                self.drive_transfer(id, now);
            } else if let Some(message) = self.outbox.pop_own() {
                let me = self.config.node;
                // As with any sender, a message that comes too late for what we know by now (our
                // clock jumped, a consent lapsed in between) changes nothing; nonsense is a defect.
                match self.dispatch(me, message, now) {
                    Err(reject) if reject.blame() == Blame::Forwarder => {
                        self.outbox.halt(format!("own message refused: {reject}"));
                    }
                    _ => {}
                }
            } else {
                return;
            }
        }
    }

    fn on_start(&mut self, now: Now) {
        let open: Vec<TransferId> = self.durable.open_transfers().map(|(id, _)| *id).collect();
        self.due.extend(open);
        let channels: Vec<ChannelId> = self.durable.channels.keys().copied().collect();
        for channel in channels {
            self.release_strays(channel);
            self.drive_channel(channel, now);
        }
        self.start_election(now);
        self.start_summaries(now);
        self.start_rounds(now);
    }

    fn on_peer_up(&mut self, peer: NodeId, now: Now) {
        if peer == self.config.node || !self.peers_up.insert(peer) {
            return;
        }
        self.resume_openings(peer, now);
        for channel in self.channels_with(peer) {
            self.resume_channel(channel, now);
        }
        let open: Vec<TransferId> = self.durable.open_transfers().map(|(id, _)| *id).collect();
        for id in open {
            self.claims_sent.remove(&id);
            self.due.insert(id);
        }
    }

    fn on_wake(&mut self, timer: Timer, now: Now) {
        match timer {
            Timer::Election => self.wake_election(now),
            Timer::Summary => self.wake_summaries(now),
            Timer::Channel(channel) => self.resume_channel(channel, now),
            Timer::Transfer(id) => {
                self.due.insert(id);
            }
            Timer::Accepts(cycle) => self.on_accepts_over(cycle, now),
            Timer::Quotes => self.wake_rounds(now),
        }
    }

    fn channels_with(&self, peer: NodeId) -> Vec<ChannelId> {
        let channels = self.durable.channels.iter();
        channels.filter(|(_, channel)| channel.peer() == peer).map(|(id, _)| *id).collect()
    }

    /// Makes a fact durable. Effects queued after this wait for it. A record that does not fit is a
    /// broken invariant: the node stops before anything more is sent.
    fn record(&mut self, record: Record) {
        if let Err(error) = self.apply(&record) {
            self.outbox.halt(format!("invariant broken: {error}; record {record:?}"));
            return;
        }
        self.outbox.append(record);
    }

    fn send(&mut self, to: NodeId, message: Message, now: Now) {
        self.send_after(to, message, self.outbox.position(), now);
    }

    /// Sends without waiting for records of this step: for messages that promise nothing new.
    fn send_at_once(&mut self, to: NodeId, message: Message, now: Now) {
        self.send_after(to, message, Position(0), now);
    }

    fn send_after(&mut self, to: NodeId, message: Message, after: Position, now: Now) {
        if to == self.config.node {
            self.outbox.push_own(message);
            return;
        }
        let name = message.name();
        match self.seal(message, now) {
            Ok(bytes) => self.outbox.push(Effect::Send { to, bytes, name, after }),
            Err(reject) => self.outbox.halt(format!("cannot seal a {name}: {reject}")),
        }
    }

    fn gossip(&mut self, message: Message, now: Now) {
        let (name, travel) = (message.name(), message.travel());
        let after = self.outbox.position();
        match self.seal(message, now) {
            Ok(bytes) => self.outbox.push(Effect::Gossip { travel, bytes, after }),
            Err(reject) => self.outbox.halt(format!("cannot seal a {name}: {reject}")),
        }
    }

    fn seal(&self, message: Message, now: Now) -> Result<Vec<u8>, Reject> {
        let epoch = self.config.timetable.epoch_at(now.wall_ms);
        wire::seal(self.suite.as_ref(), self.config.network, epoch, message)
    }

    fn set_timer_in(&mut self, timer: Timer, delay_ms: u64, now: Now) {
        let at_tick_ms = now.tick_ms.saturating_add(delay_ms);
        self.outbox.push(Effect::SetTimer { timer, at_tick_ms });
    }

    /// Sets a timer for a wall time, translated to the monotonic clock as of now.
    fn set_timer_at_wall(&mut self, timer: Timer, wall_ms: u64, now: Now) {
        self.set_timer_in(timer, wall_ms.saturating_sub(now.wall_ms), now);
    }
}

/// Messages a node said to itself, delivered within the step.
type OwnMessages = VecDeque<Message>;

/// Why a hop was given up, as far as known here; for events and answers.
type Reason = Refusal;
