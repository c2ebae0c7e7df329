//! Operators and their payments: opening channels, asking, sending, settling held payments.
//!
//! Operators know the topology and nothing else of the world. They must never retry: whether a
//! payment succeeds is for the checks to judge.

use super::host::WALL_BEGIN_MS;
use super::queue::Event;
use super::{World, words};
use crate::scenario::{ChannelPlan, Payment, PaymentKind};
use debal_crypto::{LockHash, Secret};
use debal_protocol::channel::{Channel, ChannelTerms};
use debal_protocol::effect::{Answer, OperatorError};
use debal_protocol::event::Event as NodeEvent;
use debal_protocol::input::{Input, OpenChannel, Operator, Ticket};
use debal_protocol::message::Outcome;
use debal_protocol::plan::Hop;
use debal_protocol::summary::ForwardPolicy;
use debal_protocol::{ChannelId, Msat, TransferId};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, VecDeque};

const OPEN: u64 = 1;
const RECEIVE: u64 = 2;
const SEND: u64 = 3;
const SETTLE: u64 = 4;
const KINDS: u64 = 8;

/// A request on its way to a node.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub host: usize,
    pub ticket: u64,
    pub request: Operator,
}

/// What became of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paid {
    /// Nothing yet.
    Asked,
    /// It is on its way.
    Sent(TransferId),
    /// A node refused to start.
    Refused,
    /// It ended.
    Ended(Outcome),
}

/// All operators.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    pub payments: Vec<Payment>,
    pub paid: BTreeMap<usize, Paid>,
    by_hash: BTreeMap<LockHash, usize>,
    by_transfer: BTreeMap<TransferId, usize>,
    /// Channels both ends have opened.
    pub opened: u64,
    /// Cycles that committed, as their openers saw them.
    pub cycles: u64,
    /// Cycles rolled back.
    pub rolled_back: u64,
}

/// The secret of a held payment: known to the recipient's operator only.
fn held_secret(seed: u64, index: usize) -> Secret {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_be_bytes()).update(&(index as u64).to_be_bytes());
    Secret::new(*hasher.finalize().as_bytes())
}

impl World {
    pub(super) fn ask_for_channels(&mut self) {
        for index in 0..self.scenario.channels.len() {
            let plan = self.scenario.channels[index];
            let open = self.opening(&plan);
            let ticket = index as u64 * KINDS + OPEN;
            let expect = Operator::ExpectChannel(open);
            let expect = Ask { host: plan.b, ticket: u64::MAX, request: expect };
            self.push_in(500, Event::Operator(expect));
            let propose = Ask { host: plan.a, ticket, request: Operator::OpenChannel(open) };
            self.push_in(900, Event::Operator(propose));
        }
    }

    fn opening(&self, plan: &ChannelPlan) -> OpenChannel {
        let (a, b) = (self.founding.ids[plan.a], self.founding.ids[plan.b]);
        let (low, high) = (a.min(b), a.max(b));
        let a_is_low = a == low;
        let wishes = self.scenario.wishes;
        let low_msat = if a_is_low { plan.a_msat } else { plan.capacity_msat - plan.a_msat };
        let terms = ChannelTerms {
            network: self.founding.network,
            channel: ChannelId(plan.number),
            low,
            high,
            capacity_msat: Msat(plan.capacity_msat),
            reserve_msat: Msat(wishes.reserve_msat),
        };
        let policy = ForwardPolicy {
            base_msat: wishes.base_msat,
            ppm: wishes.ppm,
            min_msat: Msat(1),
            max_msat: Msat::MAX,
            disabled: false,
        };
        OpenChannel { terms, low_msat: Msat(low_msat), policy }
    }

    /// Puts payments on the heap, `at_ms` counted from now.
    pub(crate) fn schedule_payments(&mut self, payments: &[Payment]) {
        for payment in payments {
            let index = self.clients.payments.len();
            self.clients.payments.push(*payment);
            self.clients.paid.insert(index, Paid::Asked);
            let held =
                matches!(payment.kind, PaymentKind::HeldSettled | PaymentKind::HeldCancelled);
            let hash = held.then(|| held_secret(self.scenario.seed, index).lock_hash());
            let wall_ms = WALL_BEGIN_MS + self.now_ms + payment.at_ms;
            let request = Operator::PrepareReceive {
                hash,
                amount_msat: Msat(payment.amount_msat),
                expires_ms: wall_ms + 600_000,
                nonce: index as u64,
            };
            let ticket = index as u64 * KINDS + RECEIVE;
            let ask = Ask { host: payment.to, ticket, request };
            self.push_in(payment.at_ms, Event::Operator(ask));
        }
    }

    pub(super) fn operator(&mut self, ask: Ask) {
        if !self.hosts[ask.host].up {
            return;
        }
        self.note(7, ask.host, &ask.ticket.to_be_bytes(), || {
            format!("node {} is asked: {:?}", ask.host, ask.request)
        });
        let input = Input::Operator { ticket: Ticket(ask.ticket), request: ask.request };
        self.input(ask.host, input);
    }

    pub(super) fn answered(
        &mut self,
        host: usize,
        ticket: Ticket,
        answer: Result<Answer, OperatorError>,
    ) {
        let (index, kind) = ((ticket.0 / KINDS) as usize, ticket.0 % KINDS);
        self.watch.answered(host, answer.as_ref().ok());
        if ticket.0 == u64::MAX {
            return;
        }
        match (kind, answer) {
            (OPEN, Ok(_)) => self.clients.opened += 1,
            (RECEIVE, Ok(Answer::Receive(hash))) => self.send_payment(index, hash),
            (SEND, Ok(Answer::Sending(transfer))) => {
                let payment = self.clients.payments[index];
                self.tell(|| {
                    let (short, amount) = (transfer.short(), payment.amount_msat);
                    let (to, kind) = (payment.to, payment.kind);
                    Some(format!("node {host} begins {kind:?} payment {short} of {amount} to {to}"))
                });
                self.clients.by_transfer.insert(transfer, index);
                self.clients.paid.insert(index, Paid::Sent(transfer));
            }
            (RECEIVE | SEND, Err(error)) => {
                self.marks.hit("operator", error_name(&error));
                self.tell(|| Some(format!("node {host} begins no payment: {error:?}")));
                self.clients.paid.insert(index, Paid::Refused);
            }
            _ => {}
        }
    }

    fn send_payment(&mut self, index: usize, hash: LockHash) {
        self.clients.by_hash.insert(hash, index);
        let payment = self.clients.payments[index];
        let Some(hops) = self.route(&payment) else {
            self.clients.paid.insert(index, Paid::Refused);
            return;
        };
        let ticket = index as u64 * KINDS + SEND;
        let ask = Ask { host: payment.from, ticket, request: Operator::SendAlong { hops, hash } };
        self.push_in(20, Event::Operator(ask));
    }

    /// Hops of a payment along a short path picked by its route number.
    fn route(&self, payment: &Payment) -> Option<Vec<Hop>> {
        let mut rng = ChaCha8Rng::seed_from_u64(payment.route);
        let mut channels = self.usable_channels(payment);
        channels.shuffle(&mut rng);
        let path = if payment.kind == PaymentKind::Circular {
            let first = channels.iter().find(|c| c.a == payment.from || c.b == payment.from)?;
            let (first, next) = (*first, other_end(first, payment.from));
            channels.retain(|channel| channel.number != first.number);
            let mut path = vec![(first.number, payment.from, next)];
            path.extend(shortest(&channels, next, payment.to)?);
            path
        } else {
            shortest(&channels, payment.from, payment.to)?
        };
        Some(self.with_amounts(payment, &path))
    }

    /// Fresh payments of the serve phase keep away from what chaos may have left unusable.
    fn usable_channels(&self, payment: &Payment) -> Vec<ChannelPlan> {
        let serve = self.phase >= super::Phase::Serve;
        // The first hop carries every forwarder's fee.
        let fee_msat = u64::from(self.scenario.wishes.base_msat) + payment.amount_msat;
        let need = payment.amount_msat + fee_msat.saturating_mul(self.scenario.nodes as u64);
        let usable = |channel: &&ChannelPlan| {
            let ends = [channel.a, channel.b];
            !serve
                || ends.iter().all(|end| {
                    let id = ChannelId(channel.number);
                    let durable = self.hosts[*end].node.durable();
                    let free =
                        |c: &Channel| c.spendable_msat().minus_or_zero(durable.reserved_msat(id));
                    let entry = durable.channels.get(&id);
                    !self.scenario.is_tainted(*end)
                        && entry.is_some_and(|c| !c.frozen && free(c).0 >= need)
                })
        };
        self.scenario.channels.iter().filter(usable).copied().collect()
    }

    fn with_amounts(&self, payment: &Payment, path: &[(u64, usize, usize)]) -> Vec<Hop> {
        let wishes = self.scenario.wishes;
        let mut amount = match payment.kind {
            PaymentKind::Short => payment.amount_msat.saturating_sub(1).max(1),
            _ => payment.amount_msat,
        };
        let mut hops = Vec::new();
        for (channel, from, to) in path.iter().rev() {
            let (payer, payee) = (self.founding.ids[*from], self.founding.ids[*to]);
            let amount_msat = Msat(amount);
            hops.push(Hop { channel: ChannelId(*channel), payer, payee, amount_msat });
            if payment.kind != PaymentKind::Underpaid {
                let share = u128::from(amount) * u128::from(wishes.ppm) / 1_000_000;
                amount += u64::from(wishes.base_msat) + share as u64;
            }
        }
        hops.reverse();
        hops
    }

    /// A node told its operator something.
    pub(super) fn emitted(&mut self, host: usize, event: &NodeEvent) {
        self.watch.now_ms = self.now_ms;
        self.watch.event(host, event, &self.founding.index, &mut self.marks);
        if host >= self.scenario.nodes {
            return; // A clone has no operator.
        }
        self.tell(|| words::event(event).map(|words| format!("node {host} {words}")));
        match event {
            NodeEvent::PaymentEnded { transfer, outcome, .. } => {
                if let Some(index) = self.clients.by_transfer.get(transfer) {
                    self.clients.paid.insert(*index, Paid::Ended(*outcome));
                }
            }
            NodeEvent::CycleEnded { outcome: Outcome::Committed, .. } => self.clients.cycles += 1,
            NodeEvent::CycleEnded { .. } => self.clients.rolled_back += 1,
            NodeEvent::PaymentHeld { transfer, .. } => self.held(host, *transfer),
            _ => {}
        }
    }

    fn held(&mut self, host: usize, transfer: TransferId) {
        let hash = self.hosts[host].node.durable().transfers.get(&transfer).and_then(|t| t.hash);
        let Some(hash) = hash else { return };
        let Some(index) = self.clients.by_hash.get(&hash).copied() else { return };
        let payment = self.clients.payments[index];
        let request = match payment.kind {
            PaymentKind::HeldCancelled => Operator::Cancel(hash),
            _ => Operator::Settle(held_secret(self.scenario.seed, index)),
        };
        let ask = Ask { host, ticket: index as u64 * KINDS + SETTLE, request };
        self.push_in(200 + payment.route % 2_000, Event::Operator(ask));
    }
}

const fn error_name(error: &OperatorError) -> &'static str {
    match error {
        OperatorError::Refused(_) => "refused",
        OperatorError::ChannelExists(_) => "channel_exists",
        OperatorError::NoChannel(_) => "no_channel",
        OperatorError::Invalid(_) => "invalid",
        OperatorError::Roster(_) => "roster",
        OperatorError::Insufficient { .. } => "insufficient",
        OperatorError::Full(_) => "full",
        OperatorError::Settled => "settled",
        OperatorError::NoReceive => "no_receive",
    }
}

const fn other_end(channel: &ChannelPlan, end: usize) -> usize {
    if channel.a == end { channel.b } else { channel.a }
}

/// A shortest path from one member to another, by the order of `channels` among equals.
fn shortest(channels: &[ChannelPlan], from: usize, to: usize) -> Option<Vec<(u64, usize, usize)>> {
    let mut came: BTreeMap<usize, (u64, usize)> = BTreeMap::new();
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        for channel in channels.iter().filter(|channel| channel.a == at || channel.b == at) {
            let next = other_end(channel, at);
            if next != from && !came.contains_key(&next) {
                came.insert(next, (channel.number, at));
                queue.push_back(next);
            }
        }
    }
    let (mut path, mut at) = (Vec::new(), to);
    while at != from {
        let (channel, before) = *came.get(&at)?;
        path.push((channel, before, at));
        at = before;
    }
    path.reverse();
    Some(path)
}
