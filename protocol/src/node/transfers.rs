//! Driving transfers: from what is durably true to the next thing that must happen.
//!
//! [`Node::drive_transfer`] is level-triggered: it may run at any time, any number of times, and
//! does only what is missing. Restart, repeat and reconnect therefore need no code of their own. It
//! must never want two things of one lock, and never undo a decision.

use super::{Node, Reason};
use crate::amount::Msat;
use crate::channel::{Change, Lock, LockKey, Mode, Side};
use crate::ids::{ChannelId, TransferId};
use crate::input::Timer;
use crate::journal::Record;
use crate::limits::PAYMENT_HOPS_MAX;
use crate::message::Refusal;
use crate::mutant::{Mutant, active};
use crate::plan::Route;
use crate::time::Now;
use crate::transfer::{Decision, Kind, Leg, LegStatus, Stage, Transfer};
use debal_crypto::Secret;

/// A lock further off than this many of our longest ladders is not paid on.
const SPANS_MAX: u64 = 4;

impl Node {
    pub(super) fn drive_transfer(&mut self, id: TransferId, now: Now) {
        let Some(transfer) = self.durable.transfers.get(&id).cloned() else { return };
        match transfer.stage {
            Stage::Done { .. } => {}
            Stage::Reserved { expires_ms } if now.wall_ms >= expires_ms => {
                self.record(Record::CycleLapsed { cycle: id, at_ms: now.wall_ms });
            }
            Stage::Reserved { expires_ms } => {
                self.set_timer_at_wall(Timer::Transfer(id), expires_ms, now);
            }
            Stage::Live if transfer.legs_ended() => self.close(id, &transfer, now),
            Stage::Live => match transfer.decision {
                Decision::Open => self.drive_open(id, &transfer, now),
                Decision::Commit => self.drive_commit(id, &transfer, now),
                Decision::Abort(_) => self.drive_abort(id, &transfer, now),
            },
        }
    }

    fn drive_open(&mut self, id: TransferId, transfer: &Transfer, now: Now) {
        let status = |leg: Option<Leg>| leg.map(|leg| leg.status);
        let (incoming, outgoing) = (status(transfer.incoming), status(transfer.outgoing));
        if incoming == Some(LegStatus::Settled) {
            // We were paid, so the secret is ours and the transfer stands.
            return self.commit_if_secret_known(id, transfer);
        }
        if outgoing == Some(LegStatus::Released) && !transfer.revealed {
            return self.give_up(id, Refusal::Insufficient);
        }
        if self.clock_decides(id, transfer, now) {
            return;
        }
        let waits = (incoming, outgoing) == (Some(LegStatus::Waiting), Some(LegStatus::Waiting));
        if active(Mutant::OutBeforeIn) && waits {
            return self.begin(id, transfer, now);
        }
        match (incoming, outgoing) {
            (Some(LegStatus::Locked), _) if transfer.is_recipient() => {
                self.drive_recipient(id, transfer, now);
            }
            (Some(LegStatus::Locked), None) => self.give_up(id, Refusal::UnknownTransfer),
            (Some(LegStatus::Locked), Some(LegStatus::Waiting | LegStatus::Asked)) => {
                self.forward(id, transfer, now);
            }
            (_, Some(LegStatus::Waiting | LegStatus::Asked)) if transfer.is_first() => {
                self.begin(id, transfer, now);
            }
            (Some(LegStatus::Waiting), Some(LegStatus::Waiting)) => {
                self.await_lock(id, transfer, now);
            }
            _ => {}
        }
    }

    /// A Go was given but the lock before ours does not come: its payer may have lapsed. We wait as
    /// long as the whole cycle may take and then give it up; a lock that still comes is a stray.
    fn await_lock(&mut self, id: TransferId, transfer: &Transfer, now: Now) {
        let until_ms = transfer.began_ms.saturating_add(self.span_ms(transfer));
        if now.wall_ms >= until_ms {
            self.give_up(id, Refusal::Expired);
        } else {
            self.set_timer_at_wall(Timer::Transfer(id), until_ms, now);
        }
    }

    /// From a transfer's beginning to the deadline of its first hop.
    fn span_ms(&self, transfer: &Transfer) -> u64 {
        let gaps = u64::from(transfer.hop_count()).saturating_sub(1);
        let deadlines = &self.config.deadlines;
        deadlines.last_hop_ms.saturating_add(deadlines.gap_ms.saturating_mul(gaps))
    }

    /// The last payer's clock (R4): past its deadline and without the secret, it gives up for all.
    fn clock_decides(&mut self, id: TransferId, transfer: &Transfer, now: Now) -> bool {
        let Some(leg) = transfer.outgoing.filter(|leg| leg.status == LegStatus::Locked) else {
            return false;
        };
        let any = active(Mutant::ReleaseInTheMiddle) || active(Mutant::CancelBeforeOutEnded);
        if !transfer.is_decider() && !any {
            return false;
        }
        if now.wall_ms < leg.deadline_ms {
            self.set_timer_at_wall(Timer::Transfer(id), leg.deadline_ms, now);
            return false;
        }
        self.give_up(id, Refusal::Deadline);
        true
    }

    fn begin(&mut self, id: TransferId, transfer: &Transfer, now: Now) {
        let Some(leg) = transfer.outgoing else { return };
        if active(Mutant::RevealEarly) && matches!(transfer.kind, Kind::Cycle { .. }) {
            let secret = self.suite.transfer_secret(&id.0);
            self.record(Record::Revealed { transfer: id, secret });
        }
        let key = Transfer::key(id, &leg);
        if self.add_is_pending(leg.channel, key) {
            return;
        }
        // Counted from the transfer's beginning, so that a restart asks for the same lock again.
        let deadline_ms = transfer.began_ms.saturating_add(self.span_ms(transfer));
        self.lock(id, transfer, &leg, deadline_ms, now);
    }

    fn forward(&mut self, id: TransferId, transfer: &Transfer, now: Now) {
        let (Some(incoming), Some(outgoing)) = (transfer.incoming, transfer.outgoing) else {
            return;
        };
        if self.add_is_pending(outgoing.channel, Transfer::key(id, &outgoing)) {
            return;
        }
        let gap_ms = self.config.deadlines.gap_ms;
        let deadline_ms = if active(Mutant::GapZero) {
            incoming.deadline_ms
        } else if active(Mutant::LadderReversed) {
            incoming.deadline_ms.saturating_add(gap_ms)
        } else {
            incoming.deadline_ms.saturating_sub(gap_ms)
        };
        let allowed = self.forward_allowed(transfer, &incoming, &outgoing, now);
        if let (LegStatus::Waiting, Err(reason)) = (outgoing.status, allowed) {
            return self.give_up(id, reason);
        }
        self.lock(id, transfer, &outgoing, deadline_ms, now);
    }

    /// Our own rules for paying a payment on. Cycles were checked when we consented.
    fn forward_allowed(
        &self,
        transfer: &Transfer,
        incoming: &Leg,
        outgoing: &Leg,
        now: Now,
    ) -> Result<(), Refusal> {
        let deadlines = &self.config.deadlines;
        let last_ms = incoming.deadline_ms.saturating_sub(deadlines.gap_ms);
        if last_ms <= now.wall_ms.saturating_add(deadlines.reveal_margin_ms) {
            return Err(Refusal::Deadline);
        }
        // Two liars at the ends must not hold our liquidity for as long as they like. Their own
        // deadlines may be longer than ours, but not by much.
        let hops_max = u64::try_from(PAYMENT_HOPS_MAX).unwrap_or(u64::MAX);
        let span_ms =
            deadlines.last_hop_ms.saturating_add(deadlines.gap_ms.saturating_mul(hops_max));
        if incoming.deadline_ms > now.wall_ms.saturating_add(span_ms.saturating_mul(SPANS_MAX)) {
            return Err(Refusal::Deadline);
        }
        let channel = self.durable.channels.get(&outgoing.channel);
        let channel = channel.ok_or(Refusal::UnknownChannel)?;
        let payee = transfer.hops.get(usize::from(outgoing.hop)).map(|hop| hop.payee);
        if payee != Some(channel.peer()) {
            return Err(Refusal::UnknownChannel);
        }
        if matches!(transfer.kind, Kind::Payment) {
            // A cycle is open work since we consented to it; a payment begins here.
            if self.space_low {
                return Err(Refusal::Space);
            }
            let policy = channel.our_policy;
            if !policy.carries(outgoing.amount_msat) {
                return Err(Refusal::AmountOutOfRange);
            }
            let fee = policy.fee(outgoing.amount_msat);
            let enough = outgoing.amount_msat.checked_add(fee);
            if enough.is_none_or(|enough| incoming.amount_msat < enough)
                && !active(Mutant::FeeForgotten)
            {
                return Err(Refusal::Fee);
            }
        }
        Ok(())
    }

    /// Asks for, or proposes, the lock of our outgoing hop.
    fn lock(&mut self, id: TransferId, transfer: &Transfer, leg: &Leg, deadline_ms: u64, now: Now) {
        let (Some(hash), Some(channel)) = (transfer.hash, self.durable.channels.get(&leg.channel))
        else {
            return self.give_up(id, Refusal::UnknownChannel);
        };
        let (side, usable) =
            (channel.side, !channel.frozen && self.peers_up.contains(&channel.peer()));
        let asked = leg.status == LegStatus::Asked;
        if !asked {
            if !usable {
                return self.give_up(id, Refusal::ChannelUnusable);
            }
            if self.free_for(leg.channel, transfer) < leg.amount_msat {
                return self.give_up(id, Refusal::Insufficient);
            }
        }
        let route =
            matches!(transfer.kind, Kind::Payment).then(|| Route { hops: transfer.hops.clone() });
        let lock = Lock {
            key: Transfer::key(id, leg),
            hops: transfer.hop_count(),
            payer: side,
            hash,
            amount_msat: leg.amount_msat,
            deadline_ms,
            mode: Mode::Cascade,
        };
        if side == Side::High && !asked {
            self.record(Record::LockAsked { transfer: id });
        }
        self.want(leg.channel, Change::Add { lock, route }, now);
    }

    /// What this transfer may lock on a channel: cycles have their own reservation, payments must
    /// leave all reservations alone.
    fn free_for(&self, channel: ChannelId, transfer: &Transfer) -> Msat {
        let Some(entry) = self.durable.channels.get(&channel) else { return Msat::ZERO };
        let others = self.durable.reserved_msat(channel);
        let own = transfer.outgoing.map_or(Msat::ZERO, |leg| leg.amount_msat);
        entry.spendable_msat().minus_or_zero(others.minus_or_zero(own))
    }

    fn commit_if_secret_known(&mut self, id: TransferId, transfer: &Transfer) {
        // Without the secret we adopted a newer state and were paid in a life we forgot.
        if let Some(secret) = &transfer.secret {
            self.commit(id, secret.clone());
        }
    }

    pub(super) fn commit(&mut self, id: TransferId, secret: Secret) {
        self.record(Record::Committed { transfer: id, secret });
        self.due.insert(id);
    }

    /// Decides against a transfer, if that is still ours to decide.
    pub(super) fn give_up(&mut self, id: TransferId, reason: Reason) {
        let Some(transfer) = self.durable.transfers.get(&id) else { return };
        let live = matches!(transfer.stage, Stage::Live);
        let revealed = transfer.revealed && !active(Mutant::AbortAfterReveal);
        if !live || transfer.decision != Decision::Open || revealed {
            return;
        }
        if let Some(leg) = transfer.outgoing {
            let key = Transfer::key(id, &leg);
            if let Some(link) = self.links.get_mut(&leg.channel) {
                link.wanted.remove(&key);
            }
        }
        self.record(Record::Aborted { transfer: id, reason });
        self.due.insert(id);
    }

    fn drive_commit(&mut self, id: TransferId, transfer: &Transfer, now: Now) {
        let Some(secret) = transfer.secret.clone() else { return };
        if let Some(leg) = transfer.outgoing.filter(|leg| leg.status == LegStatus::Locked) {
            let settle = Change::Settle { key: Transfer::key(id, &leg), secret: secret.clone() };
            self.want(leg.channel, settle, now);
        }
        if transfer.incoming.is_some_and(|leg| leg.status == LegStatus::Locked) {
            self.claim_incoming(id, transfer, secret, now);
        }
    }

    fn drive_abort(&mut self, id: TransferId, transfer: &Transfer, now: Now) {
        let locked = |leg: Option<Leg>| leg.filter(|leg| leg.status == LegStatus::Locked);
        let outgoing = locked(transfer.outgoing);
        let by_clock = transfer.is_decider() || active(Mutant::ReleaseInTheMiddle);
        if let Some(leg) = outgoing.filter(|_| by_clock) {
            // Of all payers only the last may end a lock, by its clock.
            let release = Change::Release { key: Transfer::key(id, &leg) };
            return self.want(leg.channel, release, now);
        }
        // Any other outgoing lock is its payee's to give back. The opener may give its own incoming
        // hop back before that: it decided before the secret left it.
        let free =
            outgoing.is_none() || transfer.is_recipient() || active(Mutant::CancelBeforeOutEnded);
        if let Some(leg) = locked(transfer.incoming).filter(|_| free) {
            let release = Change::Release { key: Transfer::key(id, &leg) };
            self.want(leg.channel, release, now);
        }
    }

    /// Gives back every lock that pays us and belongs to nothing we stand by.
    pub(super) fn release_strays(&mut self, channel: ChannelId) {
        let Some(entry) = self.durable.channels.get(&channel) else { return };
        let paying_us = entry.state().locks.iter().filter(|lock| lock.payer != entry.side);
        let strays: Vec<LockKey> =
            paying_us.filter(|lock| !self.stands_by(channel, lock)).map(|lock| lock.key).collect();
        let link = self.links.entry(channel).or_default();
        for key in strays {
            // In place of its own addition, which may still be wanted here as the low end.
            link.wanted.insert(key, Change::Release { key });
        }
    }

    fn stands_by(&self, channel: ChannelId, lock: &Lock) -> bool {
        let transfer = self.durable.transfers.get(&lock.key.transfer);
        let leg = transfer.filter(|transfer| !transfer.is_done()).and_then(|t| t.incoming);
        leg.is_some_and(|leg| {
            leg.channel == channel
                && leg.hop == lock.key.hop
                && leg.amount_msat == lock.amount_msat
                && leg.status == LegStatus::Locked
        })
    }
}
