//! The leader's side of a plan: publish, collect consents, give the Go.
//!
//! Leading is volatile: a leader that crashes forgets its cycles and the parties' consents lapse.
//! Only that it published is durable: two plans of one certificate would be evidence against it.
//! It must never be able to do more than waste an epoch.

use super::Node;
use super::agreement::{cycle_id, is_cycle, plan_digest};
use super::proof::summaries_digest;
use crate::amount::Msat;
use crate::bounded::Bounded;
use crate::effect::{Effect, PlanRequest};
use crate::election::Certificate;
use crate::event::Event;
use crate::ids::{Epoch, TransferId};
use crate::input::Timer;
use crate::journal::Record;
use crate::limits::{HOP_MAX_BYTES, PLAN_MAX_BYTES, PRICE_MAX_BYTES};
use crate::message::{Message, Refusal};
use crate::plan::{Accept, CyclePlan, Go, LeaderPlan, Plan, PlanProof, Price};
use crate::reject::Reject;
use crate::summary::Summary;
use crate::time::Now;
use crate::wire::codec;
use debal_crypto::{Digest, Domain, Hasher, NodeId};
use std::collections::BTreeMap;

/// A cycle waiting for its parties.
#[derive(Debug)]
struct Pending {
    cycle: CyclePlan,
    accepts: BTreeMap<NodeId, Accept>,
}

/// What this node leads.
#[derive(Debug, Default)]
pub(super) struct Leading {
    certificate: Option<Certificate>,
    summaries: Option<Used>,
    pending: BTreeMap<TransferId, Pending>,
}

/// What identifies the summaries a plan is made from.
#[derive(Debug)]
struct Used {
    digest: Digest,
    seqs: Vec<(NodeId, u64)>,
}

impl Used {
    fn of(summaries: &[(NodeId, Summary)]) -> Self {
        let seqs = summaries.iter().map(|(node, summary)| (*node, summary.seq)).collect();
        Self { digest: summaries_digest(summaries), seqs }
    }

    /// The planner's proof in the form that travels.
    fn proof(&self, made: &LeaderPlan) -> PlanProof {
        let potentials: BTreeMap<NodeId, i64> = made.potentials.iter().copied().collect();
        let prices = self.seqs.iter().map(|&(node, summary_seq)| {
            let potential_ppm = potentials.get(&node).copied().unwrap_or(0);
            Price { node, summary_seq, potential_ppm }
        });
        PlanProof { prices: Bounded::first_of(prices), value: made.value, bound: made.bound }
    }
}

impl Leading {
    /// Whether a cycle waits for its parties here.
    pub(super) fn leads(&self, cycle: &TransferId) -> bool {
        self.pending.contains_key(cycle)
    }
}

impl Node {
    /// We are certified: ask the planner.
    pub(super) fn begin_leading(&mut self, certificate: Certificate, now: Now) {
        let (epoch, round) = (certificate.claim.epoch, certificate.round);
        if self.durable.led >= Some((epoch, round)) {
            // Certified again after a restart: what we published in that life stands.
            return;
        }
        let summaries = if self.durable.rebalancing {
            self.summarise(now);
            self.book.fresh(self.epoch(now))
        } else {
            Vec::new()
        };
        let hops_max = hops_max(&certificate, summaries.len());
        self.leading.summaries = Some(Used::of(&summaries));
        self.leading.certificate = Some(certificate);
        self.outbox.push(Effect::MakePlan(PlanRequest { epoch, round, summaries, hops_max }));
    }

    pub(super) fn on_plan_made(&mut self, epoch: Epoch, round: u8, made: LeaderPlan, now: Now) {
        let Some(certificate) = self.leading.certificate.clone() else { return };
        let current = certificate.claim.epoch == epoch && certificate.round == round;
        let Some(used) = self.leading.summaries.take_if(|_| current) else { return };
        let published = self.durable.led >= Some((epoch, round));
        if published || self.epoch(now) != epoch {
            return;
        }
        let proof = used.proof(&made);
        let cycles: Vec<CyclePlan> = made.cycles.into_iter().map(choose_opener).collect();
        let whole = cycles.iter().all(|cycle| is_cycle(&cycle.hops));
        let mut plan = Plan {
            certificate,
            summaries: used.digest,
            proof,
            expires_ms: self.config.timetable.plan_expires_ms(epoch),
            cycles: Bounded::try_from(cycles).unwrap_or_default(),
        };
        // The proof states all cycles or none. The planner knows its room; one that goes over it
        // or makes no cycles loses its cycles, and the empty plan is worth nothing.
        if !whole || !plan_fits(&plan) {
            plan.cycles = Bounded::new();
        }
        if plan.cycles.is_empty() {
            plan.proof.value = 0;
        }
        self.leading.certificate = None;
        self.publish_plan(plan, now);
    }

    fn publish_plan(&mut self, plan: Plan, now: Now) {
        let Ok(digest) = plan_digest(&plan) else { return };
        let (epoch, round) = (plan.certificate.claim.epoch, plan.certificate.round);
        self.record(Record::PlanPublished { epoch, round });
        let amounts = plan.cycles.iter().filter_map(|cycle| cycle.hops.first());
        let amount_msat = amounts.fold(Msat::ZERO, |sum, hop| sum.plus_capped(hop.amount_msat));
        let cycles = u32::try_from(plan.cycles.len()).unwrap_or(u32::MAX);
        for (index, cycle) in plan.cycles.iter().enumerate() {
            let id = cycle_id(&digest, index);
            let pending = Pending { cycle: cycle.clone(), accepts: BTreeMap::new() };
            self.leading.pending.insert(id, pending);
            let ttl_ms = self.config.deadlines.accept_ttl_ms;
            self.set_timer_in(Timer::Accepts(id), ttl_ms / 2, now);
        }
        self.outbox.emit(Event::PlanMade { epoch, cycles, amount_msat });
        self.gossip(Message::Plan(plan.clone()), now);
        // Gossip does not come back to its sender; we answer our own plan like everybody else.
        self.outbox.push_own(Message::Plan(plan));
    }

    pub(super) fn on_accept(
        &mut self,
        from: NodeId,
        accept: Accept,
        now: Now,
    ) -> Result<(), Reject> {
        let id = accept.cycle;
        if accept.node != from {
            return Err(Reject::malformed("accept", "consents are not relayed"));
        }
        self.verify_accept(&accept)?;
        let Some(pending) = self.leading.pending.get_mut(&id) else {
            return Err(Reject::unfitting("accept", "no such cycle waits here"));
        };
        let party = pending.cycle.hops.iter().position(|hop| hop.payer == from);
        let Some(position) = party else {
            return Err(Reject::malformed("accept", "not a party of the cycle"));
        };
        if (position == 0) != accept.lock_hash.is_some() {
            return Err(Reject::malformed("accept", "the opener alone gives the lock hash"));
        }
        pending.accepts.insert(from, accept);
        if pending.accepts.len() == pending.cycle.hops.len() {
            self.give_go(id, now);
        }
        Ok(())
    }

    fn give_go(&mut self, id: TransferId, now: Now) {
        let Some(pending) = self.leading.pending.remove(&id) else { return };
        let parties: Vec<NodeId> = pending.cycle.hops.iter().map(|hop| hop.payer).collect();
        let accepts = parties.iter().filter_map(|party| pending.accepts.get(party).copied());
        let go = Go { cycle: id, accepts: Bounded::first_of(accepts) };
        for party in parties {
            self.send(party, Message::Go(go.clone()), now);
        }
    }

    pub(super) fn on_party_refused(
        &mut self,
        from: NodeId,
        id: TransferId,
        reason: Refusal,
        now: Now,
    ) {
        let Some(pending) = self.leading.pending.get(&id) else { return };
        if pending.cycle.hops.iter().any(|hop| hop.payer == from) {
            self.drop_cycle(id, Some(from), reason, now);
        }
    }

    pub(super) fn on_accepts_over(&mut self, id: TransferId, now: Now) {
        if self.leading.leads(&id) {
            self.drop_cycle(id, None, Refusal::Expired, now);
        }
    }

    /// Gives a cycle up and tells its parties, so that their reservations end before they lapse.
    fn drop_cycle(&mut self, id: TransferId, node: Option<NodeId>, reason: Refusal, now: Now) {
        let Some(pending) = self.leading.pending.remove(&id) else { return };
        self.outbox.emit(Event::CycleRefused { cycle: id, node, reason });
        let others = pending.cycle.hops.iter().map(|hop| hop.payer);
        for party in others.filter(|party| Some(*party) != node).collect::<Vec<_>>() {
            self.send(party, Message::Refuse { cycle: id, reason }, now);
        }
    }
}

/// Envelope head and signature, digest, expiry, figures and list lengths of a plan take less.
const HEAD_BYTES: usize = 512;

/// How many hops fit into a plan beside its certificate and its proof.
fn hops_max(certificate: &Certificate, summaries: usize) -> usize {
    let votes = codec::encode(certificate).map_or(PLAN_MAX_BYTES, |bytes| bytes.len());
    let taken = summaries.saturating_mul(PRICE_MAX_BYTES).saturating_add(votes);
    let room = PLAN_MAX_BYTES.saturating_sub(taken.saturating_add(HEAD_BYTES));
    room.checked_div(HOP_MAX_BYTES).unwrap_or(0)
}

fn plan_fits(plan: &Plan) -> bool {
    let size = codec::encode(plan).map_or(usize::MAX, |bytes| bytes.len());
    size.saturating_add(HEAD_BYTES) <= PLAN_MAX_BYTES
}

/// Rotates a cycle so that its opener is the party with the smallest digest of (cycle, party):
/// nobody picks itself by the order of hops.
fn choose_opener(cycle: CyclePlan) -> CyclePlan {
    let mut hasher = Hasher::new(Domain::OpenerChoice);
    let mut channels: Vec<u64> = cycle.hops.iter().map(|hop| hop.channel.0).collect();
    channels.sort_unstable();
    for channel in channels {
        hasher.number(channel);
    }
    let label = hasher.finish();
    let score = |node: &NodeId| Digest::of(Domain::OpenerChoice, &[&label.0, &node.0]);
    let mut hops = cycle.hops.into_vec();
    let first = (0..hops.len()).min_by_key(|index| hops.get(*index).map(|hop| score(&hop.payer)));
    hops.rotate_left(first.unwrap_or(0));
    CyclePlan { hops: Bounded::first_of(hops) }
}
