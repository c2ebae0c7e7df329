//! The way back: revealing, claiming, closing.
//!
//! A secret leaves its holder only after the record that says so is durable, and to the last payer
//! only (R3). Whoever knows a secret claims upstream until it is paid (R5).

use super::Node;
use crate::amount::Msat;
use crate::channel::LockKey;
use crate::event::Event;
use crate::ids::{ChannelId, TransferId};
use crate::input::Timer;
use crate::journal::Record;
use crate::message::{Message, Outcome, Refusal};
use crate::mutant::{Mutant, active};
use crate::reject::Reject;
use crate::time::Now;
use crate::transfer::{Decision, Kind, Leg, LegStatus, Transfer};
use debal_crypto::{NodeId, Secret};

/// Claims that wait for their lock's counter-signature; more are dropped and shown again.
const EARLY_CLAIMS_MAX: usize = 1_024;

/// Claims shown at the full rate; then the pause doubles with each.
const EAGER_CLAIMS: u8 = 5;
/// The pause stops growing at 64 times the retry time.
const DOUBLINGS_MAX: u8 = 6;

/// When a claim was shown last, and how often since its payer was last connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    tick_ms: u64,
    times: u8,
}

impl Sent {
    /// How long to wait before it is shown again: a payer that never pays must not cost a message a
    /// second for ever.
    fn pause_ms(self, retry_ms: u64) -> u64 {
        let doublings = self.times.saturating_sub(EAGER_CLAIMS).min(DOUBLINGS_MAX);
        retry_ms.saturating_mul(1 << doublings)
    }
}

impl Node {
    /// Locks became complete: claims that came before them are taken up now.
    pub(super) fn take_early_claims(&mut self, from: NodeId, channel: ChannelId, now: Now) {
        let Some(entry) = self.durable.channels.get(&channel) else { return };
        let complete = |key: &LockKey| entry.state().lock(*key).is_some();
        let ready: Vec<LockKey> = self.early_claims.keys().copied().filter(complete).collect();
        for key in ready {
            if let Some(secret) = self.early_claims.remove(&key) {
                // A claim that does not fit is refused like any other; its payee shows it again.
                let _ = self.on_claim_hop(from, channel, key, &secret, now);
            }
        }
    }

    /// We are the last payee and the last hop is locked.
    pub(super) fn drive_recipient(&mut self, id: TransferId, transfer: &Transfer, now: Now) {
        let Some(leg) = transfer.incoming else { return };
        let late = now.wall_ms >= leg.deadline_ms;
        if transfer.revealed && !(late && active(Mutant::AbortAfterReveal)) {
            if let Some(secret) = transfer.secret.clone() {
                self.claim_incoming(id, transfer, secret, now);
            }
            return;
        }
        if transfer.outgoing.is_some_and(|leg| leg.status != LegStatus::Locked) {
            // A cycle's last hop locked before its first: no honest party does that (R1).
            return self.give_up(id, Refusal::Malformed);
        }
        let margin_ms = self.config.deadlines.reveal_margin_ms;
        if now.wall_ms.saturating_add(margin_ms) >= leg.deadline_ms {
            return self.give_up(id, Refusal::Deadline);
        }
        match self.recipient_secret(id, transfer, &leg, now) {
            Ok(Some(secret)) => {
                self.record(Record::Revealed { transfer: id, secret });
                self.due.insert(id);
            }
            Ok(None) => {
                let (amount_msat, deadline_ms) = (leg.amount_msat, leg.deadline_ms);
                self.outbox.emit(Event::PaymentHeld { transfer: id, amount_msat, deadline_ms });
                let until = leg.deadline_ms.saturating_sub(margin_ms);
                self.set_timer_at_wall(Timer::Transfer(id), until, now);
            }
            Err(reason) => self.give_up(id, reason),
        }
    }

    /// The secret, if it is ours to reveal now; `None` while the operator holds the payment.
    fn recipient_secret(
        &self,
        id: TransferId,
        transfer: &Transfer,
        leg: &Leg,
        now: Now,
    ) -> Result<Option<Secret>, Refusal> {
        if matches!(transfer.kind, Kind::Cycle { .. }) {
            return Ok(Some(self.suite.transfer_secret(&id.0)));
        }
        let receive = transfer.hash.and_then(|hash| self.durable.receives.get(&hash));
        let receive = receive.filter(|receive| receive.transfer == Some(id));
        let receive = receive.ok_or(Refusal::UnknownTransfer)?;
        if receive.cancelled {
            return Err(Refusal::UnknownTransfer);
        }
        if now.wall_ms >= receive.expires_ms {
            return Err(Refusal::Expired);
        }
        // Exactly the amount: a smaller lock must never get the secret, a larger one is a mistake.
        if leg.amount_msat != receive.amount_msat && !active(Mutant::AnyAmount) {
            return Err(Refusal::AmountOutOfRange);
        }
        Ok(receive.secret.clone())
    }

    /// Shows the payer of our incoming hop the secret, again and again until it has paid.
    pub(super) fn claim_incoming(
        &mut self,
        id: TransferId,
        transfer: &Transfer,
        secret: Secret,
        now: Now,
    ) {
        let Some(leg) = transfer.incoming else { return };
        let paid = transfer.outgoing.filter(|_| active(Mutant::SecretToPayee)).unwrap_or(leg);
        let Some(payer) = self.durable.channels.get(&paid.channel).map(|c| c.peer()) else {
            return;
        };
        let sent = self.claims_sent.get(&id).copied().unwrap_or_default();
        let retry_ms = self.config.deadlines.retry_ms;
        let due_tick_ms = sent.tick_ms.saturating_add(sent.pause_ms(retry_ms));
        if sent.times > 0 && now.tick_ms < due_tick_ms {
            self.set_timer_in(Timer::Transfer(id), due_tick_ms.saturating_sub(now.tick_ms), now);
            return;
        }
        let sent = Sent { tick_ms: now.tick_ms, times: sent.times.saturating_add(1) };
        self.set_timer_in(Timer::Transfer(id), sent.pause_ms(retry_ms), now);
        self.claims_sent.insert(id, sent);
        let claim =
            Message::ClaimHop { channel: leg.channel, key: Transfer::key(id, &leg), secret };
        // In the middle of a path the secret may run ahead of our disk: our payee will show it
        // again if we forget. The last payer's decision and the recipient's reveal must be durable
        // first.
        let waits = transfer.is_decider() || transfer.is_recipient();
        if waits && !active(Mutant::ClaimBeforeFlush) {
            self.send(payer, claim, now);
        } else {
            self.send_at_once(payer, claim, now);
        }
    }

    pub(super) fn on_claim_hop(
        &mut self,
        from: NodeId,
        channel: ChannelId,
        key: LockKey,
        secret: &Secret,
        now: Now,
    ) -> Result<(), Reject> {
        let entry = self.channel_with(from, channel, "claim_hop")?;
        let proposed = entry.proposal.as_ref().and_then(|proposal| proposal.state.lock(key));
        let ours = proposed.is_some_and(|lock| lock.payer == entry.side);
        if ours && entry.state().lock(key).is_none() {
            // The claim overtook the counter-signature that completes its lock: it waits for it.
            if self.early_claims.len() < EARLY_CLAIMS_MAX {
                self.early_claims.insert(key, secret.clone());
            }
            return Ok(());
        }
        let Some(lock) = entry.state().lock(key).filter(|lock| lock.payer == entry.side) else {
            // Settled or released already; our newest state tells the payee.
            let newest = entry.newest.clone();
            self.send(from, Message::Sync { channel, newest }, now);
            return Ok(());
        };
        if !lock.hash.opens_with(secret) {
            return Err(Reject::malformed("claim_hop", "the secret does not open the lock"));
        }
        let id = key.transfer;
        let Some(transfer) = self.durable.transfers.get(&id) else {
            return Err(Reject::unfitting("claim_hop", "unknown transfer"));
        };
        let too_late = transfer.is_decider() && now.wall_ms >= lock.deadline_ms;
        let open = transfer.decision == Decision::Open || active(Mutant::CommitTwice);
        if open && !transfer.is_done() && !too_late {
            self.commit(id, secret.clone());
        }
        self.due.insert(id);
        Ok(())
    }

    /// Both our hops ended: the transfer is over for us.
    pub(super) fn close(&mut self, id: TransferId, transfer: &Transfer, now: Now) {
        let paid = transfer.incoming.is_some_and(|leg| leg.status == LegStatus::Settled);
        if let (Decision::Open, true, Some(secret)) = (transfer.decision, paid, &transfer.secret) {
            return self.commit(id, secret.clone());
        }
        let mut legs = [transfer.incoming, transfer.outgoing].into_iter().flatten();
        let paid = legs.any(|leg| leg.status == LegStatus::Settled);
        let outcome = if paid { Outcome::Committed } else { Outcome::RolledBack };
        self.claims_sent.remove(&id);
        self.record(Record::Closed { transfer: id, outcome, at_ms: now.wall_ms });
        self.tell_end(id, transfer, outcome, now);
    }

    fn tell_end(&mut self, id: TransferId, transfer: &Transfer, outcome: Outcome, now: Now) {
        let amount_msat = transfer.hops.first().map_or(Msat::ZERO, |hop| hop.amount_msat);
        let duration_ms = now.wall_ms.saturating_sub(transfer.began_ms);
        let hops = transfer.hop_count();
        match transfer.kind {
            Kind::Cycle { epoch, .. } if transfer.is_first() => {
                self.outbox.emit(Event::CycleEnded {
                    cycle: id,
                    epoch,
                    outcome,
                    hops,
                    amount_msat,
                    fee_msat: transfer.net_fee_msat(),
                    duration_ms,
                });
                self.gossip(Message::Receipt { transfer: id, outcome }, now);
            }
            Kind::Payment if transfer.is_first() => {
                let delivered = transfer.hops.last().map_or(Msat::ZERO, |hop| hop.amount_msat);
                let reason = match transfer.decision {
                    Decision::Abort(reason) => Some(reason),
                    _ => None,
                };
                let fee_msat = amount_msat.minus_or_zero(delivered);
                self.outbox.emit(Event::PaymentEnded {
                    transfer: id,
                    outcome,
                    amount_msat: delivered,
                    fee_msat,
                    hops,
                    duration_ms,
                    reason,
                });
            }
            Kind::Payment if transfer.is_recipient() && outcome == Outcome::Committed => {
                let amount_msat = transfer.incoming.map_or(Msat::ZERO, |leg| leg.amount_msat);
                self.outbox.emit(Event::PaymentReceived { transfer: id, amount_msat, hops });
            }
            _ => {}
        }
    }

    pub(super) fn on_receipt(
        &mut self,
        _from: NodeId,
        _transfer: TransferId,
        _outcome: Outcome,
    ) -> Result<(), Reject> {
        // Receipts are for watchers; no party's own knowledge of a transfer depends on one.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_nobody_answers_is_shown_less_and_less_often() {
        let pauses = |times| Sent { tick_ms: 0, times }.pause_ms(1_000);
        assert_eq!(
            [1, 5, 6, 7, 11, 12, 255].map(pauses),
            [1_000, 1_000, 2_000, 4_000, 64_000, 64_000, 64_000]
        );
    }
}
