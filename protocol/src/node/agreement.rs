//! A party's side of a plan: check, consent, go.
//!
//! A plan is advice from somebody we do not trust. Nothing is consented to that our own floors,
//! caps, fees and budgets do not allow, and nothing is reserved before the consent is durable.

use super::Node;
use super::proof::check_form;
use crate::amount::Msat;
use crate::event::Event;
use crate::evidence::{EnvelopeBytes, Evidence};
use crate::ids::{ChannelId, Epoch, TransferId};
use crate::journal::Record;
use crate::limits::{CYCLE_HOPS_MIN, ROUNDS_MAX};
use crate::message::{Message, Outcome, Refusal};
use crate::mutant::{Mutant, active};
use crate::plan::{Accept, CyclePlan, Go, Hop, Plan, PlanCheck};
use crate::reject::{Blame, Reject};
use crate::summary::{Offer, Want};
use crate::time::Now;
use crate::transfer::{Kind, Leg, Stage, is_path};
use crate::wire::{Verified, codec};
use debal_crypto::{Digest, Domain, LockHash, NodeId};
use std::collections::BTreeMap;

/// Plans kept as evidence at once: every round of two epochs.
const ENVELOPES_MAX: usize = 2 * ROUNDS_MAX as usize;

/// Volatile memory of the plans seen.
#[derive(Debug, Default)]
pub(super) struct Agreement {
    /// Digest of the plan taken per (epoch, round); others of the same certificate are refused.
    taken: BTreeMap<(Epoch, u8), Digest>,
    /// The sealed envelope it came in, if small enough to be evidence.
    envelopes: BTreeMap<(Epoch, u8), EnvelopeBytes>,
    /// The newest plan whose certificate builds on a tip we have asked for, with its leader.
    waiting: Option<(NodeId, Plan)>,
    /// What recomputes the proofs of plans.
    pub(super) check: Option<PlanCheck>,
}

/// Identity of a plan: digest of its canonical bytes.
pub(super) fn plan_digest(plan: &Plan) -> Result<Digest, Reject> {
    Ok(Digest::of(Domain::PlanDigest, &[&codec::encode(plan)?]))
}

/// Identity of a plan's cycle.
pub(super) fn cycle_id(plan: &Digest, index: usize) -> TransferId {
    let index = u64::try_from(index).unwrap_or(u64::MAX);
    TransferId(Digest::of(Domain::CycleId, &[&plan.0, &index.to_be_bytes()]))
}

/// Bytes a party signs to consent.
fn accept_bytes(
    network: &Digest,
    cycle: TransferId,
    lock_hash: Option<LockHash>,
) -> Result<Vec<u8>, Reject> {
    codec::encode(&(network, cycle, lock_hash))
}

impl Node {
    /// Two different plans of one certificate are evidence against their leader: the first is kept
    /// as it came, a second one accuses.
    pub(super) fn note_plan_envelope(&mut self, verified: &Verified, now: Now) {
        let Message::Plan(plan) = verified.message() else { return };
        let claim = &plan.certificate.claim;
        if claim.node != verified.sender() || claim.epoch != self.epoch(now) {
            return;
        }
        let key = (claim.epoch, plan.certificate.round);
        let Ok(sealed) = EnvelopeBytes::try_from(verified.sealed().to_vec()) else { return };
        match self.agreement.envelopes.get(&key) {
            Some(first) if *first != sealed => {
                let evidence = Evidence::Envelopes(first.clone(), sealed);
                self.accuse(evidence, now);
            }
            Some(_) => {}
            None if self.agreement.envelopes.len() < ENVELOPES_MAX => {
                self.agreement.envelopes.insert(key, sealed);
            }
            None => {}
        }
    }

    pub(super) fn on_plan(&mut self, from: NodeId, plan: Plan, now: Now) -> Result<(), Reject> {
        let claim = &plan.certificate.claim;
        let (epoch, round) = (claim.epoch, plan.certificate.round);
        if claim.node != from {
            return Err(Reject::malformed("plan", "the sender is not the certified leader"));
        }
        if epoch != self.epoch(now) {
            return Err(Reject::Epoch { found: epoch.0, now: self.epoch(now).0 });
        }
        let digest = plan_digest(&plan)?;
        match self.agreement.taken.get(&(epoch, round)) {
            Some(taken) if *taken == digest => return Err(Reject::Duplicate),
            Some(_) => return Err(Reject::unfitting("plan", "a second plan of one certificate")),
            None => {}
        }
        if let Err(reject) = self.take_certificate(from, &plan.certificate, now) {
            if reject.blame() == Blame::None {
                self.agreement.waiting = Some((from, plan));
            }
            return Err(reject);
        }
        if !plan.cycles.iter().all(|cycle| is_cycle(&cycle.hops)) {
            return Err(Reject::malformed("plan", "a cycle does not close or repeats a node"));
        }
        check_form(&plan.proof)?;
        self.agreement.taken.insert((epoch, round), digest);
        self.agreement.taken.retain(|(old, _), _| old.plus(2) > epoch);
        self.agreement.envelopes.retain(|(old, _), _| old.plus(2) > epoch);
        // A leader whose proof is false published no plan: the next round may replace it.
        let checked = self.check_proof(&plan)?;
        self.election.plan_seen(epoch, round);
        self.note_plan_prices(&plan.proof);
        let ours = self.answer_cycles(from, &plan, &digest, now);
        let cycles = u32::try_from(plan.cycles.len()).unwrap_or(u32::MAX);
        self.outbox.emit(Event::PlanSeen { epoch, leader: from, cycles, ours, checked });
        Ok(())
    }

    /// A tip became known: the plan that waited for one is looked at again.
    pub(super) fn retry_plan(&mut self, now: Now) {
        if let Some((from, plan)) = self.agreement.waiting.take() {
            // Refused now, it is refused like any other plan; its epoch may be over.
            let _ = self.on_plan(from, plan, now);
        }
    }

    fn answer_cycles(&mut self, leader: NodeId, plan: &Plan, digest: &Digest, now: Now) -> u32 {
        let mut ours = 0u32;
        for (index, cycle) in plan.cycles.iter().enumerate() {
            let me = self.config.node;
            if !cycle.hops.iter().any(|hop| hop.payer == me) {
                continue;
            }
            ours = ours.saturating_add(1);
            let id = cycle_id(digest, index);
            let verdict = if ours > self.config.caps.cycles_per_plan {
                Err(Refusal::TooManyCycles)
            } else {
                self.check_cycle(cycle, plan.expires_ms, now)
            };
            match verdict.and_then(|()| self.consent(id, cycle, leader, plan, now)) {
                Ok(accept) => self.send(leader, Message::Accept(accept), now),
                Err(reason) => self.send(leader, Message::Refuse { cycle: id, reason }, now),
            }
        }
        ours
    }

    fn consent(
        &mut self,
        id: TransferId,
        cycle: &CyclePlan,
        leader: NodeId,
        plan: &Plan,
        now: Now,
    ) -> Result<Accept, Refusal> {
        if self.durable.transfers.contains_key(&id) {
            return Err(Refusal::Malformed);
        }
        let ttl_ms = self.config.deadlines.accept_ttl_ms;
        let expires_ms = now.wall_ms.saturating_add(ttl_ms).min(plan.expires_ms);
        let me = self.config.node;
        let opener = cycle.hops.first().is_some_and(|hop| hop.payer == me);
        let lock_hash = opener.then(|| self.suite.transfer_secret(&id.0).lock_hash());
        let bytes = accept_bytes(&self.config.network, id, lock_hash);
        let bytes = bytes.map_err(|_| Refusal::Malformed)?;
        let signature = self.suite.sign(Domain::Accept, &bytes);
        self.record(Record::CycleReserved {
            cycle: id,
            plan: cycle.clone(),
            leader,
            epoch: plan.certificate.claim.epoch,
            expires_ms,
        });
        self.due.insert(id);
        Ok(Accept { cycle: id, node: me, lock_hash, signature })
    }

    /// Everything we demand of a cycle that names us.
    pub(super) fn check_cycle(
        &self,
        cycle: &CyclePlan,
        expires_ms: u64,
        now: Now,
    ) -> Result<(), Refusal> {
        if !self.durable.rebalancing {
            return Err(Refusal::Disabled);
        }
        if self.space_low {
            return Err(Refusal::Space);
        }
        if now.wall_ms >= expires_ms {
            return Err(Refusal::Expired);
        }
        let me = self.config.node;
        let find = |hop: Option<&Hop>| hop.copied().ok_or(Refusal::Malformed);
        let pays = find(cycle.hops.iter().find(|hop| hop.payer == me))?;
        let gets = find(cycle.hops.iter().find(|hop| hop.payee == me))?;
        if pays.channel == gets.channel {
            return Err(Refusal::Malformed);
        }
        let (out_offer, out_lends) = self.check_hop(&pays, pays.payee, now)?;
        let (in_offer, in_lends) = self.check_hop(&gets, gets.payer, now)?;
        if pays.amount_msat > out_offer.send_msat {
            return Err(Refusal::Insufficient);
        }
        if gets.amount_msat > in_offer.receive_msat {
            return Err(Refusal::OverTarget);
        }
        self.check_cooldown(&pays, &gets, now)?;
        let lends = [(pays.channel, out_lends), (gets.channel, in_lends)];
        self.check_fee(pays.amount_msat, gets.amount_msat, lends, now)?;
        // Both hops of a cycle of two face one counterparty: what counts is their sum.
        if pays.payee == gets.payer {
            let both = pays.amount_msat.plus_capped(gets.amount_msat);
            return self.check_exposure(pays.payee, both);
        }
        self.check_exposure(pays.payee, pays.amount_msat)?;
        self.check_exposure(gets.payer, gets.amount_msat)
    }

    fn check_hop(&self, hop: &Hop, peer: NodeId, now: Now) -> Result<(Offer, bool), Refusal> {
        let channel = self.durable.channels.get(&hop.channel).ok_or(Refusal::UnknownChannel)?;
        if channel.peer() != peer {
            return Err(Refusal::UnknownChannel);
        }
        if channel.frozen || !self.peers_up.contains(&peer) {
            return Err(Refusal::ChannelUnusable);
        }
        let caps = &self.config.caps;
        if hop.amount_msat < caps.cycle_min_msat || hop.amount_msat > caps.cycle_max_msat {
            return Err(Refusal::AmountOutOfRange);
        }
        let offer = self.offer(channel, now);
        Ok((offer, offer.want == Want::Nothing))
    }

    /// A lender gets its price on each lent hop; a beneficiary pays at most its cap and budgets.
    fn check_fee(
        &self,
        pays: Msat,
        gets: Msat,
        lends: [(ChannelId, bool); 2],
        now: Now,
    ) -> Result<(), Refusal> {
        let [lent, gained] = [true, false].map(|lent| {
            let of_kind = lends.iter().filter(move |(_, lends)| *lends == lent);
            of_kind.map(|(channel, _)| *channel)
        });
        let lent_count = lent.clone().count();
        let price_ppm = lent.map(|channel| self.liquidity_of(channel).price_ppm);
        let due = pays.ppm(price_ppm.fold(0, u32::saturating_add));
        if pays.plus_capped(due) <= gets {
            return Ok(());
        }
        if lent_count == 2 {
            return Err(Refusal::Fee);
        }
        let cost = pays.minus_or_zero(gets);
        let caps = &self.config.caps;
        let worth_ppm = gained.map(|channel| self.fee_max_ppm(channel));
        let worth_ppm = worth_ppm.fold(0, u32::saturating_add).min(caps.fee_max_ppm);
        if cost > pays.ppm(worth_ppm) {
            return Err(Refusal::Fee);
        }
        if cost == Msat::ZERO {
            return Ok(());
        }
        let over = |window_ms: u64, limit: Msat| {
            let spent = self.durable.fees_since(now.wall_ms.saturating_sub(window_ms));
            spent.plus_capped(cost) > limit
        };
        if over(3_600_000, caps.fees_hour_msat) || over(86_400_000, caps.fees_day_msat) {
            return Err(Refusal::Budget);
        }
        Ok(())
    }

    /// No ping-pong: what a cycle moved between two of our channels is not moved straight back.
    /// Read from the journaled transfers, so a restart forgets nothing.
    fn check_cooldown(&self, pays: &Hop, gets: &Hop, now: Now) -> Result<(), Refusal> {
        let since_ms = now.wall_ms.saturating_sub(self.config.caps.pair_cooldown_ms);
        let went_back = self.durable.transfers.values().any(|transfer| {
            let through =
                |leg: Option<Leg>, hop: &Hop| leg.map(|leg| leg.channel) == Some(hop.channel);
            let recent = match transfer.stage {
                Stage::Done { outcome, at_ms } => outcome == Outcome::Committed && at_ms > since_ms,
                Stage::Reserved { .. } | Stage::Live => true,
            };
            matches!(transfer.kind, Kind::Cycle { .. })
                && recent
                && through(transfer.incoming, pays)
                && through(transfer.outgoing, gets)
        });
        if went_back && self.config.caps.pair_cooldown_ms > 0 {
            return Err(Refusal::CoolDown);
        }
        Ok(())
    }

    fn check_exposure(&self, peer: NodeId, amount: Msat) -> Result<(), Refusal> {
        let at_stake = self
            .durable
            .open_transfers()
            .filter(|(_, transfer)| matches!(transfer.kind, Kind::Cycle { .. }))
            .flat_map(|(_, transfer)| [transfer.incoming, transfer.outgoing])
            .flatten()
            .filter(|leg| {
                let channel = self.durable.channels.get(&leg.channel);
                !leg.ended() && channel.is_some_and(|channel| channel.peer() == peer)
            })
            .fold(Msat::ZERO, |sum, leg| sum.plus_capped(leg.amount_msat));
        let over = at_stake.plus_capped(amount) > self.config.caps.exposure_msat;
        if over && !active(Mutant::ExposureIgnored) {
            return Err(Refusal::Exposure);
        }
        Ok(())
    }

    pub(super) fn on_go(&mut self, from: NodeId, go: &Go, now: Now) -> Result<(), Reject> {
        let id = go.cycle;
        let Some(transfer) = self.durable.transfers.get(&id) else {
            return Err(Reject::unfitting("go", "unknown cycle"));
        };
        let Kind::Cycle { leader, .. } = transfer.kind else {
            return Err(Reject::malformed("go", "not a cycle"));
        };
        if leader != from {
            return Err(Reject::malformed("go", "not from the cycle's leader"));
        }
        if !matches!(transfer.stage, Stage::Reserved { .. }) {
            return Err(Reject::Duplicate);
        }
        let hops = transfer.hops.clone();
        if hops.len() != go.accepts.len() {
            return Err(Reject::malformed("go", "one consent per party"));
        }
        for (hop, accept) in hops.iter().zip(&go.accepts) {
            if accept.node != hop.payer || accept.cycle != id {
                return Err(Reject::malformed("go", "consents must follow the hops"));
            }
            self.verify_accept(accept)?;
        }
        let hash = go.accepts.first().and_then(|accept| accept.lock_hash);
        let hash = hash.ok_or(Reject::malformed("go", "the opener gave no lock hash"))?;
        self.record(Record::CycleGo { cycle: id, hash, at_ms: now.wall_ms });
        self.due.insert(id);
        Ok(())
    }

    pub(super) fn verify_accept(&self, accept: &Accept) -> Result<(), Reject> {
        let bytes = accept_bytes(&self.config.network, accept.cycle, accept.lock_hash)?;
        self.suite.verify(&accept.node, Domain::Accept, &bytes, &accept.signature)?;
        Ok(())
    }

    /// A refusal reaches us as leader of the cycle, as a party whose leader gave the cycle up, or
    /// as the payer whose lock the low end will not add.
    pub(super) fn on_refuse(
        &mut self,
        from: NodeId,
        id: TransferId,
        reason: Refusal,
        now: Now,
    ) -> Result<(), Reject> {
        if self.leading.leads(&id) {
            self.on_party_refused(from, id, reason, now);
            return Ok(());
        }
        let Some(transfer) = self.durable.transfers.get(&id) else {
            return Err(Reject::unfitting("refuse", "unknown transfer"));
        };
        let leader = matches!(transfer.kind, Kind::Cycle { leader, .. } if leader == from);
        if leader && matches!(transfer.stage, Stage::Reserved { .. }) {
            self.record(Record::CycleLapsed { cycle: id, at_ms: now.wall_ms });
            return Ok(());
        }
        let asked = transfer.outgoing.filter(|leg| {
            let channel = self.durable.channels.get(&leg.channel);
            leg.status == crate::transfer::LegStatus::Asked
                && channel.is_some_and(|channel| channel.peer() == from)
        });
        if asked.is_none() {
            return Err(Reject::unfitting("refuse", "nothing was asked of that node"));
        }
        self.give_up(id, reason);
        Ok(())
    }
}

/// Whether hops form a cycle a plan may contain.
#[must_use]
pub fn is_cycle(hops: &[Hop]) -> bool {
    let closes = match (hops.first(), hops.last()) {
        (Some(first), Some(last)) => first.payer == last.payee,
        _ => false,
    };
    closes && hops.len() >= CYCLE_HOPS_MIN && is_path(hops)
}
