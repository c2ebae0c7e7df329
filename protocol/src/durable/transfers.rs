//! Records about transfers, and what a completed channel state means for them.
//!
//! A hop must end exactly once (I5); a party's decision is written once and never changes.

use super::{ApplyError, Durable, Receive, Spent};
use crate::channel::{Change, Lock, LockKey, State};
use crate::ids::{ChannelId, TransferId};
use crate::journal::Record;
use crate::limits::{RECEIVES_MAX, TRANSFERS_MAX};
use crate::message::{Outcome, Refusal};
use crate::mutant::{Mutant, active};
use crate::plan::Route;
use crate::transfer::{Decision, Kind, Leg, LegStatus, Stage, Transfer};
use debal_crypto::Secret;

/// Done transfers are remembered this long, so that late repeats are recognised (R7).
const REMEMBER_MS: u64 = 3_600_000;
/// Fees older than this leave the budgets.
const DAY_MS: u64 = 86_400_000;

impl Durable {
    pub(super) fn apply_to_transfers(&mut self, record: &Record) -> Result<(), ApplyError> {
        match record {
            Record::ReceivePrepared { hash, secret, amount_msat, expires_ms } => {
                let receive = Receive {
                    secret: secret.clone(),
                    amount_msat: *amount_msat,
                    expires_ms: *expires_ms,
                    transfer: None,
                    cancelled: false,
                };
                self.receives.insert(*hash, receive);
                self.forget_receives();
                Ok(())
            }
            Record::ReceiveSettled { hash, secret } => {
                if let Some(receive) = self.receives.get_mut(hash) {
                    receive.secret = Some(secret.clone());
                }
                Ok(())
            }
            Record::ReceiveCancelled { hash } => {
                if let Some(receive) = self.receives.get_mut(hash) {
                    receive.cancelled = true;
                }
                Ok(())
            }
            Record::CycleReserved { cycle, plan, leader, epoch, expires_ms } => {
                let kind = Kind::Cycle { epoch: *epoch, leader: *leader };
                let stage = Stage::Reserved { expires_ms: *expires_ms };
                let transfer = Transfer::new(kind, &plan.hops, self.node, stage, *expires_ms)
                    .ok_or(ApplyError::Order("a reserved cycle must be a path through us"))?;
                self.insert(*cycle, transfer)
            }
            Record::CycleLapsed { cycle, at_ms } => {
                let transfer = self.transfer_mut(*cycle)?;
                if !matches!(transfer.stage, Stage::Reserved { .. }) {
                    return Err(ApplyError::Order("only a reserved cycle lapses"));
                }
                transfer.stage = Stage::Done { outcome: Outcome::RolledBack, at_ms: *at_ms };
                Ok(())
            }
            Record::CycleGo { cycle, hash, at_ms } => {
                let transfer = self.transfer_mut(*cycle)?;
                if !matches!(transfer.stage, Stage::Reserved { .. }) {
                    return Err(ApplyError::Order("only a reserved cycle goes"));
                }
                transfer.stage = Stage::Live;
                transfer.hash = Some(*hash);
                transfer.began_ms = *at_ms;
                Ok(())
            }
            Record::PaymentStarted { transfer, route, hash, at_ms } => {
                let mut entry =
                    Transfer::new(Kind::Payment, &route.hops, self.node, Stage::Live, *at_ms)
                        .filter(Transfer::is_first)
                        .ok_or(ApplyError::Order("a payment must start at its first payer"))?;
                entry.hash = Some(*hash);
                if entry.is_recipient() {
                    self.bind_receive(*transfer, &entry);
                }
                self.insert(*transfer, entry)
            }
            other => self.apply_decision(other),
        }
    }

    fn apply_decision(&mut self, record: &Record) -> Result<(), ApplyError> {
        match record {
            Record::LockAsked { transfer } => {
                let leg = self.transfer_mut(*transfer)?.outgoing.as_mut();
                let leg = leg.filter(|leg| leg.status == LegStatus::Waiting);
                leg.ok_or(ApplyError::Order("only a waiting hop is asked for"))?.status =
                    LegStatus::Asked;
                Ok(())
            }
            Record::Committed { transfer, secret } => self.on_committed(*transfer, secret),
            Record::Aborted { transfer, reason } => self.on_aborted(*transfer, *reason),
            Record::Revealed { transfer, secret } => {
                let entry = self.transfer_mut(*transfer)?;
                if matches!(entry.decision, Decision::Abort(_)) {
                    return Err(ApplyError::Order("an aborted transfer reveals nothing"));
                }
                entry.secret = Some(secret.clone());
                entry.revealed = true;
                Ok(())
            }
            Record::Closed { transfer, outcome, at_ms } => {
                self.on_closed(*transfer, *outcome, *at_ms)
            }
            _ => Err(ApplyError::Order("record of another kind")),
        }
    }

    fn on_committed(&mut self, id: TransferId, secret: &Secret) -> Result<(), ApplyError> {
        let entry = self.transfer_mut(id)?;
        if entry.decision != Decision::Open {
            return Err(ApplyError::Order("a decision is made once"));
        }
        if !entry.hash.is_some_and(|hash| hash.opens_with(secret)) {
            return Err(ApplyError::Order("a commit needs the secret"));
        }
        entry.decision = Decision::Commit;
        entry.secret = Some(secret.clone());
        Ok(())
    }

    fn on_aborted(&mut self, id: TransferId, reason: Refusal) -> Result<(), ApplyError> {
        let entry = self.transfer_mut(id)?;
        let revealed = entry.revealed && !active(Mutant::AbortAfterReveal);
        if entry.decision != Decision::Open || revealed {
            return Err(ApplyError::Order("a decision is made once, and not after the reveal"));
        }
        entry.decision = Decision::Abort(reason);
        for leg in [&mut entry.incoming, &mut entry.outgoing].into_iter().flatten() {
            // A hop that was never locked never will be: the party refuses it from now on.
            if matches!(leg.status, LegStatus::Waiting | LegStatus::Asked) {
                leg.status = LegStatus::Released;
            }
        }
        Ok(())
    }

    fn on_closed(&mut self, id: TransferId, outcome: Outcome, at: u64) -> Result<(), ApplyError> {
        let entry = self.transfer_mut(id)?;
        if entry.is_done() || !entry.legs_ended() {
            return Err(ApplyError::Order("a transfer closes once, after its hops ended"));
        }
        entry.stage = Stage::Done { outcome, at_ms: at };
        let fee_msat = entry.net_fee_msat();
        let cycle = matches!(entry.kind, Kind::Cycle { .. });
        if cycle && outcome == Outcome::Committed && fee_msat > crate::amount::Msat::ZERO {
            self.spent.push(Spent { at_ms: at, fee_msat });
        }
        self.spent.retain(|spent| spent.at_ms >= at.saturating_sub(DAY_MS));
        self.forget(at);
        Ok(())
    }

    /// What one change of a newly completed state means for its transfer.
    pub(super) fn note_change(
        &mut self,
        channel: ChannelId,
        before: &State,
        change: &Change,
    ) -> Result<(), ApplyError> {
        match change {
            Change::Add { lock, route } => self.note_lock(channel, lock, route.as_ref()),
            Change::Settle { key, secret } => {
                if let Some(entry) = self.transfers.get_mut(&key.transfer) {
                    entry.secret.get_or_insert_with(|| secret.clone());
                }
                self.note_end(channel, before, *key, LegStatus::Settled)
            }
            Change::Release { key } => self.note_end(channel, before, *key, LegStatus::Released),
        }
    }

    fn note_lock(
        &mut self,
        channel: ChannelId,
        lock: &Lock,
        route: Option<&Route>,
    ) -> Result<(), ApplyError> {
        let id = lock.key.transfer;
        let side = self.channel_mut(channel)?.side;
        let incoming = lock.payer != side;
        if !self.transfers.contains_key(&id) {
            let node = self.node;
            let known = route
                .filter(|route| route.hops.len() == usize::from(lock.hops))
                .and_then(|route| Transfer::new(Kind::Payment, &route.hops, node, Stage::Live, 0));
            let leg = Leg {
                channel,
                hop: lock.key.hop,
                amount_msat: lock.amount_msat,
                deadline_ms: lock.deadline_ms,
                status: LegStatus::Waiting,
            };
            let mut entry = known.unwrap_or_else(|| Transfer::orphan(leg, lock.hash, 0));
            entry.hash = Some(lock.hash);
            if entry.is_recipient() {
                self.bind_receive(id, &entry);
            }
            self.insert(id, entry)?;
        }
        let entry = self.transfer_mut(id)?;
        let other_hash = entry.hash.is_some_and(|hash| hash != lock.hash);
        let other_length = entry.kind != Kind::Orphan && entry.hop_count() != lock.hops;
        if entry.is_done() || other_hash || other_length {
            return Ok(()); // A stray: its payee gives it back.
        }
        let leg = if incoming { entry.incoming.as_mut() } else { entry.outgoing.as_mut() };
        let agreed = |leg: &&mut Leg| {
            leg.channel == channel
                && leg.hop == lock.key.hop
                && leg.amount_msat == lock.amount_msat
                && matches!(leg.status, LegStatus::Waiting | LegStatus::Asked)
        };
        let Some(leg) = leg.filter(agreed) else {
            return Ok(()); // Not the hop we agreed to, or given up before: a stray as well.
        };
        leg.status = LegStatus::Locked;
        leg.deadline_ms = lock.deadline_ms;
        if matches!(entry.stage, Stage::Reserved { .. }) {
            // The payer would not lock without a Go, so there was one; ours is late.
            entry.stage = Stage::Live;
            entry.hash = Some(lock.hash);
        }
        Ok(())
    }

    fn note_end(
        &mut self,
        channel: ChannelId,
        before: &State,
        key: LockKey,
        status: LegStatus,
    ) -> Result<(), ApplyError> {
        let deadline_ms = before.lock(key).map_or(u64::MAX, |lock| lock.deadline_ms);
        self.channel_mut(channel)?.ended.insert(key, deadline_ms);
        let Some(entry) = self.transfers.get_mut(&key.transfer) else {
            return Ok(());
        };
        for leg in [&mut entry.incoming, &mut entry.outgoing].into_iter().flatten() {
            if leg.channel == channel && leg.hop == key.hop && leg.status == LegStatus::Locked {
                leg.status = status;
            }
        }
        Ok(())
    }

    fn bind_receive(&mut self, id: TransferId, transfer: &Transfer) {
        let Some(receive) = transfer.hash.and_then(|hash| self.receives.get_mut(&hash)) else {
            return;
        };
        if receive.transfer.is_none() {
            receive.transfer = Some(id);
        }
    }

    fn insert(&mut self, id: TransferId, transfer: Transfer) -> Result<(), ApplyError> {
        if self.transfers.contains_key(&id) {
            return Err(ApplyError::Order("a transfer begins once"));
        }
        self.transfers.insert(id, transfer);
        Ok(())
    }

    /// Forgets what no honest repeat can refer to any more.
    fn forget(&mut self, now_ms: u64) {
        let horizon = now_ms.saturating_sub(REMEMBER_MS);
        let crowded = self.transfers.len() > TRANSFERS_MAX / 2;
        self.transfers.retain(|_, transfer| match transfer.stage {
            Stage::Done { at_ms, .. } => at_ms >= horizon && !crowded,
            _ => true,
        });
        for channel in self.channels.values_mut() {
            channel.ended.retain(|_, deadline_ms| deadline_ms.saturating_add(DAY_MS) >= now_ms);
        }
    }

    fn forget_receives(&mut self) {
        if self.receives.len() > RECEIVES_MAX {
            let transfers = &self.transfers;
            self.receives.retain(|_, receive| match receive.transfer {
                Some(id) => transfers.contains_key(&id),
                None => !receive.cancelled,
            });
        }
    }
}
