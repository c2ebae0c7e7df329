//! From a verified message to the handler of its kind.
//!
//! Membership and the epoch window are checked here, once; no handler may assume more than that.

use super::{Node, Verdict};
use crate::event::Event;
use crate::message::{Message, Travel};
use crate::reject::Reject;
use crate::time::Now;
use crate::wire::Verified;
use debal_crypto::NodeId;

/// How many epochs a gossiped message's epoch may differ from ours.
const EPOCH_WINDOW: u64 = 1;

impl Node {
    pub(super) fn on_message(&mut self, verified: Verified, now: Now) -> Verdict {
        let (from, digest) = (verified.sender(), verified.digest());
        let name = verified.message().name();
        let checked = self.check_sender(&verified, now);
        if checked.is_ok() {
            self.note_plan_envelope(&verified, now);
            self.note_summary_envelope(&verified, now);
        }
        match checked.and_then(|()| self.dispatch(from, verified.into_message(), now)) {
            Ok(()) => Verdict::Accept,
            Err(reject) => {
                let verdict = Verdict::from(&reject);
                if !matches!(reject, Reject::Duplicate) {
                    let reason = reject.name();
                    self.outbox.emit(Event::Rejected { from, message: name, reason, digest });
                }
                verdict
            }
        }
    }

    fn check_sender(&self, verified: &Verified, now: Now) -> Result<(), Reject> {
        let from = verified.sender();
        let member = self.election.is_member(&from, self.epoch(now));
        let neighbour = || self.durable.channels.values().any(|channel| channel.peer() == from);
        let opening = || {
            let mut openings = self.durable.openings.values();
            openings.any(|opening| opening.open.terms.side_of(&from).is_some())
        };
        if !member && !neighbour() && !opening() {
            return Err(Reject::NotMember);
        }
        let here = self.epoch(now);
        let apart = here.0.abs_diff(verified.epoch().0);
        let bound_to_epoch = verified.message().travel() != Travel::Direct;
        if bound_to_epoch && apart > EPOCH_WINDOW {
            return Err(Reject::Epoch { found: verified.epoch().0, now: here.0 });
        }
        Ok(())
    }

    pub(super) fn dispatch(
        &mut self,
        from: NodeId,
        message: Message,
        now: Now,
    ) -> Result<(), Reject> {
        match message {
            Message::TipReply { .. } => {
                self.on_election_message(from, message, now)?;
                self.retry_plan(now);
                Ok(())
            }
            Message::Summary(summary) => self.on_summary(from, summary, now),
            Message::Claim(_)
            | Message::Endorse(_)
            | Message::RosterChange(_)
            | Message::Evidence(_)
            | Message::TipRequest { .. } => self.on_election_message(from, message, now),
            Message::Plan(plan) => self.on_plan(from, plan, now),
            Message::Receipt { transfer, outcome } => self.on_receipt(from, transfer, outcome),
            Message::Accept(accept) => self.on_accept(from, accept, now),
            Message::Refuse { cycle, reason } => self.on_refuse(from, cycle, reason, now),
            Message::Go(go) => self.on_go(from, &go, now),
            Message::OpenChannel { terms, low_msat, policy, signature } => {
                self.on_open_channel(from, terms, low_msat, policy, signature, now)
            }
            Message::ChannelOpened { channel, policy, signature } => {
                self.on_channel_opened(from, channel, policy, signature, now)
            }
            Message::Request { channel, changes } => self.on_request(from, channel, changes, now),
            Message::Propose { channel, seq, changes, signature } => {
                self.on_propose(from, channel, seq, &changes, signature, now)
            }
            Message::Countersign { channel, seq, signature } => {
                self.on_countersign(from, channel, seq, signature, now)
            }
            Message::Sync { channel, newest } => self.on_sync(from, channel, newest, now),
            Message::ClaimHop { channel, key, secret } => {
                self.on_claim_hop(from, channel, key, &secret, now)
            }
            Message::Quote(quote) => self.on_quote(from, quote, now),
        }
    }
}
