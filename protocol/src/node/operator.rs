//! What an operator, or the agent on its behalf, asks for.
//!
//! Every request gets exactly one answer, and an answer waits for the records it speaks of.

use super::Node;
use crate::amount::Msat;
use crate::bounded::Bounded;
use crate::effect::{Answer, OperatorError};
use crate::ids::{ChannelId, TransferId};
use crate::input::{Operator, Ticket};
use crate::journal::Record;
use crate::limits::{OPEN_TRANSFERS_MAX, PAYMENT_HOPS_MAX, RECEIVES_MAX};
use crate::message::Refusal;
use crate::plan::{Hop, Route};
use crate::steer::Steer;
use crate::summary::ForwardPolicy;
use crate::time::Now;
use crate::transfer::is_path;
use crate::wire::codec;
use debal_crypto::{Digest, Domain, LockHash, Secret};

impl Node {
    pub(super) fn on_operator(&mut self, ticket: Ticket, request: Operator, now: Now) {
        if self.space_low && request.begins_work() {
            return self.answer(ticket, Err(OperatorError::Refused(Refusal::Space)));
        }
        let answer = match request {
            Operator::ExpectChannel(open) => return self.expect_channel(ticket, open),
            Operator::OpenChannel(open) => return self.open_channel(ticket, open, now),
            Operator::SetPolicy { channel, policy } => self.set_policy(channel, policy),
            Operator::PrepareReceive { hash, amount_msat, expires_ms, nonce } => {
                self.prepare_receive(hash, amount_msat, expires_ms, nonce)
            }
            Operator::SendAlong { hops, hash } => self.send_along(hops, hash, now),
            Operator::Settle(secret) => self.settle_receive(secret),
            Operator::Cancel(hash) => self.cancel_receive(hash),
            Operator::SetRebalancing(on) => {
                self.record(Record::Rebalancing(on));
                self.summaries.changed = true;
                Ok(Answer::Done)
            }
            Operator::Steer { channel, steer } => self.steer(channel, steer),
            Operator::Sponsor { binding, weight } => self.sponsor(binding, weight, now),
            Operator::Leave => self.leave_roster(now),
        };
        self.answer(ticket, answer);
    }

    fn set_policy(
        &mut self,
        channel: ChannelId,
        policy: ForwardPolicy,
    ) -> Result<Answer, OperatorError> {
        if !self.durable.channels.contains_key(&channel) {
            return Err(OperatorError::NoChannel(channel));
        }
        self.record(Record::PolicySet { channel, policy });
        self.summaries.changed = true;
        Ok(Answer::Done)
    }

    /// Prices are public, so a new one is told at once; targets show at the next epoch.
    fn steer(&mut self, channel: ChannelId, steer: Option<Steer>) -> Result<Answer, OperatorError> {
        if !self.durable.channels.contains_key(&channel) {
            return Err(OperatorError::NoChannel(channel));
        }
        match steer {
            Some(steer) => self.steers.insert(channel, steer.bounded()),
            None => self.steers.remove(&channel),
        };
        Ok(Answer::Done)
    }

    fn prepare_receive(
        &mut self,
        hash: Option<LockHash>,
        amount_msat: Msat,
        expires_ms: u64,
        nonce: u64,
    ) -> Result<Answer, OperatorError> {
        if amount_msat == Msat::ZERO || amount_msat > Msat::MAX {
            return Err(OperatorError::Invalid("amount is zero or out of range"));
        }
        if self.durable.receives.len() >= RECEIVES_MAX {
            return Err(OperatorError::Full("receives"));
        }
        let secret = hash.is_none().then(|| {
            let label = [&nonce.to_be_bytes()[..], &amount_msat.0.to_be_bytes()];
            self.suite.transfer_secret(&Digest::of(Domain::PaymentId, &label))
        });
        let drawn = secret.as_ref().map(Secret::lock_hash);
        let hash = hash.or(drawn).ok_or(OperatorError::Invalid("no hash"))?;
        if self.durable.receives.contains_key(&hash) {
            return Err(OperatorError::Invalid(
                "a receive with that hash exists; use another nonce",
            ));
        }
        self.record(Record::ReceivePrepared { hash, secret, amount_msat, expires_ms });
        Ok(Answer::Receive(hash))
    }

    fn settle_receive(&mut self, secret: Secret) -> Result<Answer, OperatorError> {
        let hash = secret.lock_hash();
        let receive = self.durable.receives.get(&hash).ok_or(OperatorError::NoReceive)?;
        if receive.cancelled {
            return Err(OperatorError::Invalid("the receive was cancelled"));
        }
        let transfer = receive.transfer;
        if receive.secret.is_none() {
            self.record(Record::ReceiveSettled { hash, secret });
        }
        self.due.extend(transfer);
        Ok(Answer::Done)
    }

    fn cancel_receive(&mut self, hash: LockHash) -> Result<Answer, OperatorError> {
        let receive = self.durable.receives.get(&hash).ok_or(OperatorError::NoReceive)?;
        let transfer = receive.transfer;
        let revealed = transfer
            .and_then(|id| self.durable.transfers.get(&id))
            .is_some_and(|transfer| transfer.revealed);
        if revealed {
            return Err(OperatorError::Settled);
        }
        if !receive.cancelled {
            self.record(Record::ReceiveCancelled { hash });
        }
        self.due.extend(transfer);
        Ok(Answer::Done)
    }

    fn send_along(
        &mut self,
        hops: Vec<Hop>,
        hash: LockHash,
        now: Now,
    ) -> Result<Answer, OperatorError> {
        if !is_path(&hops) {
            return Err(OperatorError::Invalid("the hops are no path"));
        }
        let first = hops.first().ok_or(OperatorError::Invalid("the hops are no path"))?;
        if first.payer != self.config.node {
            return Err(OperatorError::Invalid("the first payer must be this node"));
        }
        let channel = self.durable.channels.get(&first.channel);
        let channel = channel.ok_or(OperatorError::NoChannel(first.channel))?;
        if channel.peer() != first.payee {
            return Err(OperatorError::Invalid("the first hop's payee is not that channel's peer"));
        }
        if channel.frozen || !self.peers_up.contains(&channel.peer()) {
            return Err(OperatorError::Refused(Refusal::ChannelUnusable));
        }
        let reserved = self.durable.reserved_msat(first.channel);
        let available_msat = channel.spendable_msat().minus_or_zero(reserved);
        if available_msat < first.amount_msat {
            return Err(OperatorError::Insufficient { available_msat });
        }
        if self.durable.open_transfers().count() >= OPEN_TRANSFERS_MAX {
            return Err(OperatorError::Full("open transfers"));
        }
        let hops: Bounded<Hop, PAYMENT_HOPS_MAX> =
            Bounded::try_from(hops).map_err(|_| OperatorError::Invalid("too many hops"))?;
        let route = Route { hops };
        let bytes = codec::encode(&route).map_err(|_| OperatorError::Invalid("route"))?;
        let id = TransferId(Digest::of(Domain::PaymentId, &[&hash.0, &bytes]));
        if self.durable.transfers.contains_key(&id) {
            return Ok(Answer::Sending(id));
        }
        self.record(Record::PaymentStarted { transfer: id, route, hash, at_ms: now.wall_ms });
        self.due.insert(id);
        Ok(Answer::Sending(id))
    }
}
