//! The node's side of elections: clock in, effects out.
//!
//! The election decides who may propose; nothing here may depend on it for safety.

use super::Node;
use crate::amount::Msat;
use crate::effect::{Answer, OperatorError};
use crate::election::file::write_file;
use crate::election::{Certificate, Context, ElectionEffect};
use crate::event::Event;
use crate::evidence::Evidence;
use crate::ids::Epoch;
use crate::input::Timer;
use crate::journal::Record;
use crate::message::Message;
use crate::reject::Reject;
use crate::time::Now;
use debal_crypto::{Binding, NodeId};
use std::sync::Arc;

impl Node {
    pub(super) fn start_election(&mut self, now: Now) {
        let suite = Arc::clone(&self.suite);
        let context = Context { suite: suite.as_ref(), now, block: None };
        let effects = self.election.on_start(&context);
        self.carry_out(effects, now);
    }

    pub(super) fn wake_election(&mut self, now: Now) {
        let suite = Arc::clone(&self.suite);
        let context = Context { suite: suite.as_ref(), now, block: None };
        let effects = self.election.on_wake(&context);
        self.carry_out(effects, now);
    }

    pub(super) fn on_election_message(
        &mut self,
        from: NodeId,
        message: Message,
        now: Now,
    ) -> Result<(), Reject> {
        let suite = Arc::clone(&self.suite);
        let context = Context { suite: suite.as_ref(), now, block: None };
        let election = &mut self.election;
        let effects = match message {
            Message::Claim(claim) => election.on_claim(&context, from, claim),
            Message::Endorse(endorse) => election.on_endorse(&context, from, endorse),
            Message::RosterChange(change) => election.on_roster_change(&context, from, change),
            Message::Evidence(evidence) => election.on_evidence(&context, from, evidence),
            Message::TipRequest { tip } => election.on_tip_request(&context, from, tip),
            Message::TipReply { base, certificate } => {
                election.on_tip_reply(&context, from, base, &certificate)
            }
            other => return Err(Reject::WrongWay(other.name())),
        }?;
        self.carry_out(effects, now);
        Ok(())
    }

    /// A plan shows a certificate we may not have assembled ourselves.
    pub(super) fn take_certificate(
        &mut self,
        from: NodeId,
        certificate: &Certificate,
        now: Now,
    ) -> Result<(), Reject> {
        let suite = Arc::clone(&self.suite);
        let context = Context { suite: suite.as_ref(), now, block: None };
        let effects = self.election.on_certificate(&context, from, certificate)?;
        self.carry_out(effects, now);
        if self.election.is_certified(certificate) {
            return Ok(());
        }
        // Its tip has been asked for; until it is known, nobody is certified by this.
        Err(Reject::unfitting("plan", "the tip of its certificate is not known here"))
    }

    /// We hold two statements of one member that cannot both be honest.
    pub(super) fn accuse(&mut self, evidence: Evidence, now: Now) {
        let suite = Arc::clone(&self.suite);
        let context = Context { suite: suite.as_ref(), now, block: None };
        let mut effects = Vec::new();
        self.election.accuse(&context, evidence, &mut effects);
        self.carry_out(effects, now);
    }

    /// Vouches for a newcomer, with no more weight than our channels with it hold.
    pub(super) fn sponsor(
        &mut self,
        binding: Binding,
        weight: u64,
        now: Now,
    ) -> Result<Answer, OperatorError> {
        let shared = self.durable.channels.values().filter(|entry| entry.peer() == binding.node);
        let shared_msat = shared.map(|entry| entry.terms.capacity_msat);
        let shared_sat = shared_msat.fold(Msat::ZERO, Msat::plus_capped).0 / 1_000;
        if shared_sat == 0 {
            let text = "a member vouches only for a node it shares a channel with; open one first";
            return Err(OperatorError::Invalid(text));
        }
        let suite = Arc::clone(&self.suite);
        let context = Context { suite: suite.as_ref(), now, block: None };
        let weight = weight.min(shared_sat);
        let effects = self.election.propose_join(&context, binding, weight)?;
        self.carry_out(effects, now);
        Ok(Answer::Done)
    }

    /// Says goodbye to the roster.
    pub(super) fn leave_roster(&mut self, now: Now) -> Result<Answer, OperatorError> {
        let suite = Arc::clone(&self.suite);
        let context = Context { suite: suite.as_ref(), now, block: None };
        let effects = self.election.propose_leave(&context)?;
        self.carry_out(effects, now);
        Ok(Answer::Done)
    }

    fn carry_out(&mut self, effects: Vec<ElectionEffect>, now: Now) {
        for effect in effects {
            match effect {
                // The election has applied it already; only the journal is missing.
                ElectionEffect::Journal(record) => self.outbox.append(Record::Election(record)),
                ElectionEffect::Gossip(message) => self.gossip(message, now),
                ElectionEffect::Send(to, message) => self.send(to, message, now),
                ElectionEffect::Certified { certificate, leader, epoch, round, elapsed_ms, us } => {
                    self.outbox.emit(Event::EpochCertified { epoch, leader, round, elapsed_ms });
                    if us {
                        self.begin_leading(certificate, now);
                    }
                }
                ElectionEffect::Skipped { epoch } => {
                    self.outbox.emit(Event::EpochSkipped { epoch });
                }
                ElectionEffect::Accused { node, evidence } => {
                    self.outbox.emit(Event::Accused { node, what: evidence.name() });
                }
                ElectionEffect::Wake { at_wall_ms } => {
                    self.set_timer_at_wall(Timer::Election, at_wall_ms, now);
                }
            }
        }
    }
}

impl Node {
    /// The certificate file of an epoch, or of the newest certified one, for `debal verify`.
    #[must_use]
    pub fn certificate_file(&self, epoch: Option<Epoch>) -> Option<String> {
        let mut links = self.election.durable().links.iter().rev();
        let wanted = |found: Epoch| epoch.is_none_or(|epoch| epoch == found);
        let link = links.find(|link| wanted(link.certificate.epoch()))?;
        write_file(&link.base, &link.certificate).ok()
    }
}
