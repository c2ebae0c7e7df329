//! The observer of everything: what must hold, checked while it happens.
//!
//! It uses the protocol's own checkers and, beside them, books of its own that share no code with
//! the core: a ledger of every channel and a register of every durable fact. It must never
//! influence a run.

mod facts;
mod ledger;
mod network;

use crate::marks::Marks;
use crate::scenario::Scenario;
use crate::suite::suite_of;
use debal_crypto::{NodeId, Suite};
use debal_protocol::Msat;
use debal_protocol::event::Event;
use debal_protocol::invariants::check_local;
use debal_protocol::journal::Record;
use debal_protocol::message::{Message, Travel};
use debal_protocol::node::Node;
use debal_protocol::transfer::Kind;
use facts::{Fact, Facts};
use ledger::Ledger;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Something that must never happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// When, milliseconds of virtual time.
    pub at_ms: u64,
    /// The invariant or rule.
    pub rule: String,
    /// What happened.
    pub what: String,
}

/// The observer.
pub struct Watch {
    pub(crate) now_ms: u64,
    /// What was found wrong.
    pub violations: Vec<Violation>,
    /// Checks made.
    pub checked: u64,
    /// Newest certified leader.
    pub(crate) leader: Option<usize>,
    /// Elections certified, by epoch and round.
    pub(crate) leaders: BTreeMap<(u64, u8), usize>,
    ids: Vec<NodeId>,
    tainted: BTreeSet<usize>,
    /// Members whose journal was rolled back: their past promises are forgotten.
    forgetful: BTreeSet<usize>,
    /// Cap on open cycle amounts towards one counterparty.
    exposure_msat: u64,
    /// What leaders make of the planner's amounts.
    greed_percent: u64,
    /// Newest summary of each sender in each host's book.
    books: BTreeMap<(usize, NodeId), u64>,
    /// Checks signatures, whatever the hosts do.
    judge: Option<Arc<dyn Suite>>,
    ledger: Ledger,
    facts: Facts,
}

impl Watch {
    pub(crate) fn new(scenario: &Scenario, ids: &[NodeId]) -> Self {
        let tainted = (0..scenario.nodes).filter(|node| scenario.is_tainted(*node)).collect();
        Self {
            now_ms: 0,
            violations: Vec::new(),
            checked: 0,
            leader: None,
            leaders: BTreeMap::new(),
            ids: ids.to_vec(),
            exposure_msat: scenario.wishes.exposure_msat,
            greed_percent: scenario.wishes.greed_percent,
            books: BTreeMap::new(),
            judge: suite_of(scenario.seed, 0, scenario.real_curves).ok(),
            ledger: Ledger::new(scenario),
            tainted,
            forgetful: BTreeSet::new(),
            facts: Facts::default(),
        }
    }

    pub(crate) fn fail(&mut self, rule: &str, what: String) {
        self.violations.push(Violation { at_ms: self.now_ms, rule: rule.to_owned(), what });
    }

    pub(crate) fn must(&mut self, holds: bool, rule: &str, what: impl FnOnce() -> String) {
        self.checked += 1;
        if !holds {
            self.fail(rule, what());
        }
    }

    /// Clones of a member have numbers beyond the members' and are never honest.
    fn honest(&self, host: usize) -> bool {
        host < self.ids.len() && !self.tainted.contains(&host)
    }

    fn honest_id(&self, id: &NodeId) -> bool {
        self.ids.iter().position(|known| known == id).is_some_and(|host| self.honest(host))
    }

    /// A node wrote records: what it alone can check must hold.
    pub(crate) fn after_step(&mut self, host: usize, node: &Node) {
        if !self.honest(host) {
            return;
        }
        let report = check_local(node.durable());
        self.checked += report.checked;
        for violation in report.violations {
            let rule = violation.split(' ').next().unwrap_or("I0").to_owned();
            if !self.tainted.is_empty() && matches!(rule.as_str(), "I6" | "I7") {
                continue; // A liar next to it may pay and not be paid; judged at rest, by name.
            }
            self.fail(&rule, format!("node {host}: {violation}"));
        }
        self.check_order(host, node);
    }

    /// R1: nobody pays on before it is promised to be paid. R9: nobody promises what it has not.
    fn check_order(&mut self, host: usize, node: &Node) {
        use debal_protocol::transfer::LegStatus::{Asked, Locked, Settled, Waiting};
        let (mut early, mut cheap) = (Vec::new(), Vec::new());
        for (id, transfer) in node.durable().open_transfers() {
            let (Some(incoming), Some(outgoing)) = (transfer.incoming, transfer.outgoing) else {
                continue;
            };
            let middle = incoming.hop < outgoing.hop;
            let paid_on = matches!(outgoing.status, Asked | Locked | Settled);
            if middle && paid_on && incoming.status == Waiting {
                early.push(id.short());
            }
            let policy = node.durable().channels.get(&outgoing.channel).map(|c| c.our_policy);
            let fee = policy.map_or(Msat::ZERO, |policy| policy.fee(outgoing.amount_msat));
            let due = outgoing.amount_msat.plus_capped(fee);
            let payment = matches!(transfer.kind, Kind::Payment);
            if payment && middle && paid_on && incoming.amount_msat < due {
                cheap.push(id.short());
            }
        }
        self.must(early.is_empty(), "R1", || {
            format!("node {host} pays on before it is paid: {early:?}")
        });
        self.must(cheap.is_empty(), "I2", || {
            format!("node {host} forwards for less than its fee: {cheap:?}")
        });
    }

    pub(crate) fn halted(&mut self, host: usize, reason: &str) {
        self.must(false, "H1", || format!("node {host} halted: {reason}"));
    }

    /// An effect left: its records must be durable.
    pub(crate) fn released(&mut self, host: usize, after: u64, durable: u64) {
        self.must(after <= durable, "I11", || {
            format!("node {host} released what waits for record {after} at {durable}")
        });
    }

    /// The member's past promises are not all on the disk it runs from.
    pub(crate) fn forgets(&mut self, host: usize) {
        self.forgetful.insert(host);
    }

    /// A process was started from its disk: it must remember every promise it ever sent.
    pub(crate) fn restarted(&mut self, host: usize, node: &Node) {
        self.ledger.restarted(host, node);
        self.books.retain(|(owner, _), _| *owner != host);
        if self.forgetful.contains(&host) {
            return;
        }
        for (channel, entry) in &node.durable().channels {
            let known = entry.proposal.as_ref().map_or(entry.state().seq, |p| p.state.seq);
            let signed = self.facts.newest_signed(host, *channel);
            self.must(known >= signed, "I8", || {
                format!("node {host} forgot state {signed} of channel {channel}, knows {known}")
            });
        }
        let seq = node.durable().summary_seq;
        let said = self.facts.newest_summary(host);
        self.must(seq >= said, "I8", || format!("node {host} forgot summary {said}, knows {seq}"));
    }

    /// A node told its operator something.
    pub(crate) fn event(
        &mut self,
        host: usize,
        event: &Event,
        index: &BTreeMap<NodeId, usize>,
        marks: &mut Marks,
    ) {
        match event {
            Event::EpochCertified { epoch, leader, round, .. } => {
                marks.hit("election", "certified");
                let Some(leader) = index.get(leader).copied() else { return };
                self.leader = Some(leader);
                let first = *self.leaders.entry((epoch.0, *round)).or_insert(leader);
                self.must(first == leader, "I13", || {
                    format!("epoch {} round {round}: leaders {first} and {leader}", epoch.0)
                });
            }
            Event::PricesSettled { neighbours, .. } => {
                marks.hit("prices", if *neighbours > 0 { "settled" } else { "alone" });
            }
            Event::PlanSeen { checked, .. } => {
                marks.hit("proof", if *checked { "checked" } else { "unchecked" });
            }
            Event::EpochSkipped { .. } => marks.hit("election", "skipped"),
            Event::CycleRefused { reason, .. } => marks.hit("refusal", &format!("{reason:?}")),
            Event::PaymentEnded { reason: Some(reason), .. } => {
                marks.hit("payment_failed", &format!("{reason:?}"));
            }
            Event::PaymentEnded { .. } => marks.hit("payment", "committed"),
            Event::CycleEnded { outcome, .. } => marks.hit("cycle", &format!("{outcome:?}")),
            Event::Accused { node, what } => {
                marks.hit("accused", what);
                let honest = self.honest_id(node);
                self.must(!honest, "E1", || format!("an honest member is accused of two {what}"));
            }
            Event::ChannelFrozen { channel, reason } => {
                marks.hit("frozen", reason);
                let honest = self.honest(host) && self.ledger.honest(*channel);
                self.must(!honest, "F1", || {
                    format!("node {host} froze channel {channel} of two honest ends: {reason}")
                });
            }
            Event::Rejected { from, message, reason, .. } => {
                marks.hit("reject", reason);
                let blames = matches!(*reason, "malformed" | "vrf" | "signature" | "wrong_way");
                let honest = self.honest(host) && self.honest_id(from);
                self.must(!(blames && honest), "W2", || {
                    format!("node {host} blames an honest member for its {message}: {reason}")
                });
                let proven = *reason == "plan_proof" && self.greed_percent == 100;
                self.must(!(proven && honest), "P6", || {
                    format!("node {host} finds an honest plan's proof false")
                });
            }
            _ => {}
        }
    }

    /// A member is about to tell all members of its channels: never more than it can move at that
    /// moment, and where it tells no ratios, none.
    pub(crate) fn published(&mut self, host: usize, node: &Node, bytes: &[u8]) {
        let opened = node.open(Travel::Summaries, bytes).map(|open| open.into_message());
        let Ok(Message::Summary(summary)) = opened else { return };
        for end in &summary.channels {
            let Some(channel) = node.durable().channels.get(&end.channel) else { continue };
            let room = (channel.spendable_msat(), channel.remote_msat());
            let within = end.send_msat <= room.0 && end.receive_msat <= room.1;
            let silent = summary.bits > 0 || end.ratio_bucket == 0;
            self.must(within && silent, "P7", || {
                format!("node {host} tells {end:?}, can move {room:?}, bits {}", summary.bits)
            });
        }
    }

    /// No member's summary is ever replaced by an older one.
    pub(crate) fn check_book(&mut self, host: usize, node: &Node) {
        for (sender, summary) in node.summaries() {
            let newest = self.books.entry((host, sender)).or_default();
            let (seq, known) = (summary.seq, *newest);
            *newest = known.max(seq);
            self.must(seq >= known, "I8", || format!("node {host}: summary {seq} after {known}"));
        }
    }

    /// Records became durable.
    pub(crate) fn durable(&mut self, host: usize, records: &[Record]) {
        for record in records {
            for fact in Fact::of(record) {
                self.facts.durable(host, fact);
            }
        }
    }
}
