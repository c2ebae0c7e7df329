//! Opening channels on the embedded ledger: one end expects, the other proposes, both sign state 1.
//!
//! A channel must never be opened on terms this node's operator did not name.

use super::Node;
use crate::amount::Msat;
use crate::channel::{ChannelTerms, Side, SignedState, first_state};
use crate::effect::{Answer, Effect, OperatorError};
use crate::event::Event;
use crate::ids::ChannelId;
use crate::input::{OpenChannel, Ticket};
use crate::journal::Record;
use crate::limits::CHANNELS_MAX;
use crate::message::Message;
use crate::reject::Reject;
use crate::summary::ForwardPolicy;
use crate::time::Now;
use debal_crypto::{Domain, NodeId, Signature};

impl Node {
    pub(super) fn check_opening(&self, open: &OpenChannel) -> Result<(), OperatorError> {
        let terms = &open.terms;
        if terms.network != self.config.network {
            return Err(OperatorError::Invalid("the channel belongs to another network"));
        }
        if terms.side_of(&self.config.node).is_none() {
            return Err(OperatorError::Invalid("this node is at neither end of the channel"));
        }
        if first_state(terms, open.low_msat).is_err() || terms.reserve_msat > terms.capacity_msat {
            return Err(OperatorError::Invalid("capacity, balance or reserve is out of range"));
        }
        let used = self.durable.channels.len().saturating_add(self.durable.openings.len());
        if used >= CHANNELS_MAX {
            return Err(OperatorError::Full("channels"));
        }
        let known = self.durable.channels.get(&terms.channel);
        if known.is_some_and(|channel| channel.terms != *terms) {
            return Err(OperatorError::ChannelExists(terms.channel));
        }
        Ok(())
    }

    pub(super) fn expect_channel(&mut self, ticket: Ticket, open: OpenChannel) {
        let answer = self.check_opening(&open).map(|()| {
            if !self.durable.channels.contains_key(&open.terms.channel) {
                self.record(Record::ChannelExpected(open));
            }
            Answer::Done
        });
        self.answer(ticket, answer);
    }

    pub(super) fn open_channel(&mut self, ticket: Ticket, open: OpenChannel, now: Now) {
        if let Err(error) = self.check_opening(&open) {
            return self.answer(ticket, Err(error));
        }
        let channel = open.terms.channel;
        if self.durable.channels.contains_key(&channel) {
            return self.answer(ticket, Ok(Answer::Opened(open.terms)));
        }
        self.openings.insert(channel, ticket);
        self.record(Record::ChannelOpening(open));
        self.propose_opening(channel, now);
    }

    /// Sends, or repeats, our proposal of a channel. The signature is deterministic, so a repeat is
    /// the same bytes.
    fn propose_opening(&mut self, channel: ChannelId, now: Now) {
        let Some(opening) = self.durable.openings.get(&channel) else { return };
        let OpenChannel { terms, low_msat, policy } = opening.open;
        let Some(signature) = self.sign_first(&terms, low_msat) else { return };
        let Some(side) = terms.side_of(&self.config.node) else { return };
        let peer = terms.node(side.other());
        self.send(peer, Message::OpenChannel { terms, low_msat, policy, signature }, now);
    }

    pub(super) fn resume_openings(&mut self, peer: NodeId, now: Now) {
        let openings = self.durable.openings.iter();
        let ours = openings.filter(|(_, opening)| {
            opening.proposed_by_us && opening.open.terms.side_of(&peer).is_some()
        });
        let channels: Vec<ChannelId> = ours.map(|(channel, _)| *channel).collect();
        for channel in channels {
            self.propose_opening(channel, now);
        }
    }

    fn sign_first(&self, terms: &ChannelTerms, low_msat: Msat) -> Option<Signature> {
        let bytes = first_state(terms, low_msat).ok()?.signed_bytes().ok()?;
        Some(self.suite.sign(Domain::ChannelState, &bytes))
    }

    pub(super) fn on_open_channel(
        &mut self,
        from: NodeId,
        terms: ChannelTerms,
        low_msat: Msat,
        peer_policy: ForwardPolicy,
        signature: Signature,
        now: Now,
    ) -> Result<(), Reject> {
        let channel = terms.channel;
        if let Some(open) = self.durable.channels.get(&channel) {
            if open.terms != terms || open.peer() != from {
                return Err(Reject::unfitting("open_channel", "the channel is open otherwise"));
            }
            let policy = open.our_policy;
            let Some(signature) = self.sign_first(&terms, low_msat) else {
                return Err(Reject::malformed("open_channel", "first state"));
            };
            self.send(from, Message::ChannelOpened { channel, policy, signature }, now);
            return Ok(());
        }
        let expected = self.durable.openings.get(&channel).map(|opening| opening.open);
        let expected = expected.filter(|open| open.terms == terms && open.low_msat == low_msat);
        let open = expected.ok_or(Reject::unfitting("open_channel", "not what was expected"))?;
        let ours = self.sign_first(&terms, low_msat);
        let ours = ours.ok_or(Reject::malformed("open_channel", "first state"))?;
        self.finish_opening(from, open, peer_policy, signature, ours)?;
        let policy = open.policy;
        self.send(from, Message::ChannelOpened { channel, policy, signature: ours }, now);
        Ok(())
    }

    pub(super) fn on_channel_opened(
        &mut self,
        from: NodeId,
        channel: ChannelId,
        peer_policy: ForwardPolicy,
        signature: Signature,
        _now: Now,
    ) -> Result<(), Reject> {
        let Some(opening) = self.durable.openings.get(&channel).copied() else {
            return Err(Reject::Duplicate);
        };
        if !opening.proposed_by_us || opening.open.terms.side_of(&from).is_none() {
            return Err(Reject::unfitting("channel_opened", "we proposed no such channel"));
        }
        let ours = self.sign_first(&opening.open.terms, opening.open.low_msat);
        let ours = ours.ok_or(Reject::malformed("channel_opened", "first state"))?;
        self.finish_opening(from, opening.open, peer_policy, signature, ours)
    }

    fn finish_opening(
        &mut self,
        peer: NodeId,
        opening: OpenChannel,
        peer_policy: ForwardPolicy,
        theirs: Signature,
        ours: Signature,
    ) -> Result<(), Reject> {
        let malformed = |what| Reject::malformed("open_channel", what);
        let terms = opening.terms;
        let state = first_state(&terms, opening.low_msat).map_err(|_| malformed("terms"))?;
        let bytes = state.signed_bytes().map_err(|_| malformed("state"))?;
        self.suite.verify(&peer, Domain::ChannelState, &bytes, &theirs)?;
        let (low, high) = match terms.side_of(&self.config.node) {
            Some(Side::Low) => (ours, theirs),
            _ => (theirs, ours),
        };
        let state = SignedState { state, low, high };
        self.record(Record::ChannelOpened { opening, peer_policy, state });
        let channel = terms.channel;
        self.outbox.emit(Event::ChannelOpened { channel, peer });
        self.summaries.changed = true;
        if let Some(ticket) = self.openings.remove(&channel) {
            self.answer(ticket, Ok(Answer::Opened(terms)));
        }
        Ok(())
    }

    pub(super) fn answer(&mut self, ticket: Ticket, answer: Result<Answer, OperatorError>) {
        let after = self.outbox.position();
        self.outbox.push(Effect::Answer { ticket, answer, after });
    }
}
