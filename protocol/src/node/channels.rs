//! Driving channels: asking, proposing, counter-signing, catching up.
//!
//! The low end puts all wanted changes of both ends into one proposal at a time, so that a busy
//! channel still needs one round trip and two flushes per state, however many changes it carries.
//! A signature must never be given twice for one sequence number.

use super::Node;
use crate::bounded::Bounded;
use crate::channel::{Change, Channel, LockKey, Side, SignedState, StateError, next_state};
use crate::event::Event;
use crate::ids::ChannelId;
use crate::input::Timer;
use crate::journal::{Changes, Record};
use crate::limits::{PROPOSAL_CHANGES_MAX, REQUEST_CHANGES_MAX};
use crate::message::{Message, Refusal};
use crate::mutant::{Mutant, active};
use crate::reject::Reject;
use crate::time::Now;
use debal_crypto::{Domain, NodeId, Signature};

/// Changes a low end keeps waiting per channel; more are dropped and asked for again.
const WANTED_MAX: usize = 4 * PROPOSAL_CHANGES_MAX;

impl Node {
    /// Wants a change of a channel; it is asked for or proposed as soon as the channel allows.
    pub(super) fn want(&mut self, channel: ChannelId, change: Change, now: Now) {
        let link = self.links.entry(channel).or_default();
        if link.wanted.get(&change.key()) == Some(&change) {
            return;
        }
        link.asked.remove(&change.key());
        link.wanted.insert(change.key(), change);
        self.drive_channel(channel, now);
    }

    /// Whether a lock of this key is asked for, or proposed, and cannot be taken back.
    pub(super) fn add_is_pending(&self, channel: ChannelId, key: LockKey) -> bool {
        let wanted = self.links.get(&channel).is_some_and(|link| link.wanted.contains_key(&key));
        let proposal = self.durable.channels.get(&channel).and_then(|c| c.proposal.as_ref());
        wanted || proposal.is_some_and(|proposal| proposal.state.lock(key).is_some())
    }

    pub(super) fn drive_channel(&mut self, channel: ChannelId, now: Now) {
        let Some(entry) = self.durable.channels.get(&channel) else { return };
        let link = self.links.entry(channel).or_default();
        link.wanted.retain(|key, change| still_wanted(entry, *key, change));
        if link.wanted.is_empty() || !self.peers_up.contains(&entry.peer()) || entry.frozen {
            return;
        }
        match entry.side {
            Side::Low => self.propose(channel, now),
            Side::High => self.ask(channel, now),
        }
    }

    fn ask(&mut self, channel: ChannelId, now: Now) {
        let Some(entry) = self.durable.channels.get(&channel) else { return };
        let peer = entry.peer();
        let link = self.links.entry(channel).or_default();
        let fresh = link.wanted.iter().filter(|(key, _)| !link.asked.contains(*key));
        let fresh: Vec<Change> =
            fresh.take(REQUEST_CHANGES_MAX).map(|(_, change)| change.clone()).collect();
        if fresh.is_empty() {
            return;
        }
        link.asked.extend(fresh.iter().map(Change::key));
        let changes = Bounded::first_of(fresh);
        self.send(peer, Message::Request { channel, changes }, now);
        self.set_timer_in(Timer::Channel(channel), self.config.deadlines.retry_ms, now);
    }

    fn propose(&mut self, channel: ChannelId, now: Now) {
        let Some(entry) = self.durable.channels.get(&channel) else { return };
        if entry.proposal.is_some() {
            return;
        }
        let (peer, terms, newest) = (entry.peer(), entry.terms, entry.state().clone());
        let wanted: Vec<Change> =
            self.links.entry(channel).or_default().wanted.values().cloned().collect();
        let mut changes = Changes::new();
        let mut next = None;
        for change in wanted {
            let mut longer = changes.clone();
            if longer.push(change.clone()).is_err() {
                break;
            }
            match next_state(&terms, &newest, &longer) {
                Ok(_) if is_late(&change, now) => {
                    self.cannot_change(channel, &change, Refusal::Deadline, now);
                }
                Ok(state) => {
                    changes = longer;
                    next = Some(state);
                }
                Err(_) if is_late(&change, now) => {
                    self.cannot_change(channel, &change, Refusal::Deadline, now);
                }
                Err(StateError::NoSlots) => {
                    self.cannot_change(channel, &change, Refusal::NoSlots, now);
                }
                Err(_) => self.cannot_change(channel, &change, Refusal::Insufficient, now),
            }
        }
        let Some(bytes) = next.and_then(|state| state.signed_bytes().ok()) else { return };
        let signature = self.suite.sign(Domain::ChannelState, &bytes);
        let seq = newest.seq.saturating_add(1);
        self.record(Record::Proposed { channel, changes: changes.clone(), signature });
        self.send(peer, Message::Propose { channel, seq, changes, signature }, now);
        self.set_timer_in(Timer::Channel(channel), self.config.deadlines.retry_ms, now);
    }

    /// A wanted change cannot be made in the present state.
    fn cannot_change(&mut self, channel: ChannelId, change: &Change, reason: Refusal, now: Now) {
        let key = change.key();
        self.links.entry(channel).or_default().wanted.remove(&key);
        let Some(entry) = self.durable.channels.get(&channel) else { return };
        let Change::Add { lock, .. } = change else { return };
        if lock.payer == entry.side {
            self.give_up(key.transfer, reason);
            return;
        }
        let peer = entry.peer();
        self.record(Record::AddRefused { channel, key, deadline_ms: lock.deadline_ms });
        self.send(peer, Message::Refuse { cycle: key.transfer, reason }, now);
    }

    /// After a reconnect or an unanswered message: show where we stand and ask again.
    pub(super) fn resume_channel(&mut self, channel: ChannelId, now: Now) {
        let Some(entry) = self.durable.channels.get(&channel) else { return };
        let peer = entry.peer();
        if !self.peers_up.contains(&peer) {
            return;
        }
        let proposal = entry.proposal.as_ref();
        let again = proposal.map(|proposal| Message::Propose {
            channel,
            seq: proposal.state.seq,
            changes: proposal.changes.clone(),
            signature: proposal.signature,
        });
        let sync = Message::Sync { channel, newest: entry.newest.clone() };
        let waiting = again.is_some();
        let link = self.links.entry(channel).or_default();
        link.asked.clear();
        let busy = waiting || !link.wanted.is_empty();
        self.send(peer, sync, now);
        if let Some(again) = again {
            self.send(peer, again, now);
        }
        self.drive_channel(channel, now);
        if busy {
            self.set_timer_in(Timer::Channel(channel), self.config.deadlines.retry_ms, now);
        }
    }

    pub(super) fn on_request(
        &mut self,
        from: NodeId,
        channel: ChannelId,
        changes: Bounded<Change, REQUEST_CHANGES_MAX>,
        now: Now,
    ) -> Result<(), Reject> {
        let entry = self.channel_with(from, channel, "request")?;
        if entry.side != Side::Low {
            return Err(Reject::malformed("request", "the low end proposes, it is not asked"));
        }
        for change in &changes {
            let Some(entry) = self.durable.channels.get(&channel) else { break };
            if entry.has_ended(change.key()) {
                // An honest high end asks again only for a lock we refused: our answer was lost.
                if matches!(change, Change::Add { .. }) {
                    let (cycle, reason) = (change.key().transfer, Refusal::Insufficient);
                    self.send(from, Message::Refuse { cycle, reason }, now);
                }
                continue;
            }
            match consent(entry, change, now) {
                Consent::Never(what) => return Err(Reject::malformed("request", what)),
                Consent::NotYet => continue,
                Consent::Yes => {}
            }
            let link = self.links.entry(channel).or_default();
            if link.wanted.len() < WANTED_MAX {
                link.wanted.entry(change.key()).or_insert_with(|| change.clone());
            }
        }
        self.drive_channel(channel, now);
        Ok(())
    }

    pub(super) fn on_propose(
        &mut self,
        from: NodeId,
        channel: ChannelId,
        seq: u64,
        changes: &Changes,
        low: Signature,
        now: Now,
    ) -> Result<(), Reject> {
        let entry = self.channel_with(from, channel, "propose")?;
        if entry.side != Side::High {
            return Err(Reject::malformed("propose", "only the low end proposes"));
        }
        let newest = entry.state().seq;
        if seq == newest && entry.newest.low == low {
            let signature = entry.newest.high;
            self.send(from, Message::Countersign { channel, seq, signature }, now);
            return Ok(());
        }
        if Some(seq) != newest.checked_add(1) {
            let newest_state = entry.newest.clone();
            self.send(from, Message::Sync { channel, newest: newest_state }, now);
            return Err(Reject::Stale { found: seq, newest });
        }
        if entry.frozen {
            return Err(Reject::unfitting("propose", "the channel is frozen"));
        }
        for change in changes {
            match self.countersigns(channel, change, now) {
                Consent::Yes => {}
                Consent::NotYet => return Err(Reject::unfitting("propose", "before its time")),
                Consent::Never(what) => {
                    self.freeze(channel, what);
                    return Err(Reject::malformed("propose", what));
                }
            }
        }
        self.complete(channel, changes, low, now)
    }

    /// Whether we, as high end, sign this change.
    fn countersigns(&self, channel: ChannelId, change: &Change, now: Now) -> Consent {
        let Some(entry) = self.durable.channels.get(&channel) else {
            return Consent::Never("unknown channel");
        };
        let key = change.key();
        let wanted = self.links.get(&channel).and_then(|link| link.wanted.get(&key));
        if entry.has_ended(key) {
            return Consent::Never("a lock that ended comes back");
        }
        match change {
            Change::Add { lock, .. } if lock.payer == Side::High => match wanted {
                Some(Change::Add { lock: asked, .. }) if asked == lock => Consent::Yes,
                _ => self.countersigns_unasked_lock(channel, key),
            },
            Change::Add { .. } => Consent::Yes,
            Change::Settle { .. } | Change::Release { .. } if wanted == Some(change) => {
                Consent::Yes
            }
            _ => unasked_end(entry, change, now),
        }
    }

    /// A lock of ours we do not remember asking for: after a restart the request may still be under
    /// way, and the transfer says whether we would ask again.
    fn countersigns_unasked_lock(&self, channel: ChannelId, key: LockKey) -> Consent {
        let would_ask = self.durable.transfers.get(&key.transfer).is_some_and(|transfer| {
            let waiting = transfer.outgoing.filter(|leg| {
                leg.channel == channel
                    && leg.hop == key.hop
                    && leg.status == crate::transfer::LegStatus::Asked
            });
            waiting.is_some()
        });
        if would_ask {
            // Driving the transfer asks again, with the same lock; the proposal is repeated.
            Consent::NotYet
        } else {
            Consent::Never("a lock of ours we never asked for")
        }
    }

    fn complete(
        &mut self,
        channel: ChannelId,
        changes: &Changes,
        low: Signature,
        now: Now,
    ) -> Result<(), Reject> {
        let entry = self.durable.channels.get(&channel);
        let Some(entry) = entry else { return Ok(()) };
        let (peer, low_node) = (entry.peer(), entry.terms.low);
        let next = next_state(&entry.terms, entry.state(), changes);
        let Some(bytes) = next.ok().and_then(|state| state.signed_bytes().ok()) else {
            self.freeze(channel, "the proposed state cannot follow ours");
            return Err(Reject::malformed("propose", "the state cannot follow"));
        };
        self.suite.verify(&low_node, Domain::ChannelState, &bytes, &low)?;
        let high = self.suite.sign(Domain::ChannelState, &bytes);
        let seq = self.durable.channels.get(&channel).map_or(0, |c| c.state().seq);
        let seq = seq.saturating_add(1);
        self.record(Record::Completed { channel, changes: changes.clone(), low, high });
        self.send(peer, Message::Countersign { channel, seq, signature: high }, now);
        self.after_completion(channel, changes, now);
        Ok(())
    }

    pub(super) fn on_countersign(
        &mut self,
        from: NodeId,
        channel: ChannelId,
        seq: u64,
        high: Signature,
        now: Now,
    ) -> Result<(), Reject> {
        let entry = self.channel_with(from, channel, "countersign")?;
        let proposal = entry.proposal.as_ref().filter(|proposal| proposal.state.seq == seq);
        let Some(proposal) = proposal else {
            return Err(Reject::Duplicate);
        };
        let bytes = proposal.state.signed_bytes();
        let bytes = bytes.map_err(|_| Reject::malformed("countersign", "state"))?;
        self.suite.verify(&entry.terms.high, Domain::ChannelState, &bytes, &high)?;
        let changes = proposal.changes.clone();
        self.record(Record::Countersigned { channel, signature: high });
        self.after_completion(channel, &changes, now);
        self.take_early_claims(from, channel, now);
        Ok(())
    }

    fn after_completion(&mut self, channel: ChannelId, changes: &Changes, now: Now) {
        for change in changes {
            self.due.insert(change.key().transfer);
        }
        self.observe_flow(channel, now);
        self.release_strays(channel);
        self.drive_channel(channel, now);
    }

    pub(super) fn on_sync(
        &mut self,
        from: NodeId,
        channel: ChannelId,
        newest: SignedState,
        now: Now,
    ) -> Result<(), Reject> {
        let entry = self.channel_with(from, channel, "sync")?;
        let ours = entry.state().seq;
        let theirs = newest.state.seq;
        if theirs < ours {
            // The peer is behind. If it is one state behind and proposed that state itself, our
            // counter-signature completes it; else our state carries its own signature.
            let answer = Message::Sync { channel, newest: entry.newest.clone() };
            self.send(from, answer, now);
            return Ok(());
        }
        if theirs == ours && newest.state == *entry.state() {
            return Ok(());
        }
        self.check_complete(channel, &newest)?;
        if theirs == ours {
            self.freeze(channel, "two complete states of one sequence number");
            return Err(Reject::malformed("sync", "two complete states of one sequence number"));
        }
        let entry = self.channel_with(from, channel, "sync")?;
        let ours_proposed = entry.proposal.as_ref().is_some_and(|p| p.state == newest.state);
        if ours_proposed {
            let seq = newest.state.seq;
            return self.on_countersign(from, channel, seq, newest.high, now);
        }
        self.record(Record::Adopted { channel, state: newest });
        let open: Vec<_> = self.durable.open_transfers().map(|(id, _)| *id).collect();
        self.due.extend(open);
        self.release_strays(channel);
        self.drive_channel(channel, now);
        Ok(())
    }

    fn check_complete(&self, channel: ChannelId, signed: &SignedState) -> Result<(), Reject> {
        let malformed = |what| Reject::malformed("sync", what);
        let entry = self.durable.channels.get(&channel).ok_or(malformed("unknown channel"))?;
        let terms = entry.terms.digest().map_err(|_| malformed("terms"))?;
        if signed.state.terms != terms || !signed.state.conserves(entry.terms.capacity_msat) {
            return Err(malformed("the state is not of this channel"));
        }
        let bytes = signed.state.signed_bytes().map_err(|_| malformed("state"))?;
        self.suite.verify(&entry.terms.low, Domain::ChannelState, &bytes, &signed.low)?;
        self.suite.verify(&entry.terms.high, Domain::ChannelState, &bytes, &signed.high)?;
        Ok(())
    }

    pub(super) fn freeze(&mut self, channel: ChannelId, reason: &'static str) {
        self.record(Record::ChannelFrozen { channel });
        self.outbox.emit(Event::ChannelFrozen { channel, reason });
    }

    pub(super) fn channel_with(
        &self,
        from: NodeId,
        channel: ChannelId,
        kind: &'static str,
    ) -> Result<&Channel, Reject> {
        let entry = self.durable.channels.get(&channel);
        entry.filter(|entry| entry.peer() == from).ok_or(Reject::unfitting(kind, "unknown channel"))
    }
}

/// Whether one end agrees to a change the other end wants.
enum Consent {
    /// Yes.
    Yes,
    /// Not before some time or fact; the other end will ask again.
    NotYet,
    /// No honest end asks for this.
    Never(&'static str),
}

/// Whether we, as low end, include a change the high end asks for.
fn consent(entry: &Channel, change: &Change, now: Now) -> Consent {
    match change {
        Change::Add { lock, .. } if lock.payer == Side::High => Consent::Yes,
        Change::Add { .. } => Consent::Never("only the payer adds a lock"),
        _ => unasked_end(entry, change, now),
    }
}

/// Whether we agree that a lock ends the way the other end says. Being paid and being paid back is
/// always welcome; giving up what a lock promises us is not, except to the last payer's clock (R4).
fn unasked_end(entry: &Channel, change: &Change, now: Now) -> Consent {
    let Some(lock) = entry.state().lock(change.key()) else {
        return Consent::NotYet;
    };
    let we_pay = lock.payer == entry.side;
    match change {
        Change::Settle { .. } if we_pay => Consent::Never("only the payer settles a lock"),
        Change::Release { .. } if !we_pay => {
            let last = lock.key.hop.checked_add(1) == Some(lock.hops);
            match (last, now.wall_ms >= lock.deadline_ms) {
                (true, true) => Consent::Yes,
                (true, false) => Consent::NotYet,
                (false, true) if active(Mutant::ReleaseInTheMiddle) => Consent::Yes,
                (false, _) => Consent::Never("only the payee releases a lock in the middle"),
            }
        }
        _ => Consent::Yes,
    }
}

/// Whether a lock would begin after its own deadline.
fn is_late(change: &Change, now: Now) -> bool {
    matches!(change, Change::Add { lock, .. } if lock.deadline_ms <= now.wall_ms)
}

/// Whether a wanted change still makes sense for the newest complete state.
fn still_wanted(entry: &Channel, key: LockKey, change: &Change) -> bool {
    let open = entry.state().lock(key).is_some();
    match change {
        Change::Add { .. } => !open && !entry.has_ended(key),
        Change::Settle { .. } | Change::Release { .. } => open,
    }
}
